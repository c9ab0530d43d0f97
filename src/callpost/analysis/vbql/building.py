"""From the rules of vbql.lark to what they ask for, checked while it is built: errors know their column."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lark import Token, Transformer

from callpost.analysis.grammar import misread_at
from callpost.analysis.vbql import fields, words
from callpost.analysis.vbql.fields import FIELDS, GROUPS, Kind
from callpost.analysis.vbql.query import (
    HITS,
    Column,
    Compare,
    Condition,
    During,
    Either,
    Every,
    Near,
    Operator,
    Path,
    Pattern,
    Phrase,
    Says,
    Spoken,
    Together,
    Unit,
    Unlike,
    Value,
)

MOST_SLOP = 50
"""Words that may lie between those of a phrase; and the farthest that NEAR looks, in words."""

_FARTHEST_S = 3600
_ESCAPED = re.compile(r"\\(.)|([\"'])\2", re.DOTALL)
_QUOTED_TOGETHER = "&&, ||, !, NEAR and [times] connect phrases within a turn; use AND, OR and NOT here"


@dataclass(frozen=True, slots=True)
class Said:
    """Phrases whose speaker is the one named before. at: where they begin."""

    spoken: Spoken
    at: Token


@dataclass(frozen=True, slots=True)
class SaysAll:
    """A speaker before parentheses that hold more than one turn can answer."""

    speaker: str
    part: "Raw"


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses round a condition. at: the opening one."""

    part: "Raw"
    at: Token


@dataclass(frozen=True, slots=True)
class RawEvery:
    parts: "tuple[Raw, ...]"


@dataclass(frozen=True, slots=True)
class RawSome:
    parts: "tuple[Raw, ...]"


@dataclass(frozen=True, slots=True)
class RawNot:
    part: "Raw"


Raw: TypeAlias = Condition | Said | SaysAll | RawEvery | RawSome | RawNot
"""A condition in which speakers are still to be handed on from left to right."""


@dataclass(frozen=True, slots=True)
class Field:
    path: Path
    at: Token


@dataclass(frozen=True, slots=True)
class Tail:
    order: tuple[tuple[Field, bool], ...]
    limit: Token | None
    offset: Token | None


@dataclass(frozen=True, slots=True)
class RawStatement:
    """columns: None where everything is asked for. matched: of MATCH, which anybody may say."""

    columns: "tuple[Column | None, ...]"
    matched: Raw | None
    where: Raw | None
    tail: Tail


