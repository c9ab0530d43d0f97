"""What the service and its recognizer process say to each other: MessagePack, each message after its length.

Both ends run the same version; nothing of this is stored.
"""

import msgspec

from callpost.errors import Problem
from callpost.model.configuration import AudioTranscode, ExpectedTerm, Ingest
from callpost.model.redaction import ToneRedaction
from callpost.model.transcript import Transcript

LENGTH_BYTES = 4


class Setup(msgspec.Struct, frozen=True, tag=True):
    """First message to a new process. See `process.RecognizerProcess` for the fields."""

    model: str
    models_folder: str
    threads: int
    compute_type: str
    device: str
    memory_bytes: int | None
    part_ms: int
    models_by_language: dict[str, str] = {}


class Transcribe(msgspec.Struct, frozen=True, tag=True):
    path: str
    ingest: Ingest
    language: str
    model: str | None
    terms: tuple[ExpectedTerm, ...]
    voices: bool
    finished: tuple[bytes, ...]


class Redact(msgspec.Struct, frozen=True, tag=True):
    source: str
    target: str
    redaction: ToneRedaction


class Transcode(msgspec.Struct, frozen=True, tag=True):
    source: str
    target: str
    wanted: AudioTranscode


Work = Transcribe | Redact | Transcode


class Job(msgspec.Struct, frozen=True, tag=True):
    """One piece of work; whatever is said of it names its number."""

    number: int
    wanted: Work


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Leave off with a job, which answers `Cancelled` unless it had ended."""

    number: int


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded; the time limit of the recording begins here."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """done: 0..1. heard_ms: milliseconds of sound worked through for this request.

    As long as that is 0, be it that what was finished earlier is read past, the time limit begins anew.
    """

    done: float
    heard_ms: int


class Part(msgspec.Struct, frozen=True, tag=True):
    """See `recognizer.FinishedPart`."""

    number: int
    data: bytes


class Recognized(msgspec.Struct, frozen=True, tag=True):
    """resumed: not all of it was recognised for this request."""

    transcript: Transcript
    length_ms: int
    content_type: str
    extension: str
    warnings: tuple[Problem, ...]
    resumed: bool


class Redacted(msgspec.Struct, frozen=True, tag=True):
    content_type: str
    extension: str


class Unchanged(msgspec.Struct, frozen=True, tag=True):
    """Nothing was written: the recording is what was asked for."""


class Unreadable(msgspec.Struct, frozen=True, tag=True):
    problem: Problem


class Misconfigured(msgspec.Struct, frozen=True, tag=True):
    message: str


class Broken(msgspec.Struct, frozen=True, tag=True):
    """An error nobody foresaw."""

    message: str


class Cancelled(msgspec.Struct, frozen=True, tag=True):
    """Nothing of the job is under way any more."""


Request = Setup | Job | Cancel
Reply = (
    Ready
    | Progress
    | Part
    | Recognized
    | Redacted
    | Unchanged
    | Unreadable
    | Misconfigured
    | Broken
    | Cancelled
)


class Answer(msgspec.Struct, frozen=True):
    """What is said of the job `number`. Those after `Ready`, `Progress` and `Part` are the last of it."""

    number: int
    reply: Reply

    @property
    def is_last(self) -> bool:
        return not isinstance(self.reply, Ready | Progress | Part)


_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def framed(message: Request | Answer) -> bytes:
    """The message as it travels, its length in front of it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def request(body: bytes) -> Request:
    """The request in a message without its length."""
    return _requests.decode(body)


def answer(body: bytes) -> Answer:
    """The answer in a message without its length."""
    return _answers.decode(body)
