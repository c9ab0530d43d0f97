"""Replays to another destination: the same results under the keys of the new place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from desk import Desk

from callpost.delivery.change import Replayed
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback, CallbackType, Configuration, S3Options, TranscriptFormat
from callpost.model.delivery import Delivery, DeliveryState, EndpointPolicy, RetrySchedule
from callpost.pipeline.elsewhere import Elsewhere
from callpost.pipeline.expire import expire
from callpost.pipeline.publish import PublishRules
from callpost.store import reports
from callpost.store.deliveries import DeliveryQuery

NOW = datetime(2100, 1, 1, tzinfo=UTC)
ROLE = "arn:aws:iam::999533888199:role/s3-delivery-role"
BUCKET = Callback("https://s3.eu-west-1.amazonaws.com/new", role=ROLE, prepend_folder="calls")
ENDPOINT = Callback("https://new.example.org/results", method="PUT")
WENT = (
    Callback("https://s3.amazonaws.com/old", role=ROLE, prepend_folder="before"),
    Callback("https://example.com/", CallbackType.TRANSCRIPT, format=TranscriptFormat.WEBVTT),
    Callback("https://example.com/", CallbackType.MEDIA, stream="original"),
)
USUAL = RetrySchedule()


async def processed(desk: Desk, *callbacks: Callback, time_to_live_s: int | None = None) -> UUID:
    media_id = await desk.accept(Configuration(callbacks=callbacks, time_to_live_s=time_to_live_s))
    await desk.processor.process(media_id)
    return media_id


async def replay(
    desk: Desk,
    to: Callback,
    query: DeliveryQuery | None = None,
    *,
    rules: PublishRules | None = None,
    dry_run: bool = False,
) -> tuple[Replayed, tuple[Problem, ...]]:
    elsewhere = Elsewhere(desk.database, desk.objects, rules or PublishRules(EndpointPolicy()), to)
    organization_id = desk.organization.organization_id
    return await elsewhere.replay(organization_id, query or DeliveryQuery(), USUAL, NOW, dry_run=dry_run)


async def replays(desk: Desk, media_id: UUID) -> list[Delivery]:
    return [delivery for delivery in await desk.deliveries(media_id) if delivery.replay_of]


async def test_results_move_to_another_bucket_under_its_keys(desk: Desk) -> None:
    media_id = await processed(desk, *WENT)
    done, _ = await replay(desk, BUCKET)
    assert done == Replayed(3, {"s3:old": 1, "http:example.com": 2})
    made = await replays(desk, media_id)
    assert {(delivery.object_key, delivery.content_type) for delivery in made} == {
        (f"calls/{media_id}/analytics.json", "application/json"),
        (f"calls/{media_id}/transcript.vtt", "text/vtt"),
        (f"calls/{media_id}/media/original.mp3", "application/octet-stream"),
    }
    assert {(delivery.destination_key, delivery.state) for delivery in made} == {
        ("s3:new", DeliveryState.PENDING)
    }
    assert [delivery.number for delivery in made] == [4, 5, 6]
    assert len(desk.recognizer.requests) == 1


async def test_what_is_sent_stays_as_it_was_asked_for(desk: Desk) -> None:
    asked = replace(WENT[0], include=("metadata", "knowledge"))
    media_id = await processed(desk, asked)
    await replay(desk, ENDPOINT)
    (made,) = await replays(desk, media_id)
    assert made.callback == replace(ENDPOINT, include=("metadata", "knowledge"))
    assert (made.destination_key, made.object_key) == ("http:new.example.org", None)


async def test_the_new_places_own_template_names_the_objects(desk: Desk) -> None:
    media_id = await processed(desk, WENT[0])
    options = S3Options(key_template="{externalId}/{mediaId}/{object}")
    await replay(desk, replace(BUCKET, s3_options=options))
    rules = PublishRules(EndpointPolicy(), "{prependFolder}/x/{mediaId}/{object}")
    await replay(desk, BUCKET, DeliveryQuery(number=1, media_id=media_id), rules=rules)
    assert [delivery.object_key for delivery in await replays(desk, media_id)] == [
        f"calls/call-1/{media_id}/analytics.json",
        f"calls/x/{media_id}/analytics.json",
    ]


async def test_callbacks_with_other_sections_never_write_to_one_key(desk: Desk) -> None:
    whole, part = WENT[0], replace(WENT[0], url="https://s3.amazonaws.com/third", include=("metadata",))
    media_id = await processed(desk, whole, part)
    for _ in range(2):
        await replay(desk, BUCKET, DeliveryQuery(state=DeliveryState.PENDING))
    keys = {(made.callback.include, made.object_key) for made in await replays(desk, media_id)}
    assert keys == {
        (None, f"calls/{media_id}/analytics.json"),
        (("metadata",), f"calls/{media_id}/analytics-2.json"),
    }


async def test_a_dry_run_counts_and_judges_and_makes_nothing(desk: Desk) -> None:
    media_id = await processed(desk, *WENT)
    counted, warnings = await replay(desk, replace(BUCKET, url=BUCKET.url + "?x=1"), dry_run=True)
    assert counted.count == 3
    assert "ignored" in str(warnings)
    assert await replays(desk, media_id) == []


def signed(lasts: timedelta) -> Callback:
    expires = round((NOW + lasts).timestamp())
    query = f"AWSAccessKeyId=A&Signature=s&content-type=application%2Fjson&Expires={expires}"
    return Callback(f"https://b.s3.amazonaws.com/k?{query}")


async def test_a_presigned_url_takes_one_object(desk: Desk) -> None:
    media_id = await processed(desk, WENT[0], WENT[1])
    for dry_run in (True, False):
        with pytest.raises(Rejected, match="room for one object, and these are 2"):
            await replay(desk, signed(timedelta(days=1)), dry_run=dry_run)
    one = DeliveryQuery(media_id=media_id, number=1)
    _, warnings = await replay(desk, signed(timedelta(hours=1)), one)
    assert "before the last retry" in str(warnings)
    (made,) = await replays(desk, media_id)
    assert (made.destination_key, made.content_type, made.object_key) == ("s3:b", "application/json", None)


async def test_a_url_that_is_of_no_use_replays_nothing(desk: Desk) -> None:
    media_id = await processed(desk, *WENT)
    for number, to, reason in [
        (1, signed(-timedelta(hours=1)), "expired at"),
        (2, signed(timedelta(days=1)), "signed for application/json, the result is text/vtt"),
        (1, Callback("http://169.254.169.254/"), "protocols allowed"),
        (1, replace(BUCKET, role="me"), "not the ARN"),
    ]:
        with pytest.raises(Rejected, match=reason):
            await replay(desk, to, DeliveryQuery(media_id=media_id, number=number))
    assert await replays(desk, media_id) == []


async def test_results_that_are_gone_are_told_apart_and_do_not_stop_the_others(desk: Desk) -> None:
    gone, there = await processed(desk, WENT[0]), await processed(desk, WENT[0])
    await desk.objects.delete(reports.folder(gone))
    done, _ = await replay(desk, BUCKET)
    assert done == Replayed(1, {"s3:old": 1}, expired=1)
    assert await replays(desk, gone) == []
    assert len(await replays(desk, there)) == 1


async def test_nothing_found_is_nothing_sent(desk: Desk) -> None:
    assert await replay(desk, BUCKET) == (Replayed(0, {}), ())


async def test_results_are_kept_until_their_replay_has_ended(desk: Desk) -> None:
    media_id = await processed(desk, time_to_live_s=60)
    now = datetime.now(UTC)
    await desk.database.pool.execute(
        "insert into destinations (organization_id, destination_key) values ($1, 'http:x')",
        desk.organization.organization_id,
    )
    await desk.database.pool.execute(
        "insert into deliveries (delivery_id, media_id, organization_id, destination_id, number, callback,"
        " due_at, first_due_at, created_at)"
        " select gen_random_uuid(), $1, organization_id, destination_id, 1, '', $2, $2, $2 from destinations",
        media_id,
        now,
    )
    later = now + timedelta(hours=1)
    assert await expire(desk.database, desk.objects, later) == 0
    await desk.database.pool.execute("update deliveries set state = 'delivered'")
    assert await expire(desk.database, desk.objects, later) == 1
