"""What a VBQL statement asks for, read and checked.

Sources: support.voicebase.com, "QuickStart VBQL Tutorial", "Building VBQL Queries and Categories" and
"Advanced Tips and Tricks" (2022); docs/how-to-guides/categories.md. What of it callpost understands stands in
docs/vbql.md.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Path: TypeAlias = tuple[str, ...]
"""A field and what lies below it: ("metadata", "extended", "campaign")."""

Value: TypeAlias = str | float | bool

HITS = ("hits()",)
"""The column that is no field: where in the recording the phrases are."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One word of a phrase, in lower case. prefix: any word that begins so; of "" any word at all."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words in this order within a turn, with up to `slop` others among them."""

    words: tuple[Pattern, ...]
    slop: int
    source: str


@dataclass(frozen=True, slots=True)
class Together:
    """All of them in one turn."""

    parts: "tuple[Spoken, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """Any of them in one turn."""

    parts: "tuple[Spoken, ...]"


@dataclass(frozen=True, slots=True)
class Unlike:
    """A turn without it."""

    part: "Spoken"


class Unit(StrEnum):
    WORDS = "words"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Near:
    """Both, at most `distance` words or seconds apart, in whatever turns.

    speaker: of `right`; None: the same as of `left`.
    """

    left: "Spoken"
    right: "Spoken"
    speaker: str | None
    distance: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class During:
    """It, beginning within a stretch of the recording. start_s, end_s: seconds, below 0 from the end."""

    part: "Spoken"
    start_s: float | None
    end_s: float | None


Spoken: TypeAlias = Phrase | Together | Either | Unlike | Near | During

ANYBODY = "*"


@dataclass(frozen=True, slots=True)
class Says:
    """Some turn of the speaker is so. speaker: a name in lower case, or ANYBODY."""

    speaker: str
    spoken: Spoken


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    IN = "IN"
    BETWEEN = "BETWEEN"
    NULL = "IS NULL"


@dataclass(frozen=True, slots=True)
class Compare:
    """A field against values. A field that the recording does not have makes it false, but for NULL."""

    path: Path
    operator: Operator
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Every:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Some:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition: TypeAlias = Says | Compare | Every | Some | Not
EVERYTHING = Every(())


@dataclass(frozen=True, slots=True)
class Column:
    """name: the alias where there is one."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    path: Path
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """columns: HITS may be among their paths. order: the newest first where the statement has none."""

    condition: Condition
    columns: tuple[Column, ...]
    order: tuple[Order, ...]
    limit: int
    offset: int