class Builder(Transformer[Token, Any]):
    """One method per rule; what lark hands over is a list of what the rule's parts became."""

    def start(self, parts: list[Any]) -> RawStatement:
        columns: tuple[Column | None, ...] = (None,)
        found = {"match": None, "where": None}
        for part in parts[:-1]:
            if isinstance(part, tuple) and part and part[0] in found:
                found[part[0]] = part[1]
            elif part is not None:
                columns = part
        return RawStatement(columns, found["match"], found["where"], parts[-1])

    def bare(self, parts: list[Any]) -> RawStatement:
        return RawStatement((None,), None, parts[0], parts[1])

    def select(self, parts: list[Any]) -> "tuple[Column | None, ...]":
        return tuple(parts)

    def every_column(self, _: list[Any]) -> None:
        return None

    def hits(self, parts: list[Token | None]) -> Column:
        return Column(HITS, str(parts[0] or HITS[0]))

    def column(self, parts: list[Any]) -> Column:
        field, alias = parts
        return Column(field.path, str(alias or ".".join(field.path)))

    def match(self, parts: list[Raw]) -> tuple[str, Raw]:
        return "match", parts[0]

    def where(self, parts: list[Raw]) -> tuple[str, Raw]:
        return "where", parts[0]

    def tail(self, parts: list[Any]) -> Tail:
        order, limit, offset = parts
        return Tail(order or (), limit, offset)

    def order(self, parts: list[tuple[Field, bool]]) -> tuple[tuple[Field, bool], ...]:
        return tuple(parts)

    def key(self, parts: list[Any]) -> tuple[Field, bool]:
        field, direction = parts
        return field, str(direction or "").upper() == "DESC"

    def limit(self, parts: list[Token]) -> Token:
        return parts[0]

    def offset(self, parts: list[Token]) -> Token:
        return parts[0]

    # Conditions.

    def some_calls(self, parts: list[Raw]) -> Raw:
        return parts[0] if len(parts) == 1 else RawSome(tuple(parts))

    def every_call(self, parts: list[Raw]) -> Raw:
        return parts[0] if len(parts) == 1 else RawEvery(tuple(parts))

    def no_call(self, parts: list[Any]) -> Raw:
        return RawNot(parts[-1])

    def everything(self, _: list[Any]) -> Raw:
        return Every(())

    def says(self, parts: list[Any]) -> Raw:
        speaker, said = parts
        return SaysAll(speaker, said.part) if isinstance(said, Group) else Says(speaker, said[0])

    def said_by_the_same(self, parts: list[Any]) -> Raw:
        (said,) = parts
        return said.part if isinstance(said, Group) else Said(*said)

    def anybody(self, _: list[Any]) -> str:
        return "*"

    def speaker(self, parts: list[Token]) -> str:
        name = _unquoted(parts[0]) if parts[0].type == "STRING" else str(parts[0])
        return " ".join(name.casefold().split())

    # What is looked for in a turn: (spoken, where it begins), or a Group, which no operator may have.

    def either(self, parts: list[Any]) -> tuple[Spoken, Token]:
        return Either(_spoken(parts)), parts[0][1]

    def together(self, parts: list[Any]) -> tuple[Spoken, Token]:
        return Together(_spoken(parts)), parts[0][1]

    def unlike(self, parts: list[Any]) -> tuple[Spoken, Token]:
        (part,) = _spoken(parts)
        return Unlike(part), parts[0][1]

    def near(self, parts: list[Any]) -> tuple[Spoken, Token]:
        left, at, (speaker, right), number, unit = parts
        first, second = _spoken([left, right])
        in_words = unit.lower().startswith("w")
        distance = _within(number, 0, MOST_SLOP if in_words else _FARTHEST_S)
        found = Near(first, second, speaker, distance, Unit.WORDS if in_words else Unit.SECONDS)
        return found, _at(left, at)

    def partner(self, parts: list[Any]) -> tuple[None, Any]:
        return None, parts[0]

    def partner_of(self, parts: list[Any]) -> tuple[str, Any]:
        return parts[0], parts[1]

    def timed(self, parts: list[Any]) -> Any:  # noqa: ANN401 - see above
        part, window = parts
        if window is None:
            return part
        (spoken,) = _spoken([part])
        return During(spoken, *window), part[1]

    def window(self, parts: list[float | None]) -> tuple[float | None, float | None]:
        return parts[0], parts[1]

    def seconds(self, parts: list[Token | None]) -> float:
        number, unit = parts
        if unit is not None and unit.lower().startswith("w"):
            raise misread_at(unit, "times are in seconds")
        return float(number or 0)

    def phrase(self, parts: list[Token | None]) -> tuple[Spoken, Token]:
        text, slop = parts
        assert text is not None  # noqa: S101 - the grammar says so
        between = int(_within(slop, 0, MOST_SLOP)) if slop else 0
        source = " ".join(_unquoted(text).split())
        return Phrase(_patterns(text), between, source), text

    def group(self, parts: list[Any]) -> Any:  # noqa: ANN401
        at, condition = parts
        return (condition.spoken, at) if isinstance(condition, Said) else Group(condition, at)

    # Fields.

    def path(self, parts: list[Token]) -> Field:
        name, *below = parts
        return Field((str(name), *(_name(part) for part in below)), name)

    def field(self, parts: list[Field]) -> Field:
        return known(parts[0])

    def value(self, parts: list[Token]) -> tuple[Value, Token]:
        (token,) = parts
        if token.type == "NUMBER":
            return float(token), token
        return (token.upper() == "TRUE" if token.type == "TRUTH" else _unquoted(token)), token

    def compare(self, parts: list[Any]) -> Compare:
        field, operator, value = parts
        found = Operator.UNEQUAL if operator == "<>" else Operator(operator)
        return _comparison(field, found, [value])

    def one_of(self, parts: list[Any]) -> Raw:
        field, no, *values = parts
        return _unless(no, _comparison(field, Operator.IN, values))

    def like(self, parts: list[Any]) -> Raw:
        field, no, pattern = parts
        return _unless(no, Compare(field.path, Operator.LIKE, (_unquoted(pattern),)))

    def between(self, parts: list[Any]) -> Raw:
        field, no, *values = parts
        return _unless(no, _comparison(field, Operator.BETWEEN, values))

    def is_null(self, parts: list[Any]) -> Raw:
        field, no = parts
        return _unless(no, Compare(field.path, Operator.NULL))


