"""Reading a callback into its destination, or refusing it with the documented code.

The decision (VoiceBase documents all three, and mixes them in one example): a signature in the URL makes it a
pre-signed PUT, whatever else is asked for; else s3Delivery or a role makes it a delivery into a bucket by
role; else it is an HTTP callback.
"""

import re
from datetime import datetime, timedelta
from urllib.parse import unquote

from callpost import network
from callpost.delivery import hosts, object_key, presigned
from callpost.delivery import url as urls
from callpost.delivery.hosts import BucketPlace, MultiRegionAccessPoint
from callpost.delivery.presigned import Unusable
from callpost.delivery.url import Url
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, CallbackType, S3Options, TranscriptFormat
from callpost.model.delivery import (
    BucketFolder,
    Destination,
    EndpointPolicy,
    HttpEndpoint,
    PresignedObject,
    RetrySchedule,
)
from callpost.render import content

__all__ = ["Destination", "EndpointPolicy", "check_expiry", "content_type", "read"]

_ROLE = re.compile(r"arn:aws(-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]{1,512}")
_METHODS = ("POST", "PUT")
_LONGEST_PREFIX_BYTES = 800


def read(callback: Callback, place: str, policy: EndpointPolicy) -> tuple[Destination, tuple[Problem, ...]]:
    """The destination of one callback, and what the customer should know of it.

    place: of the callback in the document, as `publish.callbacks[0]`. Says nothing of time: see
    `check_expiry`. Raises Rejected with the codes 60001, 60002, 60006, 60008, 60009, 60011, 60012 and 60013.
    """
    problems = _wrong_properties(callback, place)
    if problems:
        raise Rejected(problems)
    url = urls.parse(callback.url)
    if url is None:
        raise Rejected(Problem(60006, "This is not a valid URL.", f"{place}.url"))
    if presigned.is_presigned(url.query):
        return _read_presigned(callback, url, place, policy)
    if callback.s3_delivery or callback.role:
        return _read_folder(callback, url, place, policy)
    return _read_endpoint(callback, url, place, policy)


def check_expiry(
    destination: Destination,
    place: str,
    now: datetime,
    *,
    ready_at: datetime | None = None,
    schedule: RetrySchedule | None = None,
) -> tuple[Problem, ...]:
    """Whether a pre-signed URL lives long enough; other destinations always do.

    ready_at: when the results are expected, None: they are there. Raises Rejected (60006) where it has
    expired already; warns where it probably will have before the first try, or before the last retry.
    """
    if not isinstance(destination, PresignedObject):
        return ()
    expires, first = destination.expires_at, ready_at or now
    last = first + timedelta(seconds=(schedule or RetrySchedule()).length_s)
    if expires <= now:
        text = f"The pre-signed URL expired at {_time(expires)}; it is {_time(now)} now."
        raise Rejected(Problem(60006, text, f"{place}.url"))
    if expires <= first:
        text = (
            f"The pre-signed URL will probably have expired before the first try: it expires at"
            f" {_time(expires)}, and the results are expected at {_time(first)}."
        )
    elif expires <= last:
        text = (
            f"The pre-signed URL expires at {_time(expires)}, before the last retry at {_time(last)} of a"
            f" delivery that fails."
        )
    else:
        return ()
    return (Problem(60006, text, f"{place}.url"),)


def content_type(target: Destination, callback: Callback) -> str | None:
    """The Content-Type to send: the signed one, or the documented one; None where none was signed."""
    if isinstance(target, PresignedObject) and target.signs_type:
        return target.signed_type
    return content.content_type(callback)


def _wrong_properties(callback: Callback, place: str) -> list[Problem]:
    """Properties that the type needs or does not take."""
    kind = callback.type
    rules = (
        (not callback.url, 60001, "url", "A callback needs a url."),
        (
            bool(callback.method) and str(callback.method).upper() not in _METHODS,
            60011,
            "method",
            "POST or PUT.",
        ),
        (
            kind is CallbackType.TRANSCRIPT and callback.format is None,
            60009,
            "format",
            "A transcript needs it.",
        ),
        (
            kind is not CallbackType.TRANSCRIPT and callback.format is not None,
            60008,
            "format",
            "Transcript only.",
        ),
        (
            callback.fraction_digits is not None and callback.format is not TranscriptFormat.SRT,
            60008,
            "fractionDigits",
            "SubRip only.",
        ),
        (kind is CallbackType.MEDIA and not callback.stream, 60009, "stream", "Media needs it."),
        (kind is not CallbackType.MEDIA and bool(callback.stream), 60008, "stream", "Media only."),
        (kind is not CallbackType.ANALYTICS and bool(callback.include), 60008, "include", "Analytics only."),
    )
    return [Problem(code, text, f"{place}.{name}") for wrong, code, name, text in rules if wrong]


def _read_presigned(
    callback: Callback, url: Url, place: str, policy: EndpointPolicy
) -> tuple[PresignedObject, tuple[Problem, ...]]:
    trusted = hosts.on_endpoint(url, policy.s3_endpoints) is not None
    _require_http_scheme(url, place, policy, trusted=trusted)
    if not trusted:
        _require_allowed_host(url, place, policy)
    try:
        target = presigned.read(url, content.content_type(callback), accept_untyped=policy.accept_untyped)
    except Unusable as unusable:
        raise Rejected(Problem(unusable.code, str(unusable), f"{place}.url")) from None
    except MultiRegionAccessPoint:
        raise Rejected(_multi_region(place)) from None
    return target, (*_overruled(callback, place), *presigned.warnings(target, place))


