"""VBQL from text: read by the grammar, its speakers handed on from left to right, its size bounded."""

from collections.abc import Sequence
from functools import cache, lru_cache

from lark import Token

from callpost.analysis.grammar import Language, Misread, misread_at
from callpost.analysis.vbql import building
from callpost.analysis.vbql.building import (
    Builder,
    Field,
    Raw,
    RawEvery,
    RawNot,
    RawSome,
    RawStatement,
    Said,
    SaysAll,
)
from callpost.analysis.vbql.fields import FIELDS
from callpost.analysis.vbql.query import (
    ANYBODY,
    HITS,
    Column,
    Condition,
    During,
    Either,
    Every,
    Near,
    Not,
    Order,
    Phrase,
    Query,
    Says,
    Some,
    Spoken,
    Together,
    Unlike,
)

LONGEST = 10_000
"""Characters of a statement."""

MOST_TERMS = 200
"""Phrases and comparisons."""

DEEPEST = 50
DEFAULT_LIMIT, HIGHEST_LIMIT, HIGHEST_OFFSET = 10, 1000, 10_000

_EVERY_COLUMN = tuple(Column((name,), name) for name in FIELDS if name not in ("metrics", "categories"))
_NEWEST_FIRST = (Order(("dateCreated",), descending=True),)
_NO_SPEAKER = 'whose words? Say so first: "Agent" SAYS …, or * SAYS … for anybody\'s'
_NAMES = {
    "STRING": "a text in quotes",
    "NUMBER": "a number",
    "NAME": "a name",
    "TRUTH": "true",
    "OPEN": "'('",
    "RPAR": "')'",
    "LPAR": "'('",
    "BANG": "'!'",
    "STAR": "'*'",
    "COMMA": "','",
    "DOT": "'.'",
    "COLON": "':'",
    "SLASH": "'/'",
    "LSQB": "'['",
    "RSQB": "']'",
    "__ANON_0": "'||'",
    "__ANON_1": "'&&'",
    "OPERATOR": "a comparison such as =",
    "DIRECTION": "ASC or DESC",
    "UNIT": "WORDS or SECONDS",
    "$END": "the end",
}


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """The statement, or the condition alone. Raises Misread with the line and column of what is wrong."""
    if len(text) > LONGEST:
        raise Misread(f"a statement has {LONGEST} characters at most", 1, LONGEST + 1)
    if not text.strip():
        raise Misread("there is no statement", 1, 1)
    return _query(_language().read(text))


@cache
def _language() -> Language:
    return Language("callpost.analysis.vbql", "vbql.lark", Builder(), _NAMES)


def _query(raw: RawStatement) -> Query:
    found = [
        _Speakers(speaker).condition(part, 0)
        for speaker, part in ((ANYBODY, raw.matched), (None, raw.where))
        if part is not None
    ]
    columns = tuple(one for column in raw.columns for one in ((column,) if column else _EVERY_COLUMN))
    tail = raw.tail
    return Query(
        found[0] if len(found) == 1 else Every(tuple(found)),
        columns,
        tuple(_order(field, descending, columns) for field, descending in tail.order) or _NEWEST_FIRST,
        _whole(tail.limit, DEFAULT_LIMIT, 1, HIGHEST_LIMIT),
        _whole(tail.offset, 0, 0, HIGHEST_OFFSET),
    )


def _order(field: Field, descending: bool, columns: Sequence[Column]) -> Order:
    aliases = {column.name: column.path for column in columns if column.path != HITS}
    path = aliases.get(".".join(field.path)) or building.known(field).path
    return Order(path, descending)


def _whole(number: Token | None, default: int, least: int, most: int) -> int:
    if number is None:
        return default
    found = float(number)
    if not found.is_integer() or not least <= found <= most:
        raise misread_at(number, f"here a whole number from {least} to {most} is expected")
    return int(found)


class _Speakers:
    """Goes through a condition from left to right and knows who spoke last."""

    def __init__(self, speaker: str | None) -> None:
        self._speaker = speaker
        self._terms = 0

    def condition(self, raw: Raw, depth: int) -> Condition:
        self._require(depth)
        match raw:
            case RawEvery(parts):
                return Every(tuple(self.condition(part, depth + 1) for part in parts))
            case RawSome(parts):
                return Some(tuple(self.condition(part, depth + 1) for part in parts))
            case RawNot(part):
                return Not(self.condition(part, depth + 1))
            case SaysAll(speaker, part):
                self._speaker = speaker
                return self.condition(part, depth + 1)
        return self._one(raw, depth)

    def _one(self, raw: Says | Said | Condition, depth: int) -> Condition:
        match raw:
            case Says(speaker, spoken):
                self._speaker = speaker
                return self._says(spoken, depth)
            case Said(spoken, at):
                if self._speaker is None:
                    raise misread_at(at, _NO_SPEAKER)
                return self._says(spoken, depth)
        self._count()
        return raw

    def _says(self, spoken: Spoken, depth: int) -> Says:
        self._look_into(spoken, depth + 1)
        return Says(self._speaker or ANYBODY, spoken)

    def _look_into(self, spoken: Spoken, depth: int) -> None:
        self._require(depth)
        if isinstance(spoken, Phrase):
            self._count()
        for part in inner(spoken):
            self._look_into(part, depth + 1)

    def _require(self, depth: int) -> None:
        if depth > DEEPEST:
            raise Misread(f"the statement is nested more than {DEEPEST} deep", 1, 1)

    def _count(self) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise Misread(f"a statement has {MOST_TERMS} phrases and comparisons at most", 1, 1)


def inner(spoken: Spoken) -> tuple[Spoken, ...]:
    """What a spoken part is made of."""
    match spoken:
        case Together(parts) | Either(parts):
            return parts
        case Unlike(part) | During(part=part):
            return (part,)
        case Near(left=left, right=right):
            return left, right
    return ()