def known(field: Field) -> Field:
    """The field, if there is one of that name. Raises Misread."""
    name, *below = field.path
    if name not in FIELDS:
        raise misread_at(field.at, f"there is no field '{name[:40]}'; there are {', '.join(FIELDS)}")
    if name in GROUPS and not below and name != "metadata":
        raise misread_at(field.at, f"the field '{name}' needs a name below it, as in {name}.name")
    if name not in GROUPS and below:
        raise misread_at(field.at, f"the field '{name}' has nothing below it")
    return field


def _spoken(parts: Sequence[Any]) -> tuple[Spoken, ...]:
    for part in parts:
        if isinstance(part, Group):
            raise misread_at(part.at, _QUOTED_TOGETHER)
    return tuple(part[0] for part in parts)


def _at(part: Any, otherwise: Token) -> Token:  # noqa: ANN401
    return part[1] if isinstance(part, tuple) else otherwise


def _unless(no: Token | None, condition: Raw) -> Raw:
    return condition if no is None else RawNot(condition)


def _comparison(field: Field, operator: Operator, values: Sequence[tuple[Value, Token]]) -> Compare:
    kind = Kind.ANY if field.path[0] == "metadata" else FIELDS[field.path[0]]
    for value, token in values:
        if not _fits(kind, value):
            raise misread_at(token, f"the field '{field.path[0]}' is compared with {kind.value}")
    return Compare(field.path, operator, tuple(value for value, _ in values))


def _fits(kind: Kind, value: Value) -> bool:
    if kind is Kind.DATE:
        return isinstance(value, str) and fields.moment(value) is not None
    if kind is Kind.NUMBER:
        return isinstance(value, float)
    return kind is Kind.ANY or isinstance(value, str)


def _within(number: Token, least: int, most: int) -> float:
    found = float(number)
    if not least <= found <= most or (most == MOST_SLOP and not found.is_integer()):
        raise misread_at(number, f"here a number from {least} to {most} is expected")
    return found


def _patterns(token: Token) -> tuple[Pattern, ...]:
    found: list[Pattern] = []
    for chunk in _unquoted(token).split():
        found += _chunk(chunk, token)
    if not any(pattern.text for pattern in found):
        raise misread_at(token, "a phrase needs a word")
    return tuple(found)


def _chunk(chunk: str, token: Token) -> list[Pattern]:
    text, star, rest = chunk.rstrip(".,?!;:").partition("*")
    parts = words.parts(text)
    if rest or (star and text and not parts):
        raise misread_at(token, f"'{chunk[:40]}': a * stands at the end of a word")
    if not star:
        return [Pattern(part) for part in parts]
    return [*(Pattern(part) for part in parts[:-1]), Pattern(parts[-1] if parts else "", prefix=True)]


def _name(token: Token) -> str:
    return _unquoted(token) if token.type == "STRING" else str(token)


def _unquoted(token: Token) -> str:
    return _ESCAPED.sub(lambda found: found[1] or found[2], token[1:-1])
