"""A trained classifier as data: words and weights, in a form of its own that can be read without trusting it.

Stored as `callpost classifier`, the number of the format, a SHA-256 of what follows, and MessagePack. Never
pickle: reading that runs whatever it says.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy
from numpy.typing import NDArray

from callpost.analysis import text_features

_MAGIC = b"callpost classifier\n"
_FORMAT = 1
_DIGEST_BYTES = hashlib.sha256().digest_size
_NUMBER = numpy.dtype("<f4")


class UnusableModel(Exception):
    """What is stored is no model, or not one that this version can use; the message says why."""


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """The numbers are little-endian 32-bit floats: a weight for each class and term, class by class."""

    labels: list[str]
    terms: list[str]
    rarity: bytes
    weights: bytes
    offsets: bytes


@dataclass(frozen=True)
class TextModel:
    """A linear model of terms, each counted logarithmically and weighed by its rarity: multinomial logistic.

    labels: the classes, two at least. rarity: (terms,). weights: (labels, terms). offsets: (labels,).
    """

    labels: tuple[str, ...]
    terms: tuple[str, ...]
    rarity: NDArray[numpy.float32]
    weights: NDArray[numpy.float32]
    offsets: NDArray[numpy.float32]

    def probabilities(self, text: str) -> Mapping[str, float]:
        """How likely each class is, 0..1, together 1; without any known term by the offsets alone."""
        counted = Counter(text_features.terms(text))
        places, values = [], []
        for term, count in counted.items():
            place = self._places.get(term)
            if place is not None:
                places.append(place)
                values.append(1 + math.log(count))
        weighed = numpy.array(values, dtype=numpy.float64) * self.rarity[places]
        length = float(numpy.linalg.norm(weighed)) or 1.0
        scores = self.weights[:, places] @ (weighed / length) + self.offsets
        likely = numpy.exp(scores - scores.max())
        return dict(zip(self.labels, (likely / likely.sum()).tolist(), strict=True))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}


def dumps(model: TextModel) -> bytes:
    """The stored form."""
    arrays = (model.rarity, model.weights, model.offsets)
    numbers = (array.astype(_NUMBER).tobytes() for array in arrays)
    stored = _Stored(list(model.labels), list(model.terms), *numbers)
    content = msgspec.msgpack.encode(stored)
    return _MAGIC + bytes([_FORMAT]) + hashlib.sha256(content).digest() + content


def loads(data: bytes) -> TextModel:
    """Raises UnusableModel."""
    content = _content(data)
    try:
        stored = msgspec.msgpack.decode(content, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnusableModel("the stored model cannot be decoded") from error
    labels, terms = len(stored.labels), len(stored.terms)
    if labels < 2 or len(set(stored.labels)) < labels or len(set(stored.terms)) < terms:
        raise UnusableModel("the stored model's classes or terms are not in order")
    return TextModel(
        tuple(stored.labels),
        tuple(stored.terms),
        _numbers(stored.rarity, (terms,)),
        _numbers(stored.weights, (labels, terms)),
        _numbers(stored.offsets, (labels,)),
    )


def _content(data: bytes) -> bytes:
    head = len(_MAGIC)
    if data[:head] != _MAGIC or len(data) <= head + 1 + _DIGEST_BYTES:
        raise UnusableModel("what is stored is not a model")
    if data[head] != _FORMAT:
        raise UnusableModel(f"the stored model has format {data[head]}, and this version reads {_FORMAT}")
    digest, content = data[head + 1 : head + 1 + _DIGEST_BYTES], data[head + 1 + _DIGEST_BYTES :]
    if hashlib.sha256(content).digest() != digest:
        raise UnusableModel("the stored model is damaged")
    return content


def _numbers(data: bytes, shape: tuple[int, ...]) -> NDArray[numpy.float32]:
    if len(data) != math.prod(shape) * _NUMBER.itemsize:
        raise UnusableModel("the stored model's numbers are not as many as they should be")
    numbers = numpy.frombuffer(data, _NUMBER).reshape(shape)
    if not numpy.isfinite(numbers).all():
        raise UnusableModel("the stored model has weights that are no numbers")
    return numbers
