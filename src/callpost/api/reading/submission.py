"""The parts of a POST /v3/media or /v3/media/{mediaId}, read into a `Submission`.

Problems of all parts are reported together.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from callpost.api.reading import configuration, corrected, definition, metadata
from callpost.api.reading.definition import Known, Names
from callpost.api.reading.document import CONFIGURATION, METADATA, UNKNOWN_PROPERTY, Kind, parse
from callpost.api.reading.multipart import Form, TextPart
from callpost.delivery import destination
from callpost.delivery import url as urls
from callpost.delivery.destination import EndpointPolicy
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, Configuration
from callpost.model.delivery import RetrySchedule
from callpost.model.media import Metadata, Submission
from callpost.network import why_not

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides about requests. strict: what is unknown is refused, as VoiceBase did.

    known: the definitions of the caller's organization that the request refers to. ready_at: when its
    results are expected, None: at once. schedule: of its deliveries. models: that it may ask for, None: any.
    """

    policy: EndpointPolicy
    now: datetime
    strict: bool = False
    known: Known = field(default_factory=Known)
    ready_at: datetime | None = None
    schedule: RetrySchedule = field(default_factory=RetrySchedule)
    models: frozenset[str] | None = None

    def check_destination(self, callback: Callback, place: str) -> tuple[Problem, ...]:
        """Whether a callback can be delivered, by the delivery's own rules.

        A pre-signed URL that has expired is refused, but for one that comes with a role: that is the example
        of the S3 Callbacks page, whose URL expired in 2017 and which is accepted as it stands; its delivery
        can be given a fresh URL. Strict, there is no such exception. Raises Rejected with 600xx codes.
        """
        target, warnings = destination.read(callback, place, self.policy)
        try:
            expiry = destination.check_expiry(
                target, place, self.now, ready_at=self.ready_at, schedule=self.schedule
            )
        except Rejected as expired:
            if self.strict or not callback.role:
                raise
            expiry = expired.problems
        return (*warnings, *expiry)


def read(form: Form, rules: Rules) -> Submission:
    """A recording to be processed. Raises Rejected with the documented codes of every part."""
    return _read(form, rules, lambda: _source(form, rules.policy))


def names(form: Form) -> Names:
    """Which definitions the configuration refers to; nothing where it cannot be read."""
    try:
        return definition.names(_document(form, "configuration", CONFIGURATION))
    except Rejected:
        return Names()


def may_expire(form: Form) -> bool:
    """Whether the configuration seems to hold pre-signed URLs, which makes it worth to estimate times."""
    part = form.text("configuration")
    return part is not None and b"expires" in part.data.lower()


def read_again(form: Form, rules: Rules) -> Submission:
    """What is to be done with a recording that is here already. Raises Rejected as `read` does."""
    return _read(form, rules, lambda: _no_source(form))


def _read(form: Form, rules: Rules, source: Callable[[], str | None]) -> Submission:
    faults: list[Problem] = []
    media_url = _or(None, faults, source)
    nothing: dict[str, Any] = {}
    document = _or(nothing, faults, lambda: _document(form, "configuration", CONFIGURATION))
    empty = configuration.Reading(Configuration(), ())
    reading = _or(
        empty,
        faults,
        lambda: configuration.read(
            document, rules.check_destination, rules.known, strict=rules.strict, models=rules.models
        ),
    )
    text = _or(None, faults, lambda: corrected.read(form.text("transcript")))
    about = _or(Metadata(), faults, lambda: metadata.read(_document(form, "metadata", METADATA)))
    if faults:
        raise Rejected(faults)
    return Submission(
        configuration=reading.configuration,
        metadata=about,
        configuration_document=document,
        media_url=media_url,
        file_name=form.media.file_name if form.media else None,
        content_type=form.media.content_type if form.media else None,
        warnings=(*reading.warnings, *_ignored(form)),
        corrected=text,
    )


def _or(default: T, faults: list[Problem], reader: Callable[[], T]) -> T:
    """What the reader gives; where it refuses, its problems are kept and the others go on."""
    try:
        return reader()
    except Rejected as refusal:
        faults += refusal.problems
        return default


def _document(form: Form, name: str, kind: Kind) -> dict[str, Any]:
    part = form.text(name)
    return parse(part.data, kind, part.charset) if part else {}


def _source(form: Form, policy: EndpointPolicy) -> str | None:
    """The mediaUrl where there is one; then there is no media, and the other way round."""
    part = form.text("mediaUrl")
    if part is None and form.media is None:
        raise Rejected(Problem(10202, "The request has neither a media attachment nor a mediaUrl."))
    if part is None:
        return None
    if form.media is not None:
        raise Rejected(Problem(10206, "Send either a media attachment or a mediaUrl, not both.", "mediaUrl"))
    return _media_url(part, policy)


def _no_source(form: Form) -> None:
    if form.text("mediaUrl") is not None:
        message = "The recording is here already; send a configuration, and neither media nor a mediaUrl."
        raise Rejected(Problem(60004, message, "mediaUrl"))


def _media_url(part: TextPart, policy: EndpointPolicy) -> str:
    """A URL that may be fetched as far as its text tells; the network looks again when it connects."""
    text = part.data.decode("utf-8", "replace").strip()
    url = urls.parse(text)
    schemes = ("https", "http") if policy.allow_http else ("https",)
    if url is None or not text.isascii() or url.scheme not in schemes:
        message = f"The media url is malformed; it needs to be a URL of {' or '.join(schemes)}."
        raise Rejected(Problem(10204, message, "mediaUrl"))
    if reason := why_not(url.host, url.real_port, policy):
        raise Rejected(Problem(10203, f"The media url cannot be fetched: {reason}", "mediaUrl"))
    return text


def _ignored(form: Form) -> tuple[Problem, ...]:
    return tuple(
        Problem(UNKNOWN_PROPERTY, f"The part ({name}) is not known, and was ignored.", name)
        for name in form.unknown
    )
