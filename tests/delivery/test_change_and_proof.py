"""Replays, fresh URLs, webhook signatures, signed receipts, metrics."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from delivery_support import NOW, Recording, add_recording

from callpost.delivery import change, payload, receipts, webhooks
from callpost.delivery.change import Replayed
from callpost.delivery.metrics import Metrics
from callpost.delivery.receipts import ReceiptKey
from callpost.errors import NotFound, Rejected
from callpost.model.configuration import Callback
from callpost.model.delivery import Attempt, Delivery, DeliveryState, EndpointPolicy, NewDelivery, Receipt
from callpost.network import Body
from callpost.store import deliveries, destinations, signing_keys
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery, Limits, Settlement

LATER = NOW + timedelta(hours=1)
RECEIPT = Receipt("s3://b/k", "ab" * 32, 12, 200, LATER, etag='"e"', conditional=True, verified="etag")


async def insert(database: Database, *new: NewDelivery) -> None:
    async with database.transaction() as connection:
        await deliveries.insert(connection, new, NOW)


async def end(database: Database, state: DeliveryState = DeliveryState.DELIVERED) -> list[Settlement]:
    """Settle everything that is due."""
    worker = uuid4()
    async with database.transaction() as connection:
        claimed = await deliveries.claim(connection, worker, LATER, 1000, Limits(per_destination=1000))
        settlements = [
            Settlement(
                one,
                Attempt(one.delivery_id, one.attempt, LATER, 250, "x"),
                state,
                receipt=RECEIPT if state is DeliveryState.DELIVERED else None,
            )
            for one in claimed
        ]
        await deliveries.settle(connection, worker, settlements, LATER, Limits())
    return settlements


async def stored(database: Database, recording: Recording) -> list[Delivery]:
    async with database.connection() as connection:
        return await deliveries.of_media(connection, recording.organization_id, recording.media_id)


async def test_a_replay_sends_what_was_sent_once_more(database: Database, recording: Recording) -> None:
    await insert(database, recording.delivery(1, "http:a"), recording.delivery(2, "http:b"))
    await end(database)
    query = DeliveryQuery(destination_key="http:b", limit=1)
    organization = recording.organization_id
    dry = await change.replay(database, organization, query, LATER, dry_run=True)
    assert dry == Replayed(1, {"http:b": 1})
    assert len(await stored(database, recording)) == 2
    assert await change.replay(database, organization, query, LATER) == dry
    *_, old, new = await stored(database, recording)
    assert (new.number, new.replay_of, new.state) == (3, old.delivery_id, DeliveryState.PENDING)
    assert (new.callback, new.destination_key, new.due_at) == (old.callback, "http:b", LATER)


async def test_a_replay_of_many_pages_ends(database: Database, recording: Recording) -> None:
    await insert(database, *(recording.delivery(number) for number in range(1, 1202)))
    done = await change.replay(
        database, recording.organization_id, DeliveryQuery(external_id="call-7"), LATER
    )
    assert done.count == 1201
    numbers = [delivery.number for delivery in await stored(database, recording)]
    assert numbers == list(range(1, 2403))


async def test_results_that_are_kept_no_more_are_counted_and_not_sent(
    database: Database, recording: Recording
) -> None:
    async with database.transaction() as connection:
        other = await add_recording(connection, recording.organization_id, time_to_live_s=60)
    await insert(database, recording.delivery(1, "http:a"), other.delivery(1, "http:a"))
    await end(database)
    organization, after = recording.organization_id, LATER + timedelta(seconds=60)
    before = await change.replay(database, organization, DeliveryQuery(), LATER, dry_run=True)
    assert before == Replayed(2, {"http:a": 2}, expired=0)
    dry = await change.replay(database, organization, DeliveryQuery(), after, dry_run=True)
    assert dry == Replayed(1, {"http:a": 1}, expired=1)
    assert await change.replay(database, organization, DeliveryQuery(), after) == dry
    assert len(await stored(database, recording)) == 2
    assert len(await stored(database, other)) == 1


async def test_another_organizations_deliveries_are_not_replayed(
    database: Database, recording: Recording
) -> None:
    await insert(database, recording.delivery())
    assert (await change.replay(database, uuid4(), DeliveryQuery(), LATER)).count == 0


def presigned(expires: datetime, content_type: str = "application%2Fjson") -> str:
    seconds = int(expires.timestamp())
    return f"https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature=s&content-type={content_type}&Expires={seconds}"


async def put_url(database: Database, recording: Recording, url: str, number: int = 1) -> Any:
    return await change.fresh_url(
        database,
        recording.organization_id,
        recording.media_id,
        number,
        url,
        policy=EndpointPolicy(),
        now=LATER,
    )


async def test_a_fresh_url_revives_a_delivery_that_failed(database: Database, recording: Recording) -> None:
    await insert(database, recording.delivery(callback=Callback(presigned(NOW))))
    await end(database, DeliveryState.FAILED)
    warnings = await put_url(database, recording, presigned(LATER + timedelta(days=1)))
    assert "SigV2" in str(warnings)
    (found,) = await stored(database, recording)
    assert (found.state, found.due_at, found.tries) == (DeliveryState.PENDING, LATER, 0)
    assert (found.destination_key, found.content_type) == ("s3:b", "application/json")


async def test_a_fresh_url_that_is_of_no_use_changes_nothing(
    database: Database, recording: Recording
) -> None:
    await insert(database, recording.delivery(callback=Callback("https://example.org/")))
    for url in (presigned(NOW), presigned(LATER + timedelta(days=1), "text%2Fplain"), "ftp://example.org"):
        with pytest.raises(Rejected):
            await put_url(database, recording, url)
    with pytest.raises(NotFound):
        await put_url(database, recording, "https://example.org/new", number=9)
    (found,) = await stored(database, recording)
    assert found.callback.url == "https://example.org/"
    await end(database)
    with pytest.raises(Rejected, match="arrived already"):
        await put_url(database, recording, "https://example.org/new")


# --- webhook signatures


async def test_a_signature_is_that_of_the_standard_webhooks_library() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqTwUPD8ILPZIo2LaLaSw==")
    moment = datetime.fromtimestamp(1614265330, UTC)
    body = payload.of_bytes(b'{"test": 2432232314}', "application/json")
    found = await webhooks.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body, [secret])
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,ycrBnQSdMfrPtr3c829tMkKNLs7sG4EUsl1WMhToQic=",
    }


async def test_a_streamed_body_is_signed_like_one_in_memory() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"c"

    whole = payload.of_bytes(b"abc", None)
    streamed = replace(whole, body=Body(3, chunks))
    assert await webhooks.headers("m", NOW, whole, [b"k"]) == await webhooks.headers(
        "m", NOW, streamed, [b"k"]
    )


async def test_two_secrets_sign_while_one_gives_way_to_the_next(
    database: Database, recording: Recording
) -> None:
    first, second, third = (webhooks.new_secret() for _ in range(3))
    organization = recording.organization_id
    await insert(database, recording.delivery())
    async with database.transaction() as connection:
        for secret in (first, second, third):
            await destinations.add_webhook_secret(connection, organization, secret)
        assert await destinations.webhook_secrets(connection, organization) == (third, second)
        await destinations.retire_webhook_secret(connection, organization)
        (claimed,) = await deliveries.claim(connection, uuid4(), NOW, 1, Limits())
    assert claimed.webhook_secrets == (third,)
    assert repr(third) not in repr(claimed)
    assert webhooks.written(b"\x00" * 3) == "whsec_AAAA"


# --- receipts


@pytest.fixture
def key() -> ReceiptKey:
    return ReceiptKey(uuid4(), receipts.new_private_key())


async def delivered(database: Database, recording: Recording) -> Delivery:
    await insert(database, recording.delivery())
    await end(database)
    return (await stored(database, recording))[0]


async def test_a_receipt_proves_itself(database: Database, recording: Recording, key: ReceiptKey) -> None:
    content = receipts.document(await delivered(database, recording))
    assert content is not None
    proof = json.loads(json.dumps(receipts.signed(content, key)))
    assert receipts.verify(proof, key.public)
    assert not receipts.verify({**proof, "sha256": hashlib.sha256(b"other").hexdigest()}, key.public)
    assert not receipts.verify(proof, ReceiptKey(uuid4(), receipts.new_private_key()).public)
    assert not receipts.verify(dict(content), key.public)
    assert receipts.signed(content, key) == proof


async def test_a_receipt_can_be_checked_without_callpost(
    database: Database, recording: Recording, key: ReceiptKey
) -> None:
    content = receipts.document(await delivered(database, recording))
    assert content is not None
    proof = dict(receipts.signed(content, key))
    signature = base64.b64decode(proof.pop("signature")["value"])
    text = json.dumps(proof, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    load_pem_public_key(key.public_pem.encode()).verify(signature, text)  # type: ignore[call-arg,union-attr]  # Ed25519
    assert "secret-path" not in str(proof)


async def test_every_process_signs_with_the_same_key(database: Database, key: ReceiptKey) -> None:
    async with database.transaction() as connection:
        first = await signing_keys.ensure(connection, key.private, NOW)
        assert await signing_keys.ensure(connection, receipts.new_private_key(), NOW) == first
        newer = await signing_keys.add(connection, receipts.new_private_key(), LATER)
        assert await signing_keys.all_keys(connection) == [newer, first]
    assert key.private.hex() not in repr(key)


# --- metrics


async def test_metrics_say_what_waits_and_what_became_of_the_rest(
    database: Database, recording: Recording, organization_id: Any
) -> None:
    metrics = Metrics()
    await insert(database, recording.delivery(1), recording.delivery(2))
    for settlement in await end(database):
        metrics.settled(settlement)
    async with database.transaction() as connection:
        other = await add_recording(connection, organization_id)
        await deliveries.insert(connection, [other.delivery(1, "http:slow")], NOW)
    text = (await metrics.text(database, LATER)).decode()
    assert 'callpost_delivery_attempts_total{outcome="x"} 2.0' in text
    assert 'callpost_deliveries_ended_total{state="delivered"} 2.0' in text
    assert 'callpost_deliveries_waiting{destination="http:slow"} 1.0' in text
    assert 'callpost_delivery_queue_age_seconds{destination="http:slow"} 3600.0' in text
    assert 'callpost_delivery_seconds_bucket{le="3600.0"} 2.0' in text
