"""Recordings with receipts and manifests, from acceptance to their end, on a clock that is told."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from delivery_support import NOW

from callpost.delivery import receipts
from callpost.delivery.proofs import Proofs, plan_manifests
from callpost.delivery.receipts import ReceiptKey
from callpost.model.configuration import Callback, CallbackType, Configuration, S3Options, TranscriptFormat
from callpost.model.delivery import (
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    EndpointPolicy,
    Receipt,
    RetrySchedule,
)
from callpost.model.media import MediaStatus, Metadata, Submission
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.pipeline import publish
from callpost.pipeline.accept import Acceptance
from callpost.pipeline.publish import PublishRules
from callpost.store import deliveries, organizations, signing_keys
from callpost.store import media as media_store
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery, Limits, Settlement

ROLE = "arn:aws:iam::999533888199:role/r"
WANTED = S3Options(receipts=True)
ANALYTICS = Callback("s3://acme-calls/in", role=ROLE, prepend_folder="calls", s3_options=WANTED)
WEBVTT = replace(ANALYTICS, type=CallbackType.TRANSCRIPT, format=TranscriptFormat.WEBVTT)
HTTP = Callback("https://example.org/hook?token=query-secret")
FOLDER = "s3://acme-calls/in/calls"
DAY = timedelta(days=1)
SCHEDULE_S = RetrySchedule().length_s
MIDNIGHT = (NOW + DAY).replace(hour=0)
TRANSCRIPT = Transcript((Turn("Agent", 0, (Word("Hello", 0, 400, 0.9),)),))


@dataclass
class Desk:
    """Recordings from acceptance to their end, on a clock that is told."""

    database: Database
    organization: organizations.Organization
    policy: EndpointPolicy
    receipts: bool = False

    async def accept(
        self, *callbacks: Callback, at: datetime = NOW, media_id: UUID | None = None, ttl_s: int | None = None
    ) -> UUID:
        media_id = media_id or uuid4()
        configuration = Configuration(callbacks=callbacks, time_to_live_s=ttl_s)
        submission = Submission(configuration, Metadata({"externalId": "call-7"}))
        acceptance = Acceptance(self.database, self.policy, self.receipts)
        await acceptance.accept(media_id, self.organization, submission, None, at)
        return media_id

    async def finish(self, media_id: UUID, at: datetime = NOW) -> Report:
        """What the end of processing does, in its one transaction."""
        async with self.database.transaction() as connection:
            media = await media_store.get_any(connection, media_id)
            configuration = await media_store.configuration(connection, media_id)
            run = await media_store.run(connection, media_id)
            assert media
            assert configuration
            assert run
            media = replace(media, status=MediaStatus.FINISHED, date_finished=at)
            report = Report(media, Results(TRANSCRIPT))
            await media_store.end(connection, media, run)
            last = await deliveries.last_number(connection, media_id)
            rules = PublishRules(self.policy)
            await deliveries.insert(
                connection, publish.plan(report, configuration.callbacks, rules, after=last), at
            )
            await deliveries.conclude(connection, (media_id,), at)
        return report

    async def settle(
        self,
        at: datetime = NOW,
        state: DeliveryState = DeliveryState.DELIVERED,
        most: int = 1000,
        *,
        only: DeliveryKind | None = None,
    ) -> list[Delivery]:
        """End what is due, as a worker does; returns what was ended."""
        worker = uuid4()
        async with self.database.transaction() as connection:
            claimed = await deliveries.claim(connection, worker, at, most, Limits(per_destination=1000))
            left = [one.delivery_id for one in claimed if only and one.kind is not only]
            await deliveries.release(connection, worker, left)
            ended = [one for one in claimed if one.delivery_id not in left]
            settlements = [
                Settlement(
                    one,
                    Attempt(one.delivery_id, one.attempt, at, 250, str(state), reason="down"),
                    state,
                    receipt=_receipt(one.object_key, at) if state is DeliveryState.DELIVERED else None,
                )
                for one in ended
            ]
            if settlements:
                await deliveries.settle(connection, worker, settlements, at, Limits())
        found = await self.find()
        return [delivery for delivery in found if delivery.delivery_id in {one.delivery_id for one in ended}]

    async def find(self, kind: DeliveryKind | None = None) -> list[Delivery]:
        async with self.database.connection() as connection:
            found = await deliveries.find(
                connection, self.organization.organization_id, DeliveryQuery(limit=1000)
            )
        return [delivery for delivery in found if kind in (None, delivery.kind)]

    async def pending(self, kind: DeliveryKind) -> list[Delivery]:
        return [one for one in await self.find(kind) if one.state is DeliveryState.PENDING]

    async def sweep(self, at: datetime) -> int:
        return await plan_manifests(self.database, at, SCHEDULE_S)

    async def document(self, delivery: Delivery) -> Any:
        """What a delivery of proof sends, its signature checked."""
        async with self.database.connection() as connection:
            row = await connection.fetchrow(
                "update deliveries set state = 'pending', lease_until = null, due_at = $2"
                " where delivery_id = $1 returning state",
                delivery.delivery_id,
                NOW - DAY,
            )
            assert row is not None
            worker = uuid4()
            (claimed,) = await deliveries.claim(connection, worker, NOW - DAY, 10, Limits())
            sent = await Proofs(self.database, lambda: NOW).payload(claimed)
            assert sent == await Proofs(self.database, lambda: NOW).payload(claimed), "the same every time"
            await connection.execute(
                "update deliveries set state = $2, lease_until = null, due_at = $3 where delivery_id = $1",
                delivery.delivery_id,
                delivery.state,
                delivery.due_at,
            )
            keys = [ReceiptKey(*pair) for pair in await signing_keys.all_keys(connection)]
        assert isinstance(sent.body, bytes)
        found = json.loads(sent.body)
        assert receipts.verify(found, keys[0].public)
        return found

    async def manifest(self) -> Any:
        """The newest one that was planned."""
        *_, newest = await self.find(DeliveryKind.MANIFEST)
        return await self.document(newest)


def _receipt(key: str | None, at: datetime) -> Receipt:
    return Receipt(f"s3://acme-calls/{key}", "ab" * 32, 12, 200, at, etag='"e"', conditional=True)


async def desk_of(database: Database) -> Desk:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
    return Desk(database, organization, EndpointPolicy())
