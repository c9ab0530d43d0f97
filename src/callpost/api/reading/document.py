"""JSON documents as clients send them: decoded whatever their charset, read key by key, every problem noted.

Nulls and empty lists count as absent (Java clients of 2017 write them for every unset property), and so does
no key at all. Numbers and truth values may come as strings.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from callpost.errors import Problem, Rejected

_DEEPEST = 100
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # neither UTF-8 nor PostgreSQL can hold these
_TRUTH = {"true": True, "false": False}
UNKNOWN_PROPERTY = 10008

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """What a document is called, and the codes for one that cannot be parsed or says something twice."""

    name: str
    unparsable: int
    duplicate: int


CONFIGURATION = Kind("configuration", 10007, 10010)
METADATA = Kind("metadata", 10107, 10110)


class _Pairs(dict[str, Any]):
    """A JSON object that remembers which of its names came more than once."""

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: set[str] = set()
        if len(self) < len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                (self.repeated if name in seen else seen).add(name)


def parse(data: bytes, kind: Kind, charset: str | None = None) -> dict[str, Any]:
    """The object that `data` holds; nothing but blanks is an empty one. charset: declared by the sender.

    Raises Rejected with the codes of `kind`; all duplicates are reported together, each with its place.
    """
    text = _decode(data, charset)
    if not text.strip():
        return {}
    try:
        document = json.loads(
            text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise Rejected(Problem(kind.unparsable, f"The {kind.name} is not valid JSON: {error}")) from None
    if not isinstance(document, dict):
        raise Rejected(Problem(kind.unparsable, f"The {kind.name} is not a JSON object."))
    if problems := tuple(_check(document, kind, "", 0)):
        raise Rejected(problems)
    return document


def _decode(data: bytes, charset: str | None) -> str:
    """UTF-8 unless it cannot be; then as declared; ISO-8859-1, Apache HttpClient's default, reads any."""
    for encoding in (json.detect_encoding(data), charset or "iso-8859-1"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("iso-8859-1")


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not a number in JSON"
    raise ValueError(message)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        message = f"{text} is too large"
        raise ValueError(message)
    return value


def _check(value: object, kind: Kind, place: str, depth: int) -> Iterator[Problem]:
    """Duplicates, depth, and characters that no UTF-8 can carry (halves of a surrogate pair)."""
    if depth > _DEEPEST:
        yield Problem(kind.unparsable, f"The {kind.name} is nested too deeply.", place)
    elif isinstance(value, _Pairs):
        for name in sorted(value.repeated):
            message = f"The {kind.name} contains a duplicated property: '{name}'."
            yield Problem(kind.duplicate, message, within(place, name))
        for name, item in value.items():
            yield from _check(name, kind, place, depth)
            yield from _check(item, kind, within(place, name), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check(item, kind, f"{place}[{index}]", depth + 1)
    elif isinstance(value, str) and _UNSTORABLE.search(value):
        message = f"The {kind.name} holds what is no character: a NUL, or half a surrogate pair."
        yield Problem(kind.unparsable, message, place)


def within(place: str, name: str) -> str:
    """The place of a property inside the object at `place`."""
    return f"{place}.{name}" if place else name


def without_blanks(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """The value without properties that are null or []. Lists keep their length, so that places stay true."""
    if isinstance(value, dict):
        cleaned = {name: without_blanks(item) for name, item in value.items()}
        return {name: item for name, item in cleaned.items() if item is not None and item != []}
    return [without_blanks(item) for item in value] if isinstance(value, list) else value


@dataclass(slots=True)
class Notes:
    """What is wrong with a document, gathered while it is read. strict: unknown properties are errors."""

    kind: Kind
    strict: bool = False
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    _opened: list["Section"] = field(default_factory=list)

    def refuse(self, code: int, message: str, place: str) -> None:
        self.problems.append(Problem(code, message, place))

    def warn(self, code: int, message: str, place: str) -> None:
        self.warnings.append(Problem(code, message, place))

    def doubt(self, code: int, message: str, place: str) -> None:
        """Something VoiceBase refused and we can do without: an error in strict mode only."""
        (self.problems if self.strict else self.warnings).append(Problem(code, message, place))

    def open(self, values: Mapping[str, Any], place: str) -> "Section":
        section = Section(values, place, self)
        self._opened.append(section)
        return section

    def settle(self) -> tuple[Problem, ...]:
        """The warnings. Raises Rejected with all problems where there is any."""
        for section in self._opened:
            for name in section.unread():
                message = f"The property ({name}) is not part of the {self.kind.name}."
                self.doubt(UNKNOWN_PROPERTY, message, within(section.place, name))
        if self.problems:
            raise Rejected(self.problems)
        return tuple(self.warnings)


class Section:
    """One object of the document. What no getter asks for is unknown to us, and `Notes.settle` says so.

    A value of the wrong kind is noted and counts as absent.
    """

    def __init__(self, values: Mapping[str, Any], place: str, notes: Notes) -> None:
        self.place = place
        self.notes = notes
        self._values = values
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def at(self, name: str) -> str:
        """The place of a property of this object."""
        return within(self.place, name)

    def unread(self) -> list[str]:
        return [name for name in self._values if name not in self._read]

    def known(self, *names: str) -> None:
        """Properties that are documented and change nothing here."""
        self._read.update(names)

    def text(self, name: str) -> str | None:
        return self._take(name, _text, "a string")

    def flag(self, name: str) -> bool | None:
        return self._take(name, _flag, "true or false")

    def whole(self, name: str) -> int | None:
        return self._take(name, _whole, "a whole number")

    def number(self, name: str) -> float | None:
        return self._take(name, _number, "a number")

    def section(self, name: str) -> "Section":
        """The object of that name, an empty one where there is none."""
        return self.notes.open(self._take(name, _object, "an object") or {}, self.at(name))

    def sections(self, name: str) -> list["Section"]:
        """The objects in the list of that name; one object alone counts as a list of one."""
        return [self.notes.open(value, place) for place, value in self._each(name, _object, "an object")]

    def texts(self, name: str) -> list[tuple[str, str]]:
        """Places and values in the list of that name; one string alone counts as a list of one."""
        return list(self._each(name, _text, "a string"))

    def wholes(self, name: str) -> list[int]:
        """The whole numbers in the list of that name; one number alone counts as a list of one."""
        return [value for _, value in self._each(name, _whole, "a whole number")]

    def choice(self, name: str, choices: type[E], code: int) -> E | None:
        """One of `choices`, in whatever case; anything else is refused with `code`."""
        value = self.text(name)
        if value is None:
            return None
        for choice in choices:
            if choice.value.lower() == value.strip().lower():
                return choice
        allowed = ", ".join(choices)
        self.notes.refuse(code, f"'{value}' is none of {allowed}.", self.at(name))
        return None

    def refuse(self, code: int, message: str, name: str | None = None) -> None:
        self.notes.refuse(code, message, self.at(name) if name else self.place)

    def _take(self, name: str, read: Callable[[Any], T | None], wanted: str) -> T | None:
        self._read.add(name)
        if name not in self._values:
            return None
        return self._convert(self._values[name], read, wanted, self.at(name))

    def _each(self, name: str, read: Callable[[Any], T | None], wanted: str) -> Iterator[tuple[str, T]]:
        self._read.add(name)
        values = self._values.get(name, [])
        for index, value in enumerate(values if isinstance(values, list) else [values]):
            place = f"{self.at(name)}[{index}]"
            if value is not None and (item := self._convert(value, read, wanted, place)) is not None:
                yield place, item

    def _convert(self, value: object, read: Callable[[Any], T | None], wanted: str, place: str) -> T | None:
        converted = read(value)
        if converted is None:
            self.notes.refuse(self.notes.kind.unparsable, f"Here {wanted} is expected.", place)
        return converted


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(value: object) -> bool | None:
    if isinstance(value, str):
        return _TRUTH.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() else None


def _object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None
