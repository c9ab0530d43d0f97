"""Stored results sent to another destination than they went to, as after a move to another bucket."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from callpost.delivery import change, destination, presigned
from callpost.delivery.change import Replayed
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, CallbackType
from callpost.model.delivery import Delivery, NewDelivery, RetrySchedule
from callpost.model.results import Report
from callpost.pipeline import publish
from callpost.pipeline.publish import PublishRules
from callpost.store import deliveries, reports
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery
from callpost.store.objects import Objects

PLACE = "callback"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Sends what is found to `to`: its URL, method, role, folder. What is sent stays as it was asked for."""

    database: Database
    objects: Objects
    rules: PublishRules
    to: Callback

    async def replay(
        self,
        organization_id: UUID,
        query: DeliveryQuery,
        schedule: RetrySchedule,
        now: datetime,
        *,
        dry_run: bool = False,
    ) -> tuple[Replayed, tuple[Problem, ...]]:
        """How many, and what the customer should know of the destination.

        Raises Rejected where the destination cannot be used, or is a pre-signed URL and so has room for one
        object only.
        """
        counted = await change.replay(self.database, organization_id, query, now, dry_run=True)
        if not counted.count:
            return counted, ()
        async with self.database.connection() as connection:
            one = replace(query, kept_at=now, after=None, limit=1)
            (first,) = await deliveries.find(connection, organization_id, one)
        warnings = self._judge(first, counted.count, schedule, now)
        if dry_run:
            return counted, warnings
        made = await change.replay(self.database, organization_id, query, now, replan=self._plan)
        return made, warnings

    def _judge(
        self, first: Delivery, count: int, schedule: RetrySchedule, now: datetime
    ) -> tuple[Problem, ...]:
        """By the first of them: whether a destination can be used depends on what is sent only where it is a
        pre-signed URL, and that takes but one.
        """
        if count > 1 and presigned.is_presigned(self.to.url.partition("?")[2]):
            text = f"A pre-signed URL has room for one object, and these are {count}."
            raise Rejected(Problem(60006, text, f"{PLACE}.url"))
        target, warnings = destination.read(self._moved(first.callback), PLACE, self.rules.policy)
        return (*warnings, *destination.check_expiry(target, PLACE, now, schedule=schedule))

    def _moved(self, old: Callback) -> Callback:
        return replace(
            self.to,
            type=old.type,
            format=old.format,
            include=old.include,
            stream=old.stream,
            fraction_digits=old.fraction_digits,
        )

    async def _plan(self, page: Sequence[Delivery]) -> list[NewDelivery]:
        """New deliveries of those whose results are still there."""
        read: dict[UUID, Report | None] = {}
        new = []
        for old in page:
            if old.media_id not in read:
                read[old.media_id] = await self._report(old.media_id)
            if (report := read[old.media_id]) is not None:
                new.append(await self._delivery(report, old))
        return new

    async def _report(self, media_id: UUID) -> Report | None:
        try:
            return await reports.load(self.objects, media_id)
        except KeyError:
            return None

    async def _delivery(self, report: Report, old: Delivery) -> NewDelivery:
        made = publish.delivery(report, old.number, self._moved(old.callback), self.rules)
        key = made.object_key
        if key is not None and (number := await self._variant(old)) is not None:
            key = publish.beside(key, number)
        return replace(made, delivery_id=uuid4(), replay_of=old.delivery_id, object_key=key)

    async def _variant(self, old: Delivery) -> int | None:
        """A number for the key where an earlier callback of the recording has other sections under this name.

        It depends on nothing but the recording's callbacks, so that every replay writes the same object.
        """
        if old.callback.type is not CallbackType.ANALYTICS:
            return None
        async with self.database.connection() as connection:
            found = await deliveries.of_media(connection, old.organization_id, old.media_id)
        analytics = [one for one in found if one.callback.type is CallbackType.ANALYTICS]
        same = next(one for one in analytics if one.callback.include == old.callback.include)
        return None if same.callback.include == analytics[0].callback.include else same.number
