"""Receipts and manifests: planned with the last delivery, delivered like results, true and complete."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from delivery_support import NOW
from demo.customer import Account, Key

from callpost.delivery import change, receipts
from callpost.delivery.aws import AwsEndpoints
from callpost.delivery.courier import Courier, CourierSettings
from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.delivery.proofs import Proofs, plan_manifests
from callpost.delivery.receipts import ReceiptKey
from callpost.delivery.signing import Credentials
from callpost.errors import Rejected
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
from callpost.network import Network
from callpost.pipeline import publish
from callpost.pipeline.accept import Acceptance
from callpost.pipeline.publish import PublishRules
from callpost.store import deliveries, organizations, reports, signing_keys
from callpost.store import media as media_store
from callpost.store import proofs as store
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery, Limits, Settlement
from callpost.store.objects import Objects
from callpost.store.proofs import ManifestQuery

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


@pytest.fixture
async def desk(database: Database) -> Desk:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
    return Desk(database, organization, EndpointPolicy())


# --- receipts


async def test_receipts_are_planned_with_the_end_of_the_last_delivery(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS, WEBVTT, HTTP)
    await desk.finish(media_id)
    await desk.settle(most=2)
    assert await desk.find(DeliveryKind.RECEIPTS) == []
    await desk.settle(state=DeliveryState.FAILED)
    (planned,) = await desk.pending(DeliveryKind.RECEIPTS)
    assert (planned.media_id, planned.number) == (media_id, 4)
    assert planned.object_key == f"in/calls/_receipts/{media_id}.json"
    assert planned.content_type == "application/json"


async def test_two_workers_that_end_the_last_deliveries_at_once_plan_receipts_once(desk: Desk) -> None:
    for _ in range(10):
        await desk.finish(
            await desk.accept(ANALYTICS, WEBVTT, HTTP, replace(HTTP, url="https://b.example.org"))
        )
    ended = await asyncio.gather(*(desk.settle(most=5) for _ in range(8)))
    assert sum(one.kind is DeliveryKind.RESULT for some in ended for one in some) == 40
    planned = await desk.find(DeliveryKind.RECEIPTS)
    assert len({one.media_id for one in planned}) == len(planned) == 10


async def test_receipts_hold_every_delivery_and_no_secret(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS, HTTP)
    await desk.finish(media_id)
    first, second = await desk.settle(most=1), await desk.settle(state=DeliveryState.FAILED)
    (planned,) = await desk.pending(DeliveryKind.RECEIPTS)
    document = await desk.document(planned)
    assert (document["mediaId"], document["externalId"]) == (str(media_id), "call-7")
    assert (document["folder"], document["status"], document["document"]) == (FOLDER, "failed", "receipts")
    ended = {entry["number"]: entry for entry in document["deliveries"]}
    assert {entry["status"] for entry in ended.values()} == {"delivered", "failed"}
    good, bad = ended[first[0].number], ended[second[0].number]
    assert (good["sha256"], good["size"]) == ("ab" * 32, 12)
    assert (bad["reason"], "sha256" in bad) == ("down", False)
    assert "query-secret" not in json.dumps(document)


async def test_receipts_that_arrived_are_not_planned_again(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS)
    await desk.finish(media_id)
    await desk.settle()
    (sent,) = await desk.settle()
    assert sent.kind is DeliveryKind.RECEIPTS
    assert await desk.settle() == []
    assert len(await desk.find(DeliveryKind.RECEIPTS)) == 1


async def test_nobody_gets_receipts_without_asking(desk: Desk) -> None:
    await desk.finish(await desk.accept(replace(ANALYTICS, s3_options=None), HTTP))
    await desk.settle()
    assert len(await desk.find()) == 2
    assert await desk.sweep(MIDNIGHT) == 0


async def test_the_operator_may_want_receipts_for_all_who_say_nothing(desk: Desk) -> None:
    desk.receipts = True
    silent, refusing = (
        replace(ANALYTICS, s3_options=None),
        replace(ANALYTICS, s3_options=S3Options(receipts=False)),
    )
    for callback in (silent, refusing, HTTP):
        await desk.finish(await desk.accept(callback))
    await desk.settle()
    assert len(await desk.find(DeliveryKind.RECEIPTS)) == 1


async def test_each_folder_gets_its_own(desk: Desk) -> None:
    elsewhere = replace(WEBVTT, prepend_folder="captions", s3_options=replace(WANTED, kms_key_id="alias/k"))
    media_id = await desk.accept(ANALYTICS, WEBVTT, elsewhere)
    await desk.finish(media_id)
    await desk.settle()
    planned = await desk.pending(DeliveryKind.RECEIPTS)
    assert {delivery.object_key for delivery in planned} == {
        f"in/calls/_receipts/{media_id}.json",
        f"in/captions/_receipts/{media_id}.json",
    }
    assert {delivery.number for delivery in planned} == {4, 5}
    options = {delivery.callback.prepend_folder: delivery.callback.s3_options for delivery in planned}
    assert options["captions"] == S3Options(kms_key_id="alias/k")
    for delivery in planned:
        document = await desk.document(delivery)
        assert str(delivery.object_key).startswith(document["folder"].removeprefix("s3://acme-calls/"))


async def test_a_recording_without_any_delivery_is_accounted_for(desk: Desk) -> None:
    media_id = await desk.accept(WEBVTT)
    async with desk.database.transaction() as connection:
        media = await media_store.get_any(connection, media_id)
        assert media
        failed = replace(media, status=MediaStatus.FAILED, date_finished=NOW)
        await media_store.end(connection, failed)
        await deliveries.conclude(connection, (media_id,), NOW)
    (planned,) = await desk.pending(DeliveryKind.RECEIPTS)
    document = await desk.document(planned)
    assert (document["status"], document["mediaStatus"], document["deliveries"]) == ("failed", "failed", [])


async def test_a_replay_ends_in_new_receipts_and_does_not_replay_receipts(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS)
    await desk.finish(media_id)
    await desk.settle(state=DeliveryState.FAILED)
    await desk.settle()
    query = DeliveryQuery(media_id=media_id)
    done = await change.replay(desk.database, desk.organization.organization_id, query, NOW + DAY)
    assert done.count == 1
    await desk.settle(NOW + DAY)
    (planned,) = await desk.pending(DeliveryKind.RECEIPTS)
    document = await desk.document(planned)
    assert document["status"] == "delivered"
    assert [entry["status"] for entry in document["deliveries"]] == ["failed", "delivered"]


async def test_what_ends_while_receipts_are_on_their_way_brings_new_ones_after_them(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS)
    await desk.finish(media_id)
    await desk.settle()
    (first,) = await desk.pending(DeliveryKind.RECEIPTS)
    before = await desk.document(first)
    later = NOW + timedelta(seconds=1)
    await change.replay(
        desk.database, desk.organization.organization_id, DeliveryQuery(media_id=media_id), later
    )
    assert len(await desk.settle(later, only=DeliveryKind.RESULT)) == 1
    assert await desk.document(first) == before, "what was planned is what is sent"
    assert [one.delivery_id for one in await desk.pending(DeliveryKind.RECEIPTS)] == [first.delivery_id]
    await desk.settle()
    (second,) = await desk.pending(DeliveryKind.RECEIPTS)
    assert len((await desk.document(second))["deliveries"]) == 2


async def test_processing_again_accounts_for_the_new_deliveries_only(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS)
    await desk.finish(media_id)
    for _ in range(2):
        await desk.settle()
    async with desk.database.connection() as connection:
        media = await media_store.get(connection, desk.organization.organization_id, media_id)
    again = Submission(Configuration(callbacks=(ANALYTICS, WEBVTT)), Metadata())
    await Acceptance(desk.database, desk.policy).accept_again(media, again)
    await desk.finish(media_id)
    await desk.settle()
    (planned,) = await desk.pending(DeliveryKind.RECEIPTS)
    assert [entry["number"] for entry in (await desk.document(planned))["deliveries"]] == [3, 4]


async def test_the_time_to_live_waits_for_the_receipts(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS, ttl_s=60)
    await desk.finish(media_id)
    expires = "select expires_on from media where media_id = $1"
    async with desk.database.connection() as connection:
        await desk.settle()
        assert await connection.fetchval(expires, media_id) is None
        await desk.settle(NOW + DAY)
        assert await connection.fetchval(expires, media_id) == NOW + DAY + timedelta(seconds=60)


async def test_a_destination_that_let_nothing_through_ends_in_receipts_too(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS, HTTP)
    await desk.finish(media_id)
    await desk.settle(most=1)
    async with desk.database.transaction() as connection:
        await connection.execute("update destinations set failures = 20, failing_since = $1", NOW)
        await deliveries.give_up(connection, NOW + 3 * DAY, RetrySchedule(), 60)
    assert len(await desk.pending(DeliveryKind.RECEIPTS)) == 1


async def test_receipts_cannot_be_sent_somewhere_else(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS)
    await desk.finish(media_id)
    await desk.settle()
    organization_id, policy = desk.organization.organization_id, desk.policy
    with pytest.raises(Rejected, match="folder"):
        await change.fresh_url(
            desk.database, organization_id, media_id, 2, "s3://other", policy=policy, now=NOW
        )


# --- manifests


async def test_a_manifest_is_due_when_its_day_is_over_and_nothing_of_it_is_pending(desk: Desk) -> None:
    media = [await desk.accept(ANALYTICS) for _ in range(3)]
    for media_id in media:
        await desk.finish(media_id)
    await desk.settle(most=2)
    assert await desk.sweep(MIDNIGHT - timedelta(seconds=1)) == 0
    assert await desk.sweep(MIDNIGHT) == 0, "one is pending"
    await desk.settle()
    await desk.settle(only=DeliveryKind.RECEIPTS)
    assert await desk.sweep(MIDNIGHT) == 1
    (planned,) = await desk.pending(DeliveryKind.MANIFEST)
    assert planned.object_key == "in/calls/_receipts/manifests/2026-03-01.json"
    document = await desk.manifest()
    assert document["counts"] == {"accepted": 3, "delivered": 3, "failed": 0, "pending": 0, "deleted": 0}
    assert (document["date"], document["folder"], document["complete"]) == ("2026-03-01", FOLDER, True)
    assert {entry["mediaId"] for entry in document["recordings"]} == {str(media_id) for media_id in media}
    assert {entry["deliveries"][0]["sha256"] for entry in document["recordings"]} == {"ab" * 32}


async def test_a_manifest_is_planned_once(desk: Desk) -> None:
    await desk.finish(await desk.accept(ANALYTICS))
    await desk.settle()
    await desk.settle()
    assert await desk.sweep(MIDNIGHT) == 1
    assert await desk.sweep(MIDNIGHT) == 0, "it is on its way"
    (sent,) = await desk.settle(MIDNIGHT)
    assert sent.kind is DeliveryKind.MANIFEST
    assert await desk.sweep(MIDNIGHT + 5 * DAY) == 0
    assert len(await desk.find(DeliveryKind.MANIFEST)) == 1


async def test_two_workers_plan_one_manifest(desk: Desk) -> None:
    await desk.finish(await desk.accept(ANALYTICS))
    await desk.settle()
    await asyncio.gather(*(desk.sweep(MIDNIGHT) for _ in range(5)))
    assert len(await desk.find(DeliveryKind.MANIFEST)) == 1


async def test_what_is_pending_for_a_whole_schedule_is_listed_so_and_completed_later(desk: Desk) -> None:
    delivered, pending = await desk.accept(ANALYTICS), await desk.accept(ANALYTICS)
    await desk.finish(delivered)
    await desk.settle()
    latest = MIDNIGHT + timedelta(seconds=SCHEDULE_S)
    assert await desk.sweep(latest - timedelta(seconds=1)) == 0
    assert await desk.sweep(latest) == 1
    document = await desk.manifest()
    assert (document["complete"], document["counts"]["pending"]) == (False, 1)
    (entry,) = (entry for entry in document["recordings"] if entry["status"] == "pending")
    assert (entry["mediaId"], entry["deliveries"]) == (str(pending), [])
    await desk.settle(latest)
    assert await desk.sweep(latest + DAY) == 0, "nothing is new"
    await desk.finish(pending, latest + DAY)
    await desk.settle(latest + DAY)
    assert await desk.sweep(latest + DAY) == 1
    document = await desk.manifest()
    assert (document["complete"], document["counts"]["delivered"]) == (True, 2)


async def test_a_failure_made_good_after_the_day_is_listed_as_delivered(desk: Desk) -> None:
    media_id = await desk.accept(ANALYTICS)
    await desk.finish(media_id)
    await desk.settle(state=DeliveryState.FAILED)
    await desk.settle()
    assert await desk.sweep(MIDNIGHT) == 1
    assert (await desk.manifest())["counts"]["failed"] == 1
    await desk.settle(MIDNIGHT)
    async with desk.database.connection() as connection:
        await deliveries.retry(connection, desk.organization.organization_id, media_id, 1, MIDNIGHT)
    await desk.settle(MIDNIGHT)
    assert await desk.sweep(MIDNIGHT + DAY) == 1
    assert (await desk.manifest())["counts"]["delivered"] == 1


async def test_a_recording_whose_time_to_live_is_over_is_still_accounted_for(desk: Desk) -> None:
    kept, expired, deleted = [await desk.accept(ANALYTICS) for _ in range(3)]
    for media_id in (kept, expired):
        await desk.finish(media_id)
    await desk.settle()
    async with desk.database.transaction() as connection:
        for media_id in (expired, deleted):
            await media_store.delete(connection, desk.organization.organization_id, media_id)
    assert await desk.sweep(MIDNIGHT) == 1
    document = await desk.manifest()
    states = {entry["mediaId"]: entry["status"] for entry in document["recordings"]}
    assert states == {str(kept): "delivered", str(expired): "delivered", str(deleted): "deleted"}
    assert document["counts"]["accepted"] == 3


async def test_each_day_and_folder_has_a_manifest_of_its_own(desk: Desk) -> None:
    for at in (NOW, MIDNIGHT, MIDNIGHT + DAY):
        await desk.finish(await desk.accept(ANALYTICS, replace(WEBVTT, prepend_folder="captions"), at=at), at)
    await desk.settle(MIDNIGHT + DAY)
    assert await desk.sweep(MIDNIGHT + DAY + timedelta(hours=1)) == 4
    planned = await desk.find(DeliveryKind.MANIFEST)
    assert {delivery.object_key for delivery in planned} == {
        f"in/{folder}/_receipts/manifests/2026-03-0{day}.json"
        for folder in ("calls", "captions")
        for day in (1, 2)
    }


async def test_a_manifest_is_written_by_the_newest_role(desk: Desk) -> None:
    newer = replace(ANALYTICS, role=ROLE + "2")
    for callback in (ANALYTICS, newer):
        await desk.finish(await desk.accept(callback))
    await desk.settle()
    await desk.sweep(MIDNIGHT)
    (planned,) = await desk.find(DeliveryKind.MANIFEST)
    assert planned.callback.role == newer.role


async def test_old_manifests_are_forgotten_with_their_recordings(desk: Desk) -> None:
    kept, gone = await desk.accept(ANALYTICS), await desk.accept(ANALYTICS, at=NOW - DAY)
    organization_id = desk.organization.organization_id
    async with desk.database.transaction() as connection:
        await media_store.delete(connection, organization_id, gone)
    await desk.sweep(NOW + 100 * DAY)
    async with desk.database.connection() as connection:
        (left,) = await store.manifests(connection, organization_id, ManifestQuery())
    assert left.day == NOW.date()
    assert kept


# --- into a bucket


async def test_receipts_and_manifest_arrive_in_the_bucket_by_the_same_role(
    database: Database, objects: Objects, account: Account, callpost_key: Key
) -> None:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
    bucket = account.make_bucket(f"acme-{uuid4().hex[:12]}")
    role = account.make_role(bucket, str(organization.organization_id), name=f"role-{uuid4().hex[:8]}")
    policy = EndpointPolicy(True, True, None, (account.endpoint,))
    desk = Desk(database, organization, policy)
    tagged = replace(WANTED, tags=(("kind", "result"),))
    callback = replace(ANALYTICS, url=f"{account.endpoint}/{bucket}", role=role, s3_options=tagged)
    yesterday = _now() - DAY
    media_id = await desk.accept(callback, at=yesterday)
    async with _worker(desk, objects, account, callpost_key):
        await reports.save(objects, await desk.finish(media_id, _now()))
        await _until_delivered(desk, 2)
        assert await desk.sweep(_now()) == 1
        await _until_delivered(desk, 3)
    found = account.objects(bucket)
    listed = json.loads(found[f"calls/_receipts/manifests/{yesterday.date()}.json"])
    proof = json.loads(found[f"calls/_receipts/{media_id}.json"])
    async with database.connection() as connection:
        ((key_id, private),) = await signing_keys.all_keys(connection)
    assert all(receipts.verify(document, ReceiptKey(key_id, private).public) for document in (listed, proof))
    assert listed["counts"]["delivered"] == 1
    (delivery,) = proof["deliveries"]
    assert delivery["location"] == f"s3://{bucket}/calls/{media_id}/analytics.json"
    assert delivery["sha256"] == hashlib.sha256(found[f"calls/{media_id}/analytics.json"]).hexdigest()
    tags = account.client("s3").get_object_tagging(Bucket=bucket, Key=f"calls/_receipts/{media_id}.json")
    assert tags["TagSet"] == [{"Key": "kind", "Value": "result"}]


@asynccontextmanager
async def _worker(desk: Desk, objects: Objects, account: Account, key: Key) -> AsyncIterator[None]:
    """Delivers until the end of the block."""
    endpoints = AwsEndpoints(sts=account.endpoint, sts_trusted=True)
    settings = CourierSettings(desk.policy, "https://callpost.example.org", endpoints)
    own, stop = Credentials(key.access_key_id, key.secret), asyncio.Event()
    async with Network(desk.policy) as network:
        proofs = Proofs(desk.database, _now)
        courier = Courier(network, objects, settings, _now, lambda: own, proofs=proofs)
        dispatcher = Dispatcher(desk.database, courier, DispatcherSettings(poll_s=0.1), _now)
        task = asyncio.create_task(dispatcher.run(stop))
        yield
        stop.set()
        await task


def _now() -> datetime:
    return datetime.now(UTC)


async def _until_delivered(desk: Desk, count: int) -> None:
    async with asyncio.timeout(30):
        while sum(one.state is DeliveryState.DELIVERED for one in await desk.find()) < count:
            await asyncio.sleep(0.02)
