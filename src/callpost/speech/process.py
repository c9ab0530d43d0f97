"""The recognizer as the service sees it: a process of its own behind two coroutines.

A crash, a kill or a hang in there costs the job that runs, and nothing else: the next call starts anew.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import msgspec

from callpost.errors import ConfigurationProblem, UnreadableRecording
from callpost.model.configuration import AudioTranscode
from callpost.model.redaction import ToneRedaction
from callpost.speech import messages
from callpost.speech.recognizer import Recognition, RecognitionRequest, RecognizerLost

_LOADING_LIMIT_S = 3600.0  # a large model may have to be fetched first
_ONE_THREAD_LIBRARIES = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}  # glibc keeps what each thread freed: 110 MB less after 25 minutes

Progress = Callable[[float], None]


class TimeLimit(msgspec.Struct, frozen=True):
    """How long a recording may take: base_s, and per_minute_s more for each minute of sound worked through.

    Counted from when the model is loaded, in seconds. What hangs makes no progress, and so is found out.
    """

    base_s: float = 120.0
    per_minute_s: float = 120.0

    def after(self, heard_ms: int) -> float:
        return self.base_s + self.per_minute_s * heard_ms / 60_000


class RecognizerProcess:
    """Recognises one recording at a time in a child process; further calls wait for their turn.

    model: name of a packaged model ("base", "tiny.en"), a folder, or what the hub knows. models_folder: where
    joined and fetched models are kept. threads: how many work at once, None: one per processor.
    compute_type, device: CTranslate2's ("int8" and "cpu"; "float16" and "cuda"). memory_bytes: what the child
    may allocate, None: no limit. models_by_language: instead of `model`, for recordings that name no model:
    by "es-MX" or "es".
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
        models_by_language: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._setup = messages.Setup(
            model=model,
            models_folder=str(models_folder),
            threads=threads or len(os.sched_getaffinity(0)),
            compute_type=compute_type,
            device=device,
            memory_bytes=memory_bytes,
            models_by_language=dict(models_by_language),
        )
        self._time_limit = time_limit or TimeLimit()
        self._child: _Child | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Start the child, so that the first recording finds it there."""
        async with self._turn:
            await self._started()

    async def close(self) -> None:
        """End the child at once, with whatever it is doing."""
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

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
        return self._child.pid if self._child is not None else None

    async def transcribe(self, request: RecognitionRequest, progress: Progress) -> Recognition:
        """See `recognizer.Recognizer`. A cancelled call kills the child, so that the next need not wait."""
        message = messages.Transcribe(
            path=str(request.path),
            ingest=request.ingest,
            language=request.language,
            model=request.model,
            terms=request.terms,
            voices=request.voices,
        )
        async with self._turn:
            child, began = await self._started(), time.monotonic()
            try:
                reply = await self._job(child, message, progress)
            except BaseException:
                await self.close()
                raise
            took_ms = round((time.monotonic() - began) * 1000)
        return replace(_recognition(reply), took_ms=took_ms)

    async def redact(self, source: Path, target: Path, redaction: ToneRedaction) -> tuple[str, str]:
        """See `recognizer.Recognizer`. In a child of its own: short work need not wait for long."""
        return _written(await self._apart(messages.Redact(str(source), str(target), redaction)))

    async def transcode(self, source: Path, target: Path, wanted: AudioTranscode) -> tuple[str, str] | None:
        """See `recognizer.Recognizer`. In a child of its own, too."""
        reply = await self._apart(messages.Transcode(str(source), str(target), wanted))
        return None if isinstance(reply, messages.Unchanged) else _written(reply)

    async def _apart(self, message: messages.Request) -> messages.Reply:
        child = await _Child.start(self._setup)
        try:
            return await self._job(child, message, lambda _: None)
        finally:
            await child.kill()

    async def _started(self) -> "_Child":
        if self._child is not None and not self._child.is_alive:
            await self.close()
        if self._child is None:
            self._child = await _Child.start(self._setup)
        return self._child

    async def _job(self, child: "_Child", message: messages.Request, progress: Progress) -> messages.Reply:
        """Send one request and follow it to its end, within the time limit."""
        loop = asyncio.get_running_loop()
        began, limit_s = loop.time(), _LOADING_LIMIT_S
        await child.send(message)
        while True:
            match reply := await child.receive(began + limit_s):
                case messages.Ready():
                    began, limit_s = loop.time(), self._time_limit.after(0)
                case messages.Progress():
                    limit_s = self._time_limit.after(reply.heard_ms)
                    progress(reply.done)
                case messages.Broken():
                    raise RecognizerLost(f"The recognizer failed: {reply.message}")
                case _:
                    return reply


def _recognition(reply: messages.Reply) -> Recognition:
    match reply:
        case messages.Recognized():
            return Recognition(
                reply.transcript, reply.length_ms, reply.content_type, reply.extension, reply.warnings
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


class _Child:
    """A started child and the socket to it; native libraries may print where they like."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, setup: messages.Setup) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callpost.speech.child", str(theirs.fileno()), str(os.getpid())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD_LIBRARIES, **_FEW_ARENAS},
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        child = cls(process, reader, writer)
        await child.send(setup)
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._reader.at_eof()

    async def send(self, message: messages.Request) -> None:
        """Raises RecognizerLost where the child has ended."""
        try:
            self._writer.write(messages.framed(message))
            await self._writer.drain()
        except ConnectionError as error:
            raise await self._lost() from error

    async def receive(self, deadline: float) -> messages.Reply:
        """The next message. Raises RecognizerLost at the deadline (loop time), or where the child ended."""
        try:
            async with asyncio.timeout_at(deadline):
                length = await self._reader.readexactly(messages.LENGTH_BYTES)
                return messages.reply(await self._reader.readexactly(int.from_bytes(length, "big")))
        except TimeoutError as error:
            raise RecognizerLost("The recognizer took longer than its time limit and was ended.") from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise await self._lost() from error

    async def _lost(self) -> RecognizerLost:
        code = await self._process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return RecognizerLost(f"The recognizer's process ended {how} in the middle of a job.")

    async def kill(self) -> None:
        """End the child, whatever it does, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.shield(self._process.wait())
        self._writer.close()
