"""Sending stored results again, or somewhere else: a fresh URL for a delivery that waits, and replays."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from callpost import tracing
from callpost.delivery import destination
from callpost.errors import NotFound, Problem, Rejected
from callpost.model.delivery import BucketFolder, Delivery, DeliveryKind, EndpointPolicy, NewDelivery
from callpost.render import content
from callpost.store import deliveries
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery

_PAGE = 500

Replan = Callable[[Sequence[Delivery]], Awaitable[Sequence[NewDelivery]]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many deliveries are sent again, or would be. destinations: how many were made for each of them.

    expired: found as well, and not sent, because their results are kept no more.
    """

    count: int
    destinations: Mapping[str, int]
    expired: int = 0


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
        if old.kind is not DeliveryKind.RESULT:
            text = "Receipts go into the folder of their results and nowhere else."
            raise Rejected(Problem(60006, text))
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

    query: its page does not matter. replan: makes the new deliveries where they are to go elsewhere, and
    leaves out those whose results are gone; None: to where they went. In a bucket that has the object already
    nothing is written twice.
    """
    # What is made here is not to be found here.
    until = min(query.until, now) if query.until else now
    query = replace(query, until=until, kept_at=now, kind=DeliveryKind.RESULT, after=None, limit=_PAGE)
    async with database.connection() as connection:
        counted = await deliveries.count(connection, organization_id, query)
        found = await deliveries.count(connection, organization_id, replace(query, kept_at=None))
    expired = sum(found.values()) - sum(counted.values())
    if dry_run:
        return Replayed(sum(counted.values()), counted, expired)
    made: Counter[str] = Counter()
    async for page in _pages(database, organization_id, query):
        new = await (replan or _all_again)(page)
        async with database.transaction() as connection:
            await deliveries.insert_again(connection, organization_id, new, now, trace=tracing.current())
        kept = {delivery.replay_of for delivery in new}
        made.update(delivery.destination_key for delivery in page if delivery.delivery_id in kept)
        expired += len(page) - len(kept)
    return Replayed(made.total(), dict(made), expired)


async def _pages(
    database: Database, organization_id: UUID, query: DeliveryQuery
) -> AsyncIterator[Sequence[Delivery]]:
    while True:
        async with database.connection() as connection:
            page = await deliveries.find(connection, organization_id, query)
        if not page:
            return
        yield page
        query = replace(query, after=page[-1])


async def _all_again(page: Sequence[Delivery]) -> Sequence[NewDelivery]:
    return [again(delivery) for delivery in page]


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
