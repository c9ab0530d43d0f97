"""What the service and its recognizer process say to each other: MessagePack, each message after its length.

Both ends run the same version; nothing of this is stored.
"""

import msgspec

from callpost.errors import Problem
from callpost.model.configuration import AudioTranscode, Ingest
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
    models_by_language: dict[str, str] = {}


class Transcribe(msgspec.Struct, frozen=True, tag=True):
    path: str
    ingest: Ingest
    language: str
    model: str | None
    terms: tuple[str, ...]
    voices: bool


class Redact(msgspec.Struct, frozen=True, tag=True):
    source: str
    target: str
    redaction: ToneRedaction


class Transcode(msgspec.Struct, frozen=True, tag=True):
    source: str
    target: str
    wanted: AudioTranscode


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded; the time limit of the recording begins here."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """done: 0..1. heard_ms: milliseconds of sound worked through."""

    done: float
    heard_ms: int


class Recognized(msgspec.Struct, frozen=True, tag=True):
    transcript: Transcript
    length_ms: int
    content_type: str
    extension: str
    warnings: tuple[Problem, ...]


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
    """An error nobody foresaw; the process ends after it."""

    message: str


Request = Setup | Transcribe | Redact | Transcode
Reply = Ready | Progress | Recognized | Redacted | Unchanged | Unreadable | Misconfigured | Broken

_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def framed(message: Request | Reply) -> bytes:
    """The message as it travels, its length in front of it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def request(body: bytes) -> Request:
    """The request in a message without its length."""
    return _requests.decode(body)


def reply(body: bytes) -> Reply:
    """The reply in a message without its length."""
    return _replies.decode(body)
