"""The recognizer's own process: `python -m callpost.speech.child FD PARENT`, started by `speech.process`.

Untrusted media and native libraries live here, so that what goes wrong with them costs one job. Ends when
its parent does, however that ends.
"""

import faulthandler
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faster_whisper import WhisperModel

from callpost.errors import ConfigurationProblem, Problem, UnreadableRecording
from callpost.speech import (
    child_process,
    hardware,
    languages,
    messages,
    models,
    parts,
    redaction,
    transcoding,
    transcription,
)
from callpost.speech.audio import SAMPLES_PER_MS
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.whisper import Whisper


@dataclass(frozen=True, slots=True)
class _Model:
    """name: as it was asked for. identity: see `parts.identity`."""

    name: str
    identity: bytes
    whisper: WhisperModel


class _Cancelled(Exception):
    """The service does not want the job any more."""


class _Teller:
    """Tells the service of one job; raises _Cancelled where that is not wanted any more."""

    def __init__(self, number: int, send: Callable[[messages.Answer], None]) -> None:
        self._number = number
        self._send = send
        self.cancelled = threading.Event()

    def say(self, reply: messages.Reply) -> None:
        if self.cancelled.is_set():
            raise _Cancelled
        self.end(reply)

    def end(self, reply: messages.Reply) -> None:
        """The last word, wanted or not."""
        self._send(messages.Answer(self._number, reply))

    def report(self, done: float, heard_ms: int) -> None:
        self.say(messages.Progress(done, heard_ms))


class Child:
    """Does all jobs that come at once, each in a thread of its own; their windows go through one pool.

    Keeps one model loaded: those who come together want the same.
    """

    def __init__(self, setup: messages.Setup, send: Callable[[messages.Answer], None]) -> None:
        self._setup = setup
        self._send = send
        self._pool = ThreadPoolExecutor(setup.threads)
        self._searching = ThreadPoolExecutor(setup.threads)
        self._loading = threading.Lock()
        self._loaded: _Model | None = None
        self._tellers: dict[int, _Teller] = {}

    def begin(self, job: messages.Job) -> None:
        """Do it beside whatever else there is to do."""
        teller = self._tellers[job.number] = _Teller(job.number, self._send)
        threading.Thread(target=self._run, args=(job, teller), daemon=True).start()

    def cancel(self, number: int) -> None:
        """Have a job end at its next word; one that has ended is left alone."""
        if teller := self._tellers.get(number):
            teller.cancelled.set()

    def _run(self, job: messages.Job, teller: _Teller) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            try:
                reply = self._reply(job.wanted, teller)
            except _Cancelled:
                reply = messages.Cancelled()
            except (BrokenPipeError, ConnectionResetError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the service must hear of it
                traceback.print_exc()
                reply = messages.Broken(f"{type(error).__name__}: {error}")
            del self._tellers[job.number]
            teller.end(reply)

    def _reply(self, wanted: messages.Work, teller: _Teller) -> messages.Reply:
        """Do what is asked. Foreseen failures are replies; others are raised."""
        try:
            match wanted:
                case messages.Transcribe():
                    return self._transcribe(wanted, teller)
                case messages.Redact():
                    return self._redact(wanted, teller)
                case messages.Transcode():
                    return self._transcode(wanted, teller)
        except UnreadableRecording as error:
            return messages.Unreadable(error.problem)
        except ConfigurationProblem as error:
            return messages.Misconfigured(str(error))

    def _transcribe(self, request: messages.Transcribe, teller: _Teller) -> messages.Reply:
        name = request.model or languages.chosen(
            request.language, self._setup.models_by_language, self._setup.model
        )
        with self._loading:
            model = self._model(name, by_request=request.model is not None)
        language = languages.whisper_code(request.language, model.whisper.supported_languages, name)
        engine = transcription.Engine(
            Whisper(model.whisper, language, request.terms), self._pool, self._searching, self._setup.threads
        )
        teller.say(messages.Ready())
        wanted = RecognitionRequest(
            Path(request.path),
            request.ingest,
            request.language,
            request.model,
            request.terms,
            request.voices,
        )
        part_ms = self._setup.part_ms
        block = min(transcription.BLOCK, part_ms * SAMPLES_PER_MS)
        mark = parts.fingerprint(
            wanted, model.identity, self._setup.compute_type, self._setup.device, block=block, part_ms=part_ms
        )
        finished = parts.usable(request.finished, mark)
        heard = transcription.transcribe(
            wanted,
            engine,
            teller.report,
            block=block,
            part_ms=part_ms,
            finished=finished,
            keep=lambda part: teller.say(messages.Part(part.number, parts.seal(part, mark))),
        )
        return messages.Recognized(
            heard.transcript,
            heard.length_ms,
            heard.content_type,
            heard.extension,
            heard.warnings,
            bool(finished),
        )

    def _redact(self, request: messages.Redact, teller: _Teller) -> messages.Reply:
        teller.say(messages.Ready())
        written = redaction.redact(
            Path(request.source), Path(request.target), request.redaction, teller.report
        )
        return messages.Redacted(*written)

    def _transcode(self, request: messages.Transcode, teller: _Teller) -> messages.Reply:
        teller.say(messages.Ready())
        written = transcoding.transcode(
            Path(request.source), Path(request.target), request.wanted, teller.report
        )
        return messages.Redacted(*written) if written else messages.Unchanged()

    def _model(self, name: str, *, by_request: bool) -> _Model:
        """The model asked for, loaded in the place of the one before."""
        if self._loaded is None or self._loaded.name != name:
            self._loaded = None  # gives its memory back first
            self._loaded = self._load(name, by_request=by_request)
        return self._loaded

    def _load(self, name: str, *, by_request: bool) -> _Model:
        try:
            folder = models.locate(name, Path(self._setup.models_folder))
        except ConfigurationProblem as error:
            if not by_request:
                raise
            message = f"VoiceBase could not find the speech model {name!r} specified in the configuration."
            raise UnreadableRecording(Problem(20001, message, "speechModel.model")) from error
        setup = self._setup
        whisper = hardware.load(folder, hardware.Hardware(setup.device, setup.compute_type, setup.threads))
        return _Model(name, parts.identity(folder), whisper)


def main(descriptor: int, parent: int) -> None:
    """Serve the socket `descriptor` until the process `parent` closes it or ends."""
    child_process.live_no_longer_than(parent)
    faulthandler.enable()
    for ignored in (signal.SIGINT, signal.SIGTERM):  # the parent decides; a terminal signals both
        signal.signal(ignored, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as connection, connection.makefile("rb") as stream:
        sending = threading.Lock()

        def send(answer: messages.Answer) -> None:
            with sending:
                connection.sendall(messages.framed(answer))

        with suppress(ConnectionResetError):
            _serve(stream.read, send)
    os._exit(0)  # whatever the threads do: nobody wants it any more


def _serve(read: Callable[[int], bytes], send: Callable[[messages.Answer], None]) -> None:
    child: Child | None = None
    while length := read(messages.LENGTH_BYTES):
        match messages.request(read(int.from_bytes(length, "big"))):
            case messages.Setup() as setup:
                child_process.limit_memory(setup.memory_bytes)
                child = Child(setup, send)
            case messages.Job() as job if child is not None:
                child.begin(job)
            case messages.Cancel(number) if child is not None:
                child.cancel(number)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
