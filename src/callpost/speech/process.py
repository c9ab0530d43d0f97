"""The recognizer as the service sees it: a process of its own behind three coroutines.

All recordings that come at once are recognised there by one model. A crash, a kill or a hang costs those that
are under way the time since their last finished part: they go on in another process, one at a time, so that
the one at fault is lost alone (docs/decisions/0008).
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import msgspec

from callpost.errors import ConfigurationProblem, UnreadableRecording
from callpost.model.configuration import AudioTranscode
from callpost.model.redaction import ToneRedaction
from callpost.speech import languages, messages, parts
from callpost.speech.gate import Gate
from callpost.speech.keeping import Keeping
from callpost.speech.link import Line, Link
from callpost.speech.recognizer import FinishedPart, Keep, Recognition, RecognitionRequest, RecognizerLost

_LOADING_LIMIT_S = 3600.0  # a large model may have to be fetched first
_OBEYING_S = 5.0  # a batch of windows takes less

Progress = Callable[[float], None]


class TimeLimit(msgspec.Struct, frozen=True):
    """How long a recording may take: base_s, and per_minute_s more for each minute of sound worked through.

    Counted from when the model is loaded, in seconds; where several recordings share them, each counts its
    share. What hangs makes no progress, and so is found out. What an earlier process has finished gives no
    time, and takes none to be read past.
    """

    base_s: float = 120.0
    per_minute_s: float = 120.0

    def after(self, heard_ms: int) -> float:
        return self.base_s + self.per_minute_s * heard_ms / 60_000


class _Interrupted(Exception):
    """The job came to nothing while there were others; it may not be the one at fault."""


@dataclass(frozen=True)
class _Follower:
    """Who hears of a job while it goes on. gate: by whose clock its time is limited."""

    gate: Gate
    progress: Progress
    keep: Callable[[FinishedPart], None]


class RecognizerProcess:
    """Recognises in a child process, as many recordings at once as come; those that want another model than
    the ones under way wait for these.

    model: name of a packaged model ("base", "tiny.en"), a folder, or what the hub knows. models_folder: where
    joined and fetched models are kept. threads: how many work at once, None: one per processor.
    compute_type, device: CTranslate2's ("int8" and "cpu"; "float16" and "cuda"). memory_bytes: what the child
    may allocate, None: no limit. part_ms: sound that is recognised at once, and handed over as a part.
    models_by_language: instead of `model`, for recordings that name no model: by "es-MX" or "es".
    """

    def __init__(
        self,
        model: str,
        models_folder: Path,
        *,
        threads: int | None = None,
        compute_type: str = "int8",
        device: str = "cpu",
        memory_bytes: int | None = 4 << 30,
        time_limit: TimeLimit | None = None,
        part_ms: int = parts.LENGTH_MS,
        models_by_language: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._setup = messages.Setup(
            model=model,
            models_folder=str(models_folder),
            threads=threads or len(os.sched_getaffinity(0)),
            compute_type=compute_type,
            device=device,
            memory_bytes=memory_bytes,
            part_ms=part_ms,
            models_by_language=dict(models_by_language),
        )
        self._time_limit = time_limit or TimeLimit()
        self._link: Link | None = None
        self._starting = asyncio.Lock()
        self._gate = Gate()
        self._closed = False

    async def open(self) -> None:
        """Start the child, so that the first recording finds it there."""
        await self._started()

    async def close(self) -> None:
        """End the child at once, with whatever it is doing."""
        self._closed = True
        await self._end_child()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """The child's process id, for monitoring."""
        return self._link.pid if self._link is not None else None

    async def transcribe(
        self, request: RecognitionRequest, progress: Progress, keep: Keep | None = None
    ) -> Recognition:
        """See `recognizer.Recognizer`. A call that is cancelled leaves the others alone."""
        keeping = Keeping(keep)
        return await keeping.beside(self._recognised(request, _rising(progress), keeping.take))

    async def _recognised(
        self, request: RecognitionRequest, progress: Progress, keep: Callable[[FinishedPart], None]
    ) -> Recognition:
        finished = [*request.finished]

        def finish(part: FinishedPart) -> None:
            finished[part.number - 1 :] = [part.data]
            keep(part)

        follower = _Follower(self._gate, progress, finish)
        with suppress(_Interrupted):
            return await self._try(request, finished, follower, alone=False)
        return await self._try(request, finished, follower, alone=True)

    async def _try(
        self, request: RecognitionRequest, finished: list[bytes], follower: _Follower, *, alone: bool
    ) -> Recognition:
        """Recognise, from what is finished on. Raises _Interrupted unless nothing else was under way."""
        async with self._gate.entered(self._model(request), alone=alone):
            link, began = await self._started(), self._gate.share()
            with link.line() as line:
                try:
                    reply = await self._job(line, _message(request, finished), follower)
                except RecognizerLost as error:
                    if not self._closed and (line.in_company or link.jobs > 1):
                        raise _Interrupted from error
                    await self._end_child()
                    raise
            return _recognition(reply, round((self._gate.share() - began) * 1000))

    def _model(self, request: RecognitionRequest) -> str:
        setup = self._setup
        return request.model or languages.chosen(request.language, setup.models_by_language, setup.model)

    async def redact(self, source: Path, target: Path, redaction: ToneRedaction) -> tuple[str, str]:
        """See `recognizer.Recognizer`. In a child of its own: short work need not wait for long."""
        return _written(await self._apart(messages.Redact(str(source), str(target), redaction)))

    async def transcode(self, source: Path, target: Path, wanted: AudioTranscode) -> tuple[str, str] | None:
        """See `recognizer.Recognizer`. In a child of its own, too."""
        reply = await self._apart(messages.Transcode(str(source), str(target), wanted))
        return None if isinstance(reply, messages.Unchanged) else _written(reply)

    async def _apart(self, wanted: messages.Work) -> messages.Reply:
        link = await Link.start(self._setup)
        try:
            with link.line() as line:
                return await self._follow(line, wanted, _Follower(Gate(), lambda _: None, lambda _: None))
        finally:
            await link.kill()

    async def _started(self) -> Link:
        async with self._starting:
            if self._link is not None and not self._link.is_alive:
                await self._end_child()
            if self._closed:
                raise RecognizerLost("The recognizer is closed.")
            if self._link is None:
                self._link = await Link.start(self._setup)
            return self._link

    async def _end_child(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.kill()

    async def _job(self, line: Line, wanted: messages.Work, follower: _Follower) -> messages.Reply:
        """`_follow`, and see to it that nothing goes on in the child where nobody follows any more."""
        try:
            return await self._follow(line, wanted, follower)
        except BaseException:
            if not line.ended:
                await self._withdraw(line)
            raise

    async def _withdraw(self, line: Line) -> None:
        """Have the child leave off with a job; end it where it does not."""
        with suppress(RecognizerLost, TimeoutError):
            try:
                async with asyncio.timeout(_OBEYING_S):
                    await line.send(messages.Cancel(line.number))
                    while not line.ended:
                        await line.receive(_OBEYING_S)
            finally:
                if not line.ended:
                    await line.kill()

    async def _follow(self, line: Line, wanted: messages.Work, follower: _Follower) -> messages.Reply:
        """Send one job and follow it to its end, within the time limit."""
        gate = follower.gate
        await line.send(messages.Job(line.number, wanted))
        began, limit_s = gate.share(), _LOADING_LIMIT_S
        while True:
            match reply := await _received(line, gate, began + limit_s):
                case messages.Ready():
                    began, limit_s = gate.share(), self._time_limit.after(0)
                case messages.Progress(done, 0):
                    began = gate.share()
                    follower.progress(done)
                case messages.Progress():
                    limit_s = self._time_limit.after(reply.heard_ms)
                    follower.progress(reply.done)
                case messages.Part():
                    follower.keep(FinishedPart(reply.number, reply.data))
                case messages.Broken():
                    raise RecognizerLost(f"The recognizer failed: {reply.message}")
                case _:
                    return reply


async def _received(line: Line, gate: Gate, deadline: float) -> messages.Reply:
    """The next message. Raises RecognizerLost at the deadline, by the gate's clock."""
    while (left_s := deadline - gate.share()) > 0:
        with suppress(TimeoutError):
            return await line.receive(left_s * max(1, gate.inside))
    raise RecognizerLost("The recognizer took longer than its time limit and was ended.")


def _rising(progress: Progress) -> Progress:
    """Where a job goes on from its last part, nobody hears of it until it is further than before."""
    reached = 0.0

    def tell(done: float) -> None:
        nonlocal reached
        if done >= reached:
            reached = done
            progress(done)

    return tell


def _message(request: RecognitionRequest, finished: list[bytes]) -> messages.Transcribe:
    return messages.Transcribe(
        path=str(request.path),
        ingest=request.ingest,
        language=request.language,
        model=request.model,
        terms=request.terms,
        voices=request.voices,
        finished=tuple(finished),
    )


def _recognition(reply: messages.Reply, took_ms: int) -> Recognition:
    match reply:
        case messages.Recognized():
            return Recognition(
                reply.transcript,
                reply.length_ms,
                reply.content_type,
                reply.extension,
                reply.warnings,
                0 if reply.resumed else took_ms,
            )
        case _:
            raise _failure(reply)


def _written(reply: messages.Reply) -> tuple[str, str]:
    match reply:
        case messages.Redacted():
            return reply.content_type, reply.extension
        case _:
            raise _failure(reply)


def _failure(reply: messages.Reply) -> Exception:
    match reply:
        case messages.Unreadable():
            return UnreadableRecording(reply.problem)
        case messages.Misconfigured():
            return ConfigurationProblem(reply.message)
        case _:
            return RecognizerLost(f"The recognizer answered with {type(reply).__name__}.")
