"""What to look for in an index of words, whoever asks: a list's `query`, or VBQL for its candidates."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Part(StrEnum):
    """The parts of a recording that can be searched by themselves."""

    TITLE = "title"
    DESCRIPTION = "description"


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or words in this order. prefix: the last one may go on. part: None for anywhere."""

    text: str
    prefix: bool = False
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: "tuple[Wanted, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: "tuple[Wanted, ...]"


@dataclass(frozen=True, slots=True)
class NoneOf:
    part: "Wanted"


Wanted: TypeAlias = Term | AllOf | AnyOf | NoneOf
