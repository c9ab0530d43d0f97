"""The recognizer's own process: `python -m callpost.speech.child FD PARENT`, started by `speech.process`.

Untrusted media and native libraries live here, so that what goes wrong with them costs one job. Ends when
its parent does, however that ends.
"""

import faulthandler
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from faster_whisper import WhisperModel

from callpost.errors import ConfigurationProblem, Problem, UnreadableRecording
from callpost.speech import (
    child_process,
    hardware,
    languages,
    messages,
    models,
    redaction,
    transcoding,
    transcription,
)
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.whisper import Whisper


class Child:
    """Answers requests one after the other; keeps one model loaded."""

    def __init__(self, setup: messages.Setup, send: Callable[[messages.Reply], None]) -> None:
        self._setup = setup
        self._send = send
        self._pool = ThreadPoolExecutor(setup.threads)
        self._loaded: tuple[str, WhisperModel] | None = None

    def answer(self, request: messages.Request) -> messages.Reply:
        """Do what is asked. Foreseen failures are replies; others are raised."""
        try:
            match request:
                case messages.Transcribe():
                    return self._transcribe(request)
                case messages.Redact():
                    return self._redact(request)
                case messages.Transcode():
                    return self._transcode(request)
                case _:
                    raise TypeError(f"not a request for a job: {type(request).__name__}")
        except UnreadableRecording as error:
            return messages.Unreadable(error.problem)
        except ConfigurationProblem as error:
            return messages.Misconfigured(str(error))

    def _transcribe(self, request: messages.Transcribe) -> messages.Reply:
        name = request.model or languages.chosen(
            request.language, self._setup.models_by_language, self._setup.model
        )
        model = self._model(name, by_request=request.model is not None)
        language = languages.whisper_code(request.language, model.supported_languages, name)
        engine = transcription.Engine(
            Whisper(model, language, request.terms), self._pool, self._setup.threads
        )
        self._send(messages.Ready())
        wanted = RecognitionRequest(
            Path(request.path),
            request.ingest,
            request.language,
            request.model,
            request.terms,
            request.voices,
        )
        heard = transcription.transcribe(wanted, engine, self._report)
        return messages.Recognized(
            heard.transcript, heard.length_ms, heard.content_type, heard.extension, heard.warnings
        )

    def _redact(self, request: messages.Redact) -> messages.Reply:
        self._send(messages.Ready())
        written = redaction.redact(
            Path(request.source), Path(request.target), request.redaction, self._report
        )
        return messages.Redacted(*written)

    def _transcode(self, request: messages.Transcode) -> messages.Reply:
        self._send(messages.Ready())
        written = transcoding.transcode(
            Path(request.source), Path(request.target), request.wanted, self._report
        )
        return messages.Redacted(*written) if written else messages.Unchanged()

    def _report(self, done: float, heard_ms: int) -> None:
        self._send(messages.Progress(done, heard_ms))

    def _model(self, name: str, *, by_request: bool) -> WhisperModel:
        """The model asked for, loaded in the place of the one before."""
        if self._loaded is None or self._loaded[0] != name:
            self._loaded = None  # gives its memory back first
            self._loaded = name, self._load(name, by_request=by_request)
        return self._loaded[1]

    def _load(self, name: str, *, by_request: bool) -> WhisperModel:
        try:
            folder = models.locate(name, Path(self._setup.models_folder))
        except ConfigurationProblem as error:
            if not by_request:
                raise
            message = f"VoiceBase could not find the speech model {name!r} specified in the configuration."
            raise UnreadableRecording(Problem(20001, message, "speechModel.model")) from error
        setup = self._setup
        return hardware.load(folder, hardware.Hardware(setup.device, setup.compute_type, setup.threads))


def main(descriptor: int, parent: int) -> None:
    """Serve the socket `descriptor` until the process `parent` closes it or ends."""
    child_process.live_no_longer_than(parent)
    faulthandler.enable()
    for ignored in (signal.SIGINT, signal.SIGTERM):  # the parent decides; a terminal signals both
        signal.signal(ignored, signal.SIG_IGN)
    given_up = suppress(BrokenPipeError, ConnectionResetError)
    with given_up, socket.socket(fileno=descriptor) as connection, connection.makefile("rb") as stream:
        _serve(stream.read, lambda reply: connection.sendall(messages.framed(reply)))


def _serve(read: Callable[[int], bytes], send: Callable[[messages.Reply], None]) -> None:
    child: Child | None = None
    while length := read(messages.LENGTH_BYTES):
        request = messages.request(read(int.from_bytes(length, "big")))
        if isinstance(request, messages.Setup):
            child_process.limit_memory(request.memory_bytes)
            child = Child(request, send)
        elif child is not None:
            send(_answered(child, request))


def _answered(child: Child, request: messages.Request) -> messages.Reply:
    try:
        return child.answer(request)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the service must hear of it
        traceback.print_exc()
        return messages.Broken(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
