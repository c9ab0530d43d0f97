"""Query parameters, in whatever case their names come (`externalId`, `externalID`), and their dates."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from starlette.datastructures import QueryParams

from callpost.api.reading import search
from callpost.errors import Problem, Rejected
from callpost.model.configuration import TranscriptFormat
from callpost.store.media import MediaQuery

_DEFAULT_LIMIT, _HIGHEST_LIMIT = 100, 1000
_BAD_VALUE = 10011

# RFC 3339 down to a mere date, and what Go prints: `2016-01-01 00:00:00 +0000 UTC`. A `+` that was not
# encoded comes as a blank.
_DATE = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<time>\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)"
    r"(?P<zone> ?[Zz]|\s*[+-]?\d\d:?\d\d)?(?: [A-Z]{1,5})?)?"
)

ALTERNATE_FORMATS = tuple(format_ for format_ in TranscriptFormat if format_ is not TranscriptFormat.JSON)


class Parameters:
    """All values of each parameter, by its name in lower case."""

    def __init__(self, query: QueryParams) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in query.multi_items():
            self._values.setdefault(name.lower(), []).append(value)

    def all(self, name: str) -> Sequence[str]:
        """Every value, whether the parameter is repeated or holds them separated by commas."""
        return [
            part.strip()
            for value in self._values.get(name.lower(), ())
            for part in value.split(",")
            if part.strip()
        ]

    def repeated(self, name: str) -> Sequence[str]:
        """Every value as it came."""
        return self._values.get(name.lower(), ())

    def one(self, name: str) -> str | None:
        """The last value; None where there is none or it is empty."""
        values = self._values.get(name.lower())
        return values[-1] if values and values[-1].strip() else None

    def uuid(self, name: str) -> UUID | None:
        value = self.one(name)
        try:
            return UUID(value) if value else None
        except ValueError:
            raise _bad(name, "an id") from None

    def limit(self) -> int:
        """1 to 1000, 100 where nothing is said; more than 1000 counts as 1000."""
        value = self.one("limit")
        if value is None:
            return _DEFAULT_LIMIT
        if not value.strip().isdecimal() or int(value) < 1:
            raise _bad("limit", f"a number from 1 to {_HIGHEST_LIMIT}")
        return min(int(value), _HIGHEST_LIMIT)

    def since(self, name: str) -> datetime | None:
        """The moment from which on something counts."""
        value = self.one(name)
        return _moment(name, value)[0] if value else None

    def until(self, name: str) -> datetime | None:
        """The first moment that is too late: the next day after a mere date, else the next millisecond."""
        value = self.one(name)
        if value is None:
            return None
        moment, whole_day = _moment(name, value)
        return moment + (timedelta(days=1) if whole_day else timedelta(milliseconds=1))


def alternate_formats(parameters: Parameters) -> tuple[TranscriptFormat, ...]:
    """includeAlternateFormat: repeated (the documentation) or with commas (the Go client)."""
    found = []
    for name in parameters.all("includeAlternateFormat"):
        try:
            found.append(TranscriptFormat(name.lower()))
        except ValueError:
            allowed = ", ".join(ALTERNATE_FORMATS)
            raise _bad("includeAlternateFormat", f"one of {allowed}") from None
    return tuple(format_ for format_ in dict.fromkeys(found) if format_ in ALTERNATE_FORMATS)


def fraction_digits(parameters: Parameters) -> int | None:
    """fractionDigits of SubRip's seconds: 2, as VoiceBase writes them, or 3, as players expect."""
    text = parameters.one("fractionDigits")
    if text is None:
        return None
    if text not in ("2", "3"):
        raise _bad("fractionDigits", "2 or 3")
    return int(text)


def media_query(parameters: Parameters) -> MediaQuery:
    """What GET /v3/media asks for. Raises Rejected (10011)."""
    text = parameters.one("query")
    order = (parameters.one("sortOrder") or "asc").strip().lower()
    if order not in ("asc", "desc"):
        raise _bad("sortOrder", "asc or desc")
    return MediaQuery(
        external_id=parameters.one("externalId"),
        after=parameters.uuid("after"),
        before=parameters.uuid("before"),
        since=parameters.since("onOrAfterDate"),
        until=parameters.until("onOrBeforeDate"),
        extended=extended_filters(parameters.repeated("extendedFilter")),
        text=search.query(text) if text else None,
        newest_first=order == "desc",
        limit=parameters.limit(),
    )


def extended_filters(values: Sequence[str]) -> Mapping[str, str]:
    """`Name:Value` (the guides) or `Name;Value` (Swagger), the name with or without `extended.`."""
    filters = {}
    for value in values:
        found = re.fullmatch(r"(?:extended\.)?([^:;]+)[:;](.*)", value, re.DOTALL)
        if found is None:
            raise _bad("extendedFilter", "Name:Value")
        filters[found[1].strip()] = found[2]
    return filters


def moment(name: str, value: str) -> datetime:
    """A date of the wire in UTC. Raises Rejected (10011)."""
    return _moment(name, value)[0]


def _moment(name: str, value: str) -> tuple[datetime, bool]:
    """The moment and whether only a day was given; without a zone it is UTC."""
    found = _DATE.fullmatch(value.strip())
    try:
        if found is None:
            raise _bad(name, "a date as 2016-01-01 or 2016-01-01T00:00:00Z")
        day = date.fromisoformat(found["date"])
        if found["time"] is None:
            return datetime.combine(day, time(), UTC), True
        zone = _zone((found["zone"] or "Z").strip())
        clock = time.fromisoformat(found["time"].replace(",", ".")[:15])
        return datetime.fromisoformat(f"{day}T{clock.isoformat()}{zone}").astimezone(UTC), False
    except (ValueError, OverflowError):
        raise _bad(name, "a date that there is") from None


def _zone(text: str) -> str:
    if text in "Zz":
        return "+00:00"
    digits = re.sub(r"\D", "", text)
    return f"{'-' if text.startswith('-') else '+'}{digits[:2]}:{digits[2:]}"


def _bad(name: str, wanted: str) -> Rejected:
    return Rejected(Problem(_BAD_VALUE, f"The value of {name} is not {wanted}.", name))
