"""The fields of a recording that VBQL knows: their kinds, their values, and how they compare."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Any, Final

from callpost.analysis.vbql.query import Compare, Operator, Path, Value
from callpost.model.media import Media
from callpost.model.results import Results


class Kind(StrEnum):
    """What a field holds; ANY: whatever the customer put there."""

    TEXT = "a text in quotes"
    NUMBER = "a number"
    DATE = "a date in quotes, as '2026-03-01' or '2026-03-01T12:00:00Z'"
    ANY = "a value"


FIELDS: Final[Mapping[str, Kind]] = {
    "mediaId": Kind.TEXT,
    "externalId": Kind.TEXT,
    "dateCreated": Kind.DATE,
    "dateFinished": Kind.DATE,
    "length": Kind.NUMBER,
    "wordCount": Kind.NUMBER,
    "language": Kind.TEXT,
    "interactionType": Kind.TEXT,
    "metadata": Kind.ANY,
    "metrics": Kind.NUMBER,
    "categories": Kind.NUMBER,
}
"""By name. `metadata`, `metrics` and `categories` have fields of their own below them."""

GROUPS = ("metadata", "metrics", "categories")
OF_RESULTS = frozenset({"wordCount", "language", "metrics", "categories"})
"""Fields that nobody knows without the recording's results."""


class Unknown(Enum):
    """Nobody has looked yet: the recording's results are not loaded."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Facts:
    """A recording, as far as fields go. results: None as long as they are not loaded."""

    media: Media
    results: Results | None = None

    def value(self, path: Path) -> Any:  # noqa: ANN401 - metadata are any JSON
        """Of the field at `path`: None where the recording has none, UNKNOWN without its results."""
        name, *below = path
        if name == "metadata":
            return _below_metadata(self.media.metadata.document, below)
        if name not in OF_RESULTS:
            return _OF_MEDIA[name](self.media)
        return UNKNOWN if self.results is None else _of_results(self.results, name, below)


_OF_MEDIA: Mapping[str, Callable[[Media], Any]] = {
    "mediaId": lambda media: str(media.media_id),
    "externalId": lambda media: media.metadata.external_id,
    "dateCreated": lambda media: media.date_created,
    "dateFinished": lambda media: media.date_finished,
    "length": lambda media: media.length_ms,
    "interactionType": lambda _: "speech",
}


def _of_results(results: Results, name: str, below: list[str]) -> float | str | None:
    if name == "wordCount":
        return sum(len(turn.words) for turn in results.transcript.turns)
    if name == "language":
        return results.transcript.language
    if name == "categories":
        return next((found.value for found in results.categories or () if [found.name] == below), None)
    metrics = (metric for group in results.metrics or () for metric in group.metrics)
    return next((metric.value for metric in metrics if [metric.name] == below), None)


def _below_metadata(document: Mapping[str, Any], path: list[str]) -> Any:  # noqa: ANN401
    """`metadata.campaign` is the customer's own field, which they sent as `extended.campaign`."""
    found = _at(document, path)
    return _at(document.get("extended"), path) if found is None else found


def _at(value: Any, path: list[str]) -> Any:  # noqa: ANN401
    for index, name in enumerate(path):
        if not isinstance(value, Mapping):
            return None
        if (rest := ".".join(path[index:])) in value:
            return value[rest]
        value = value.get(name)
    return value


def moment(text: str) -> datetime | None:
    """A date as fields compare with it, in UTC where it has no zone; None where it is none."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def compare(wanted: Compare, value: Any) -> bool:  # noqa: ANN401
    """Whether a field's value is as it should be. Texts compare without regard to case."""
    if wanted.operator is Operator.NULL:
        return value is None
    if isinstance(value, list):
        return any(compare(wanted, item) for item in value)
    if value is None or isinstance(value, dict):
        return False
    if wanted.operator is Operator.LIKE:
        return _like(str(wanted.values[0]), _text(value))
    return _compare(wanted, [_ordered(value, other) for other in wanted.values])


def _compare(wanted: Compare, compared: list[int]) -> bool:
    """compared: below, at or above each of the values, as -1, 0 and 1."""
    if wanted.operator is Operator.IN:
        return 0 in compared
    if wanted.operator is Operator.BETWEEN:
        return compared[0] >= 0 >= compared[1]
    return _HOLDS[wanted.operator](compared[0])


_HOLDS: Mapping[Operator, Callable[[int], bool]] = {
    Operator.EQUAL: lambda order: order == 0,
    Operator.UNEQUAL: lambda order: order != 0,
    Operator.LESS: lambda order: order < 0,
    Operator.AT_MOST: lambda order: order <= 0,
    Operator.MORE: lambda order: order > 0,
    Operator.AT_LEAST: lambda order: order >= 0,
}


def _ordered(value: Any, other: Value) -> int:  # noqa: ANN401
    """As dates or numbers where both are such, else as texts."""
    first, second = _comparable(value, other)
    return int(first > second) - int(first < second)


def _comparable(value: Any, other: Value) -> tuple[Any, Any]:  # noqa: ANN401
    if isinstance(value, datetime) and (when := moment(str(other))) is not None:
        return value, when
    first, second = _number(value), _number(other)
    if first is not None and second is not None:
        return first, second
    return _text(value), _text(other)


def _number(value: Any) -> float | None:  # noqa: ANN401
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:  # noqa: ANN401
    return str(value).casefold()


def _like(pattern: str, text: str) -> bool:
    """`%` stands for any characters, `_` for one."""
    first, *rest = [re.escape(part).replace("_", ".") for part in re.split("%+", pattern.casefold())]
    if not rest:
        return re.fullmatch(first, text, re.DOTALL) is not None
    if not (begun := re.match(first, text, re.DOTALL)):
        return False
    return _followed(text, begun.end(), rest)


def _followed(text: str, offset: int, parts: list[str]) -> bool:
    """The parts one after the other, the last at the end: each at its first place, so that time is linear."""
    *middle, last = parts
    for part in middle:
        found = re.compile(part, re.DOTALL).search(text, offset)
        if found is None:
            return False
        offset = found.end()
    ending = re.compile(f"(?:{last})\\Z", re.DOTALL).search(text, offset)
    return ending is not None


def sort_key(value: Any, *, descending: bool) -> tuple[int, float, str]:  # noqa: ANN401
    """Numbers and dates before texts; what is missing comes last in either direction."""
    if value is None or value is UNKNOWN or isinstance(value, list | dict):
        return (-1 if descending else 2, 0.0, "")
    if isinstance(value, datetime):
        return (0, value.timestamp(), "")
    number = _number(value)
    return (0, number, "") if number is not None else (1, 0.0, _text(value))