def _overruled(callback: Callback, place: str) -> list[Problem]:
    asked = {
        "s3Delivery": callback.s3_delivery,
        "role": callback.role,
        "prependFolder": callback.prepend_folder,
        "s3Options": callback.s3_options,
    }
    found = [
        Problem(60008, f"The URL is pre-signed, so {name} is ignored.", f"{place}.{name}")
        for name, value in asked.items()
        if value
    ]
    if callback.method and callback.method.upper() == "POST":
        found.append(Problem(60011, "The URL is pre-signed, so the method is PUT.", f"{place}.method"))
    return found


def _read_folder(
    callback: Callback, url: Url, place: str, policy: EndpointPolicy
) -> tuple[BucketFolder, tuple[Problem, ...]]:
    if not callback.role:
        raise Rejected(Problem(60009, "S3 Delivery needs the ARN of a role.", f"{place}.role"))
    if not _ROLE.fullmatch(callback.role):
        raise Rejected(Problem(60009, "This is not the ARN of an IAM role.", f"{place}.role"))
    found = _bucket(url, place, policy)
    prefix = _prefix(found, callback.prepend_folder, place)
    options = callback.s3_options or S3Options()
    _check_template(options, prefix, place)
    folder = BucketFolder(found.bucket, prefix, callback.role, found.region, found.endpoint, options)
    ignored = Problem(60006, "What follows the question mark is ignored.", f"{place}.url")
    return folder, (ignored,) if url.query else ()


def _check_template(options: S3Options, prefix: str, place: str) -> None:
    if options.key_template is not None:
        try:
            object_key.check(options.key_template, prefix)
        except ValueError as error:
            raise Rejected(Problem(60006, f"{error}.", f"{place}.s3Options.keyTemplate")) from None


def _bucket(url: Url, place: str, policy: EndpointPolicy) -> BucketPlace:
    if url.scheme not in ("http", "https", "s3"):
        raise Rejected(Problem(60002, "The protocols of S3 Delivery are https, http and s3.", f"{place}.url"))
    try:
        found = hosts.bucket_of(url, policy.s3_endpoints)
    except MultiRegionAccessPoint:
        raise Rejected(_multi_region(place)) from None
    if found is None or url.has_user:
        text = (
            "This is no S3 bucket: neither a host of AWS nor an S3 endpoint that this service may write to."
        )
        raise Rejected(Problem(60006, text, f"{place}.url"))
    if not found.bucket.startswith("arn:") and not hosts.is_bucket_name(
        found.bucket, strict=not found.endpoint
    ):
        raise Rejected(Problem(60006, "The URL does not name a bucket.", f"{place}.url"))
    return found


def _prefix(found: BucketPlace, prepend_folder: str | None, place: str) -> str:
    parts = f"{unquote(found.path)}/{prepend_folder or ''}".split("/")
    prefix = "/".join(part for part in parts if part)
    if any(part in (".", "..") for part in parts) or not prefix.isprintable():
        raise Rejected(Problem(60006, "A folder cannot be named like this.", f"{place}.prependFolder"))
    if len(prefix.encode()) > _LONGEST_PREFIX_BYTES:
        raise Rejected(
            Problem(60006, "The folder's name is too long for an S3 key.", f"{place}.prependFolder")
        )
    return prefix


def _read_endpoint(
    callback: Callback, url: Url, place: str, policy: EndpointPolicy
) -> tuple[HttpEndpoint, tuple[Problem, ...]]:
    _require_http_scheme(url, place, policy)
    _require_allowed_host(url, place, policy)
    target = HttpEndpoint(url.text, (callback.method or "POST").upper(), url.authority)
    found = []
    if _is_bucket(url):
        text = "This is an S3 bucket, but the URL is not signed and there is no role; S3 will refuse it."
        found.append(Problem(60006, text, f"{place}.url"))
    if callback.prepend_folder:
        found.append(Problem(60008, "Only S3 Delivery has a prependFolder.", f"{place}.prependFolder"))
    if callback.s3_options:
        text = "Only S3 Delivery by role has s3Options; they are ignored."
        found.append(Problem(60008, text, f"{place}.s3Options"))
    return target, tuple(found)


def _is_bucket(url: Url) -> bool:
    try:
        return hosts.bucket_of(url) is not None
    except MultiRegionAccessPoint:
        return True


def _require_http_scheme(url: Url, place: str, policy: EndpointPolicy, *, trusted: bool = False) -> None:
    allowed = ("https", "http") if policy.allow_http or trusted else ("https",)
    if url.scheme not in allowed:
        raise Rejected(Problem(60002, f"The protocols allowed are: {', '.join(allowed)}.", f"{place}.url"))


def _require_allowed_host(url: Url, place: str, policy: EndpointPolicy) -> None:
    """What is certain now; names are looked up, and checked, at every connection."""
    reason = network.why_not(url.host, url.real_port, policy)
    if reason:
        raise Rejected(Problem(60006, reason, f"{place}.url"))


def _multi_region(place: str) -> Problem:
    text = "Multi-region access points cannot be written to; name the bucket or one of its access points."
    return Problem(60006, text, f"{place}.url")


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
