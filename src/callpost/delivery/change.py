"""Sending stored results again, or somewhere else: a fresh URL for a delivery that waits, and replays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from callpost.delivery import destination
from callpost.errors import NotFound, Problem, Rejected
from callpost.model.delivery import BucketFolder, Delivery, EndpointPolicy, NewDelivery
from callpost.render import content
from callpost.store import deliveries
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery

_PAGE = 500

Replan = Callable[[Delivery], NewDelivery]


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many deliveries are sent again, or would be. destinations: how many come from each of them."""

    count: int
    destinations: Mapping[str, int]


async def fresh_url(
    database: Database,
    organization_id: UUID,
    media_id: UUID,
    number: int,
    url: str,
    *,
    policy: EndpointPolicy,
    now: datetime,
) -> tuple[Problem, ...]:
    """Put another URL into a delivery that has not arrived; it goes out at once, with a whole schedule before
    it.

    Returns what the customer should know of the URL. Raises NotFound; Rejected where the URL is not usable,
    the delivery has arrived already or is under way at this moment.
    """
    async with database.transaction() as connection:
        old = await deliveries.get(connection, organization_id, media_id, number)
        if old is None:
            raise NotFound(Problem(10205, f"The media {media_id} has no delivery {number}."))
        callback = replace(old.callback, url=url)
        target, warnings = destination.read(callback, "callback", policy)
        warnings += destination.check_expiry(target, "callback", now)
        new = replace(
            again(old),
            delivery_id=old.delivery_id,
            callback=callback,
            destination_key=target.key,
            content_type=destination.content_type(target, callback),
            object_key=_key(target, old),
            replay_of=old.replay_of,
        )
        if not await deliveries.change(connection, old, new, now):
            text = "The delivery has arrived already, or is under way at this moment."
            raise Rejected(Problem(60006, text))
    return warnings


async def replay(
    database: Database,
    organization_id: UUID,
    query: DeliveryQuery,
    now: datetime,
    *,
    replan: Replan | None = None,
    dry_run: bool = False,
) -> Replayed:
    """Send the stored results of the deliveries found once more, without recognising anything again.

    query: its page does not matter. replan: makes the new delivery where it is to go elsewhere, None: to
    where it went. In a bucket that has the object already nothing is written twice.
    """
    async with database.connection() as connection:
        counted = await deliveries.count(connection, organization_id, query)
    result = Replayed(sum(counted.values()), counted)
    if dry_run:
        return result
    # What is made here is not to be found here.
    until = min(query.until, now) if query.until else now
    page = replace(query, until=until, after=None, limit=_PAGE)
    while True:
        async with database.transaction() as connection:
            found = await deliveries.find(connection, organization_id, page)
            if not found:
                return result
            new = [(replan or again)(delivery) for delivery in found]
            await deliveries.insert_again(connection, organization_id, new, now)
        page = replace(page, after=found[-1])


def again(old: Delivery) -> NewDelivery:
    """The same delivery once more."""
    return NewDelivery(
        uuid4(),
        old.media_id,
        old.organization_id,
        old.number,
        old.callback,
        old.destination_key,
        old.content_type,
        old.object_key,
        old.delivery_id,
    )


def _key(target: destination.Destination, old: Delivery) -> str | None:
    if not isinstance(target, BucketFolder):
        return None
    name = content.object_name(old.callback)
    return old.object_key or "/".join(filter(None, (target.prefix, str(old.media_id), name)))
