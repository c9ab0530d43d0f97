"""The parts of a POST /v3/media, read into a `Submission`; problems of all parts are reported together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from callpost.api.reading import configuration, metadata
from callpost.api.reading.document import CONFIGURATION, METADATA, UNKNOWN_PROPERTY, Kind, parse
from callpost.api.reading.multipart import Form, TextPart
from callpost.delivery import destination
from callpost.delivery import url as urls
from callpost.delivery.destination import EndpointPolicy
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, Configuration
from callpost.model.media import Metadata, Submission
from callpost.network import why_not

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decides about requests. strict: what is unknown is refused, as VoiceBase did."""

    policy: EndpointPolicy
    now: datetime
    strict: bool = False

    def check_destination(self, callback: Callback, place: str) -> tuple[Problem, ...]:
        """Whether a callback can be delivered, by the delivery's own rules.

        A pre-signed URL that has expired is a warning unless strict: the recording is worth processing, and
        its delivery can be given a fresh URL. Raises Rejected with 600xx codes.
        """
        target, warnings = destination.read(callback, place, self.policy)
        try:
            return (*warnings, *destination.check_expiry(target, place, self.now))
        except Rejected as expired:
            if self.strict:
                raise
            return (*warnings, *expired.problems)


def read(form: Form, rules: Rules) -> Submission:
    """Raises Rejected with the documented codes of every part."""
    faults: list[Problem] = []
    media_url = _or(None, faults, lambda: _source(form, rules.policy))
    nothing: dict[str, Any] = {}
    document = _or(nothing, faults, lambda: _document(form, "configuration", CONFIGURATION))
    empty = configuration.Reading(Configuration(), ())
    reading = _or(
        empty, faults, lambda: configuration.read(document, rules.check_destination, strict=rules.strict)
    )
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
    warnings = [
        Problem(UNKNOWN_PROPERTY, f"The part ({name}) is not known, and was ignored.", name)
        for name in form.unknown
    ]
    if form.text("transcript"):
        message = "Transcripts cannot be aligned yet; the recording is recognised instead."
        warnings.append(Problem(UNKNOWN_PROPERTY, message, "transcript"))
    return tuple(warnings)
