"""What the rest of callpost asks of recognition, and what it gets back. Imports no native library."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from callpost.errors import CallpostError, Problem
from callpost.model.configuration import AudioTranscode, ExpectedTerm, Ingest
from callpost.model.redaction import ToneRedaction
from callpost.model.transcript import Transcript


class RecognizerLost(CallpostError):
    """The recognizer's process ended in the middle of a job; the recording may be tried again."""


@dataclass(frozen=True, slots=True)
class RecognitionRequest:
    """One recording to be recognised.

    path: a readable local file in any container ffmpeg reads. language: as in the configuration ("en-US").
    model: a model by name, folder or hub repository; None: the operator's choice.
    terms: words the recogniser should expect (names, products), most important first: Whisper is told of as
    many as its prompt has room for (223 tokens, about 60 names), and all are looked for in what it hears.
    voices: say how each word sounds.
    finished: the data of the parts that an earlier call has handed over, from the first one on; those that do
    not belong to this request any more are found out and not used.
    """

    path: Path
    ingest: Ingest
    language: str
    model: str | None
    terms: tuple[ExpectedTerm, ...] = ()
    voices: bool = False
    finished: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class FinishedPart:
    """What is done of a recording that is longer than one part, to go on from. number: from 1.

    data: for the recognizer alone; the same for the same recording and request, whoever makes it.
    """

    number: int
    data: bytes


Keep = Callable[[FinishedPart], Awaitable[None]]
"""Keeps a part. Awaited before the next one is handed over; what it raises ends the recognition."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was heard. length_ms: of the decoded audio.

    content_type, extension: of the container as it really is ("audio/x-wav", "wav"), whatever was claimed.
    took_ms: that the recogniser worked on it, without waiting for its turn; 0: not measured, as where it went
    on from parts that were finished before.
    """

    transcript: Transcript
    length_ms: int
    content_type: str
    extension: str
    warnings: tuple[Problem, ...] = ()
    took_ms: int = 0


class Recognizer(Protocol):
    """Turns recordings into transcripts. Implemented by `speech.process.RecognizerProcess`."""

    async def transcribe(
        self, request: RecognitionRequest, progress: Callable[[float], None], keep: Keep | None = None
    ) -> Recognition:
        """Recognise one recording; `progress` is called with 0..1, never falling.

        keep: takes each part that is finished while the recognition goes on; a recording that ends within its
        first part has none. A later request with these parts yields the same as if nothing had stopped.

        Raises errors.UnreadableRecording where the recording or the request for it cannot be served
        (trying again would not help), RecognizerLost where the process died (trying again may).
        """
        ...

    async def redact(self, source: Path, target: Path, redaction: ToneRedaction) -> tuple[str, str]:
        """Write `source` to `target` with a tone over every region, on all channels.

        Returns content type and extension of what was written. Raises as `transcribe` does.
        """
        ...

    async def transcode(self, source: Path, target: Path, wanted: AudioTranscode) -> tuple[str, str] | None:
        """Write `source` to `target` in another format; None where it is in that format already.

        Returns and raises as `redact` does; UnreadableRecording (50011) where that format cannot hold it.
        """
        ...
