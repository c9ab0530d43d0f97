"""What is finished of a long recording, so that another process can go on from there.

Each part is only what it adds, sealed together with all that decided what was heard: a part that is torn, or
that another model, configuration or version made, is seen and not used.
"""

import hashlib
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from callpost import __version__
from callpost.model.transcript import Word
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.speakers import Stretch

LENGTH_MS = 300_000
"""How much sound a part is, unless another length is asked for: enough for full batches."""

_FORMAT = 4  # of `Part`: what is changed there, or in how windows are found, goes with another number here
_RECOGNISED_BY = ("faster-whisper", "ctranslate2", "av")
_SLICES = 64  # of model.bin, with its length: two models differ all over
_SLICE_BYTES = 4096
_DIGEST_BYTES = 32


class Addition(msgspec.Struct, frozen=True, array_like=True):
    """What one part adds to one source.

    speech: where somebody speaks, in samples of 16 kHz from the beginning of the recording. goes_on_at: the
    first sample that the next part needs, as speech at the end of this one was held back.
    """

    words: tuple[Word, ...]
    speech: tuple[tuple[int, int], ...]
    goes_on_at: int


class Part(msgspec.Struct, frozen=True, array_like=True):
    """number: from 1. blocks: that were read of the recording until then. length_ms: of sound in them.

    sources: in the order of the plan (`ingest.Plan`). stretches: where speakers are told apart by voice.
    """

    number: int
    blocks: int
    length_ms: int
    sources: tuple[Addition, ...]
    stretches: tuple[Stretch, ...] = ()


def fingerprint(
    request: RecognitionRequest, model: bytes, compute_type: str, device: str, *, block: int, part_ms: int
) -> bytes:
    """All that decides what is heard, and where a part ends. model: see `identity`.

    The number of threads is not among it: it decides which windows share a batch, as chance does.
    """
    facts = (
        (_FORMAT, __version__, *map(version, _RECOGNISED_BY)),
        (model, compute_type, device, block, part_ms),
        (request.ingest, request.language, request.terms, request.voices),
        request.path.stat().st_size,
    )
    return hashlib.sha256(msgspec.msgpack.encode(facts)).digest()


def identity(folder: Path) -> bytes:
    """What tells one model from another, wherever it lies: its length and slices of its weights."""
    path = folder / "model.bin"
    size = path.stat().st_size
    digest = hashlib.sha256(size.to_bytes(8, "big"))
    with path.open("rb") as file:
        for number in range(_SLICES):
            file.seek(number * size // _SLICES)
            digest.update(file.read(_SLICE_BYTES))
    return digest.digest()


def seal(part: Part, fingerprint: bytes) -> bytes:
    """The part as it is kept."""
    body = msgspec.msgpack.encode(part)
    return hashlib.sha256(fingerprint + body).digest() + body


def usable(kept: Iterable[bytes], fingerprint: bytes) -> Sequence[Part]:
    """The parts to go on from: the first ones, up to one that is torn, strange or missing."""
    found: list[Part] = []
    for data in kept:
        digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if digest != hashlib.sha256(fingerprint + body).digest():
            break
        part = msgspec.msgpack.decode(body, type=Part)
        if part.number != len(found) + 1:
            break
        found.append(part)
    return found
