"""publish.callbacks: what goes where (docs/how-to-guides/callbacks.rst, s3-callbacks.md)."""

from collections.abc import Callable
from enum import StrEnum

from callpost.api.reading import s3_options
from callpost.api.reading.document import Section
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat

CheckDestination = Callable[[Callback, str], tuple[Problem, ...]]
"""Whether a callback at this place can be delivered: warnings, or Rejected with its 600xx codes."""

INCLUDES = (
    "knowledge",
    "metadata",
    "prediction",
    "spotting",
    "streams",
    "transcript",
    "metrics",
    "speakerSentiments",
    "conversation",
    "categories",
    "messages",
    "entities",
    "voiceActivity",
    "errors",
    "warnings",
)
"""The 11 of the callback guide's sample, and four sections that other pages document."""

_UNKNOWN_INCLUDE = 60003
_UNKNOWN_TYPE = 60007


class _StreamName(StrEnum):
    ORIGINAL = "original"
    REDACTED_AUDIO = "redacted-audio"
    REDACTED = "redacted"  # as the encryption guide calls it


def read(section: Section, check: CheckDestination) -> tuple[Callback, ...]:
    """The callbacks of the `publish` object; what is wrong with each is in its notes."""
    return tuple(_callback(item, check) for item in section.sections("callbacks"))


def callback(section: Section) -> Callback:
    """One callback as it stands, unjudged."""
    return Callback(
        url=(section.text("url") or "").strip(),
        type=section.choice("type", CallbackType, _UNKNOWN_TYPE) or CallbackType.ANALYTICS,
        method=_method(section),
        format=section.choice("format", TranscriptFormat, 60010),
        include=_include(section),
        stream=_stream(section),
        s3_delivery=section.flag("s3Delivery") or False,
        role=(section.text("role") or "").strip() or None,
        prepend_folder=section.text("prependFolder") or None,
        s3_options=s3_options.read(section.section("s3Options")) if "s3Options" in section else None,
        fraction_digits=_fraction_digits(section),
    )


def _callback(section: Section, check: CheckDestination) -> Callback:
    known = len(section.notes.problems)
    found = callback(section)
    # Of an unknown type nothing can be said to be missing or not allowed.
    if all(problem.code != _UNKNOWN_TYPE for problem in section.notes.problems[known:]):
        _judge(section, found, check, known)
    return found


def _judge(section: Section, found: Callback, check: CheckDestination, known: int) -> None:
    """Ask the delivery's own reading; what was noted here already is not said twice."""
    notes = section.notes
    said = {problem.place for problem in notes.problems[known:]}
    try:
        notes.warnings += check(found, section.place)
    except Rejected as refusal:
        notes.problems += (problem for problem in refusal.problems if problem.place not in said)


def _method(section: Section) -> str | None:
    method = section.text("method")
    return method.strip().upper() if method else None


def _stream(section: Section) -> str | None:
    stream = section.choice("stream", _StreamName, 60010)
    return _StreamName.REDACTED_AUDIO.value if stream is _StreamName.REDACTED else stream and stream.value


def _fraction_digits(section: Section) -> int | None:
    digits = section.whole("fractionDigits")
    if digits not in (None, 2, 3):
        section.refuse(60010, "SubRip has 2 or 3 digits of a second.", "fractionDigits")
        return None
    return digits


def _include(section: Section) -> tuple[str, ...] | None:
    if "include" not in section:
        return None
    named = section.texts("include")
    return tuple(found for place, name in named if (found := _known_include(section, place, name)))


def _known_include(section: Section, place: str, name: str) -> str | None:
    for known in INCLUDES:
        if known.lower() == name.strip().lower():
            return known
    message = f"The callback include ({name}) is unknown. Valid ones are {', '.join(INCLUDES)}."
    section.notes.doubt(_UNKNOWN_INCLUDE, message, place)
    return None
