"""Manifests of a day: due when it is over, true about every recording, and into the bucket like receipts."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from delivery_support import NOW, at_work
from demo.customer import Account, Key
from proof_desk import ANALYTICS, DAY, FOLDER, MIDNIGHT, ROLE, SCHEDULE_S, WANTED, WEBVTT, Desk, desk_of

from callpost.delivery import receipts
from callpost.delivery.aws import AwsEndpoints
from callpost.delivery.courier import Courier, CourierSettings
from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.delivery.proofs import Proofs
from callpost.delivery.receipts import ReceiptKey
from callpost.delivery.signing import Credentials
from callpost.model.delivery import (
    DeliveryKind,
    DeliveryState,
    EndpointPolicy,
)
from callpost.network import Network
from callpost.store import deliveries, organizations, reports, signing_keys
from callpost.store import media as media_store
from callpost.store import proofs as store
from callpost.store.database import Database
from callpost.store.objects import Objects
from callpost.store.proofs import ManifestQuery


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_of(database)


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
    # Saved before anybody may deliver it, as it is where callpost plans the deliveries.
    await reports.save(objects, await desk.finish(media_id, _now()))
    async with _worker(desk, objects, account, callpost_key):
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
    own = Credentials(key.access_key_id, key.secret)
    async with Network(desk.policy) as network:
        proofs = Proofs(desk.database, _now)
        courier = Courier(network, objects, settings, _now, lambda: own, proofs=proofs)
        dispatcher = Dispatcher(desk.database, courier, DispatcherSettings(poll_s=0.1), _now)
        async with at_work(dispatcher):
            yield


def _now() -> datetime:
    return datetime.now(UTC)


async def _until_delivered(desk: Desk, count: int) -> None:
    async with asyncio.timeout(30):
        while sum(one.state is DeliveryState.DELIVERED for one in await desk.find()) < count:
            await asyncio.sleep(0.02)
