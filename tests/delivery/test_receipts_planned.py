"""Receipts of a recording: planned with its last delivery, complete, and never twice."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from delivery_support import NOW
from proof_desk import ANALYTICS, DAY, FOLDER, HTTP, MIDNIGHT, WANTED, WEBVTT, Desk, desk_of

from callpost.delivery import change
from callpost.errors import Rejected
from callpost.model.configuration import Configuration, S3Options
from callpost.model.delivery import (
    DeliveryKind,
    DeliveryState,
    RetrySchedule,
)
from callpost.model.media import MediaStatus, Metadata, Submission
from callpost.pipeline.accept import Acceptance
from callpost.store import deliveries
from callpost.store import media as media_store
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_of(database)


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
