"""Which deliveries a recording's callbacks become. Pure: the same report always gives the same plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from uuid import UUID, uuid5

from callpost.delivery import destination, object_key
from callpost.delivery.destination import EndpointPolicy
from callpost.model.configuration import Callback, CallbackType
from callpost.model.delivery import BucketFolder, Destination, NewDelivery, PresignedObject
from callpost.model.media import MediaStatus
from callpost.model.results import Report
from callpost.render import content


@dataclass(frozen=True, slots=True)
class PublishRules:
    """The operator's rules. key_template: of objects in role delivery, see `delivery.object_key`."""

    policy: EndpointPolicy
    key_template: str = object_key.DEFAULT_TEMPLATE


def plan(
    report: Report, callbacks: Sequence[Callback], rules: PublishRules, *, after: int = 0
) -> tuple[NewDelivery, ...]:
    """One delivery for each callback that applies, numbered by its place in the configuration.

    after: the number of the last delivery there is, where the recording was processed before. The objects
    have the same keys as then.

    A failed recording has only analytics to send, describing the error (docs/how-to-guides/callbacks.rst).
    """
    deliveries = [
        delivery(report, number, callback, rules)
        for number, callback in enumerate(callbacks, start=1)
        if _applies(report, callback)
    ]
    return tuple(_numbered_on(planned, after) for planned in _apart(deliveries))


def _applies(report: Report, callback: Callback) -> bool:
    return report.media.status is MediaStatus.FINISHED or callback.type is CallbackType.ANALYTICS


def delivery(report: Report, number: int, callback: Callback, rules: PublishRules) -> NewDelivery:
    """What one callback becomes by itself: where it goes, as what, and under which key.

    Raises Rejected where the operator's rules do not allow the destination any more.
    """
    target, _ = destination.read(callback, f"publish.callbacks[{number - 1}]", rules.policy)
    media = report.media
    return NewDelivery(
        delivery_id=_delivery_id(media.media_id, number),
        media_id=media.media_id,
        organization_id=media.organization_id,
        number=number,
        callback=callback,
        destination_key=target.key,
        content_type=_content_type(target, callback),
        object_key=_key(target, callback, report, rules),
    )


def _numbered_on(planned: NewDelivery, after: int) -> NewDelivery:
    number = planned.number + after
    return replace(planned, number=number, delivery_id=_delivery_id(planned.media_id, number))


def _delivery_id(media_id: UUID, number: int) -> UUID:
    return uuid5(media_id, f"delivery/{number}")


def _content_type(target: Destination, callback: Callback) -> str | None:
    if isinstance(target, PresignedObject) and target.signs_type and target.signed_type is None:
        return None
    if isinstance(target, PresignedObject) and target.signed_type is not None:
        return target.signed_type
    return content.content_type(callback)


def _key(target: Destination, callback: Callback, report: Report, rules: PublishRules) -> str | None:
    if not isinstance(target, BucketFolder):
        return None
    name = content.object_name(callback, _stream_extension(callback, report))
    template = target.options.key_template or rules.key_template
    return object_key.fill(template, target.prefix, report.media, name)


def _stream_extension(callback: Callback, report: Report) -> str | None:
    wanted = callback.stream or "original"
    streams = report.results.streams if report.results else ()
    return next((stream.extension for stream in streams if stream.name == wanted), None)


def beside(key: str, number: int) -> str:
    """The key of an object that must not take the place of another: with the number of its delivery."""
    path = PurePosixPath(key)
    return str(path.with_name(f"{path.stem}-{number}{path.suffix}"))


def _apart(deliveries: Sequence[NewDelivery]) -> Iterator[NewDelivery]:
    """Two callbacks must not write over each other: the later one's key carries its number."""
    taken: set[tuple[str, str]] = set()
    for planned in deliveries:
        key = planned.object_key
        if key is not None and (planned.destination_key, key) in taken:
            key = beside(key, planned.number)
        if key is not None:
            taken.add((planned.destination_key, key))
        yield replace(planned, object_key=key)
