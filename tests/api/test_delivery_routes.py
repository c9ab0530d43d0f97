"""Deliveries as the API shows them: where each stands, its attempts, its receipt; and sending one again."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from api_support import Parts, codes
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import NewDelivery, Receipt, RetrySchedule
from callpost.services import Services
from callpost.store import deliveries

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECEIPT = Receipt(
    "s3://bucket/calls/1/transcript.vtt", "ab" * 32, 7, 200, NOW, etag='"e"', verified="checksum"
)


@pytest.fixture
async def media_id(client: httpx.AsyncClient, parts: Parts) -> UUID:
    response = await client.post("/v3/media", files=parts(metadata={"externalId": "A"}))
    return UUID(response.json()["mediaId"])


@pytest.fixture
async def planned(services: Services, media_id: UUID) -> list[NewDelivery]:
    """Two deliveries: the first waits, the second has arrived."""
    organization_id = services.organization.organization_id
    secret = Callback("https://bucket.s3.amazonaws.com/a?X-Amz-Signature=secret")
    by_role = Callback(
        "https://bucket.s3.amazonaws.com/",
        CallbackType.TRANSCRIPT,
        format=TranscriptFormat.WEBVTT,
        s3_delivery=True,
        role="arn:aws:iam::999533888199:role/s3-delivery-role",
    )
    new = [
        NewDelivery(uuid4(), media_id, organization_id, 1, secret, "s3:bucket", "application/json"),
        NewDelivery(uuid4(), media_id, organization_id, 2, by_role, "s3:bucket", "text/vtt", "calls/1/t.vtt"),
    ]
    async with services.database.transaction() as connection:
        await deliveries.insert(connection, new, NOW)
        await connection.execute(
            "update deliveries set state = 'delivered', ended_at = $1, receipt = $2 where number = 2",
            NOW,
            msgspec.json.encode(RECEIPT),
        )
        await connection.execute(
            "insert into attempts (delivery_id, number, started_at, duration_ms, outcome, status)"
            " values ($1, 1, $2, 12, 'delivered', 200)",
            new[1].delivery_id,
            NOW,
        )
    return new


async def test_deliveries_are_shown_with_receipts_and_without_secrets(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    response = await client.get(f"/v3/media/{media_id}/deliveries")
    waiting, sent = response.json()["deliveries"]
    assert (waiting["status"], waiting["type"], waiting["destination"]) == (
        "pending",
        "analytics",
        "s3:bucket",
    )
    assert waiting["dateDue"] == "2026-03-01T12:00:00.000Z"
    assert (sent["status"], sent["format"], sent["objectKey"]) == (
        "delivered",
        "webvtt",
        "calls/1/t.vtt",
    )
    assert (sent["receipt"]["sha256"], sent["receipt"]["size"]) == ("ab" * 32, 7)
    assert "secret" not in response.text
    assert "role" not in sent


async def test_one_delivery_shows_its_attempts(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    body = (await client.get(f"/v3/media/{media_id}/deliveries/2")).json()
    assert [(attempt["outcome"], attempt["httpStatus"]) for attempt in body["history"]] == [
        ("delivered", 200)
    ]
    for number in ("3", "0", "99999999999", "x"):
        assert codes(await client.get(f"/v3/media/{media_id}/deliveries/{number}")) == [10205]


CHOSEN = [
    ("", [1, 2]),
    ("status=pending", [1]),
    ("status=DELIVERED", [2]),
    ("status=failed", []),
    ("destination=s3:bucket", [1, 2]),
    ("destination=s3:other", []),
    ("externalID=A", [1, 2]),
    ("externalId=B", []),
    ("mediaId=00000000-0000-0000-0000-000000000000", []),
    ("since=2000-01-01&until=2000-01-02", []),
]


async def test_deliveries_of_all_recordings_are_chosen(
    client: httpx.AsyncClient, planned: list[NewDelivery]
) -> None:
    for query, numbers in CHOSEN:
        found = (await client.get(f"/v3/deliveries?{query}")).json()["deliveries"]
        assert sorted(delivery["number"] for delivery in found) == numbers, query


async def test_pages_of_deliveries_lead_to_each_other(
    client: httpx.AsyncClient, planned: list[NewDelivery]
) -> None:
    first = (await client.get("/v3/deliveries?limit=1")).json()
    second = (await client.get(first["_links"]["next"]["href"])).json()
    assert {first["deliveries"][0]["number"], second["deliveries"][0]["number"]} == {1, 2}


@pytest.mark.parametrize("query", ["status=lost", "after=x", "since=x", "mediaId=x"])
async def test_a_query_of_deliveries_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, query: str
) -> None:
    assert codes(await client.get(f"/v3/deliveries?{query}")) == [10011]


async def test_a_delivery_that_waits_is_tried_at_once(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery], services: Services
) -> None:
    path = f"/v3/media/{media_id}/deliveries"
    await services.database.pool.execute("update deliveries set due_at = $1", NOW + timedelta(days=3650))
    body = (await client.post(f"{path}/1/retry")).json()
    assert body["dateDue"] < "2036"
    arrived = await client.post(f"{path}/2/retry")
    assert (arrived.status_code, codes(arrived)) == (400, [60006])
    assert codes(await client.post(f"{path}/3/retry")) == [10205]


async def test_a_delivery_gets_a_fresh_url_and_says_nothing_of_it(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery], services: Services
) -> None:
    path = f"/v3/media/{media_id}/deliveries"
    fresh = "https://hooks.example.org/secret-path"
    response = await client.patch(f"{path}/1", json={"url": fresh})
    assert (response.status_code, response.json()["destination"]) == (200, "http:hooks.example.org")
    assert "secret" not in response.text
    async with services.database.connection() as connection:
        stored = await deliveries.get(connection, services.organization.organization_id, media_id, 1)
    assert stored is not None
    assert stored.callback.url == fresh


IMPOSSIBLE_URLS = [
    (1, {}, 60001),
    (1, {"url": "ftp://example.org"}, 60002),
    (1, {"url": "https://example.org", "role": "x"}, 10008),
    (1, [], 10007),
    (2, {"url": "https://example.org"}, 60006),
    (3, {"url": "https://example.org"}, 10205),
]


async def test_a_url_that_cannot_be_is_refused(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    for number, body, code in IMPOSSIBLE_URLS:
        response = await client.patch(f"/v3/media/{media_id}/deliveries/{number}", json=body)
        assert codes(response) == [code], body


async def test_a_receipt_is_checked_with_the_public_key_alone(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    path = f"/v3/media/{media_id}/deliveries/2/receipt"
    proof = (await client.get(path)).json()
    assert (proof["sha256"], proof["mediaId"], proof["number"]) == (RECEIPT.sha256, str(media_id), 2)
    signature = proof.pop("signature")
    del client.headers["Authorization"]
    (key,) = (await client.get("/v3/receipts/public-keys")).json()["keys"]
    assert (key["keyId"], key["algorithm"]) == (signature["keyId"], "Ed25519")
    public = load_pem_public_key(key["publicKey"].encode())
    assert isinstance(public, Ed25519PublicKey)
    value = base64.b64decode(signature["value"])
    public.verify(value, _canonical(proof))
    with pytest.raises(InvalidSignature):
        public.verify(value, _canonical(proof | {"size": 8}))


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


async def test_what_has_not_arrived_has_no_receipt(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    for number, code in (("1", 10301), ("3", 10205)):
        response = await client.get(f"/v3/media/{media_id}/deliveries/{number}/receipt")
        assert (response.status_code, codes(response)) == (404, [code])
    assert (await client.get("/v3/receipts/public-keys")).json()["keys"] == []


async def test_receipts_are_signed_with_one_key_for_good(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    path = f"/v3/media/{media_id}/deliveries/2/receipt"
    first, second = [(await client.get(path)).json() for _ in range(2)]
    assert first == second


REPLAYED = [
    ({"status": "delivered"}, 1),
    ({"destination": "s3:bucket", "since": "2026-01-01"}, 2),
    ({"externalId": "A", "until": "2000-01-01"}, 0),
    ({"mediaId": str(uuid4())}, 0),
    ({"status": "delivered", "callback": {"url": "https://new.example/"}}, 1),
]


async def test_a_replay_is_counted_before_it_is_made(
    client: httpx.AsyncClient, planned: list[NewDelivery]
) -> None:
    for filters, count in REPLAYED:
        body = (await client.post("/v3/deliveries/replay", json=filters | {"dryRun": True})).json()
        assert (body["count"], body["dryRun"]) == (count, True), filters
        assert body["destinations"] == ({"s3:bucket": count} if count else {})
    assert len((await client.get("/v3/deliveries")).json()["deliveries"]) == 2


async def test_a_replay_makes_deliveries_of_its_own(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    asked = {"status": "delivered", "mediaId": str(media_id)}
    body = (await client.post("/v3/deliveries/replay", json=asked)).json()
    assert (body["count"], body["dryRun"]) == (1, False)
    new = (await client.get(f"/v3/media/{media_id}/deliveries/3")).json()
    assert (new["status"], new["objectKey"]) == ("pending", "calls/1/t.vtt")
    assert new["replayOf"] == str(planned[1].delivery_id)


async def test_a_replay_whose_results_are_gone_says_so(
    client: httpx.AsyncClient, media_id: UUID, planned: list[NewDelivery]
) -> None:
    asked = {
        "mediaId": str(media_id),
        "number": 2,
        "callback": {"url": "https://new.example/", "method": "put"},
    }
    dry = (await client.post("/v3/deliveries/replay", json=asked | {"dryRun": True})).json()
    assert (dry["count"], dry["expired"]) == (1, 0), "only the object store knows"
    done = (await client.post("/v3/deliveries/replay", json=asked)).json()
    assert (done["count"], done["expired"], done["destinations"]) == (0, 1, {})


async def test_a_replay_of_everything_by_a_slip_is_refused(
    client: httpx.AsyncClient, planned: list[NewDelivery]
) -> None:
    for body, code in [
        ({}, 60001),
        ({"dryRun": False, "destination": None}, 60001),
        ({"destinations": "s3:bucket"}, 10008),
        ({"status": "lost"}, 10011),
        ({"since": "yesterday"}, 10011),
        ({"mediaId": "x"}, 10011),
        ({"number": 1}, 10011),
        ({"mediaId": str(uuid4()), "number": 0}, 10011),
        ([], 10007),
        ({"status": "delivered", "callback": {"role": "arn"}}, 60001),
        ({"status": "delivered", "callback": {"url": "ftp://x.example"}}, 60002),
        ({"status": "delivered", "callback": {"url": "https://x.example", "format": "srt"}}, 60008),
        ({"status": "delivered", "callback": {"url": "https://x.example", "color": "blue"}}, 10008),
    ]:
        assert code in codes(await client.post("/v3/deliveries/replay", json=body)), body
    assert len((await client.get("/v3/deliveries")).json()["deliveries"]) == 2


async def test_a_destination_is_held_back_and_let_go(
    client: httpx.AsyncClient, planned: list[NewDelivery], services: Services
) -> None:
    path = "/v3/destinations"
    (listed,) = (await client.get(path)).json()["destinations"]
    assert (listed["destination"], listed["waiting"], listed["paused"]) == ("s3:bucket", 1, False)
    assert listed["dateOldestDue"] == "2026-03-01T12:00:00.000Z"
    paused = (await client.post(f"{path}/pause", json={"destination": "s3:bucket"})).json()
    assert (paused["paused"], "datePaused" in paused) == (True, True)
    assert await _claimable(services) == []
    resumed = (await client.post(f"{path}/resume", json={"destination": "s3:bucket"})).json()
    assert (resumed["paused"], resumed["failures"]) == (False, 0)
    assert await _claimable(services) == [1]


async def _claimable(services: Services) -> list[int]:
    async with services.database.transaction() as connection:
        found = await deliveries.claim(connection, uuid4(), datetime.now(UTC), 10, deliveries.Limits())
    return [one.number for one in found]


async def test_a_destination_nothing_goes_to_cannot_be_held_back(
    client: httpx.AsyncClient, planned: list[NewDelivery]
) -> None:
    for action in ("pause", "resume"):
        path = f"/v3/destinations/{action}"
        assert codes(await client.post(path, json={"destination": "s3:other"})) == [10205]
        assert codes(await client.post(path, json={})) == [60001]


async def test_a_destination_gets_as_many_requests_at_a_time_as_is_said(
    client: httpx.AsyncClient, media_id: UUID, services: Services
) -> None:
    organization_id = services.organization.organization_id
    new = [
        NewDelivery(uuid4(), media_id, organization_id, n, Callback("https://a.example/"), "http:a", None)
        for n in (1, 2, 3)
    ]
    async with services.database.transaction() as connection:
        await deliveries.insert(connection, new, NOW)
    path = "/v3/destinations/limit"
    limited = (await client.put(path, json={"destination": "http:a", "concurrency": 2})).json()
    assert (limited["destination"], limited["concurrency"]) == ("http:a", 2)
    assert len(await _claimable(services)) == 2
    freed = (await client.put(path, json={"destination": "http:a", "concurrency": None})).json()
    assert freed["concurrency"] is None
    assert len(await _claimable(services)) == 1


async def test_a_limit_that_cannot_be_is_refused(
    client: httpx.AsyncClient, planned: list[NewDelivery]
) -> None:
    for body, code in [
        ({"destination": "s3:bucket", "concurrency": 0}, 10007),
        ({"destination": "s3:bucket", "concurrency": 1001}, 10007),
        ({"destination": "s3:bucket", "concurrency": "many"}, 10007),
        ({"destination": "s3:bucket", "rate": 1}, 10008),
        ({"destination": "s3:other", "concurrency": 1}, 10205),
        ({"concurrency": 1}, 60001),
    ]:
        assert codes(await client.put("/v3/destinations/limit", json=body)) == [code], body


SCHEDULE = "/v3/profile/delivery-schedule"
DOCUMENTED = [0, 900, 1800, 3600, 7200, 14400, 28800]


async def test_an_organization_sets_its_retry_schedule_as_a_whole(
    client: httpx.AsyncClient, planned: list[NewDelivery], services: Services
) -> None:
    usual = (await client.get(SCHEDULE)).json()
    assert (usual["own"], usual["waitsInSeconds"], usual["triesPerSlot"]) == (False, DOCUMENTED, 3)
    assert (usual["tries"], usual["lengthInSeconds"]) == (21, 56_700)
    asked = {"waitsInSeconds": [0, 60], "triesPerSlot": 2, "strict": True}
    own = (await client.put(SCHEDULE, json=asked)).json()
    assert (own | asked, own["own"], own["tries"], own["lengthInSeconds"]) == (own, True, 4, 60)
    assert (await client.get(SCHEDULE)).json() == own
    async with services.database.transaction() as connection:
        (claimed,) = await deliveries.claim(connection, uuid4(), NOW, 1, deliveries.Limits())
    assert claimed.schedule == RetrySchedule((0, 60), 2, strict=True)
    assert (await client.delete(SCHEDULE)).json() == usual


async def test_a_schedule_that_leaves_out_the_rest_has_three_tries_and_gives_up_on_what_is_hopeless(
    client: httpx.AsyncClient,
) -> None:
    own = (await client.put(SCHEDULE, json={"waitsInSeconds": [0]})).json()
    assert (own["triesPerSlot"], own["strict"]) == (3, False)


async def test_a_schedule_that_cannot_be_is_refused_and_changes_nothing(client: httpx.AsyncClient) -> None:
    for body, code in [
        ({}, 10007),
        ({"waitsInSeconds": []}, 10007),
        ({"waitsInSeconds": [0] + [1] * 20}, 10007),
        ({"waitsInSeconds": [60, 120]}, 10007),
        ({"waitsInSeconds": [0, 0]}, 10007),
        ({"waitsInSeconds": [0, 120, 60]}, 10007),
        ({"waitsInSeconds": [0, 604_801]}, 10007),
        ({"waitsInSeconds": [0, "soon"]}, 10007),
        ({"waitsInSeconds": [0], "triesPerSlot": 0}, 10007),
        ({"waitsInSeconds": [0], "triesPerSlot": 11}, 10007),
        ({"waitsInSeconds": [0], "strict": "maybe"}, 10007),
        ({"waitsInSeconds": [0], "jitter": 1}, 10008),
    ]:
        assert codes(await client.put(SCHEDULE, json=body)) == [code], body
    assert (await client.get(SCHEDULE)).json()["own"] is False
    longest = {"waitsInSeconds": [0, 604_800], "triesPerSlot": 10}
    assert (await client.put(SCHEDULE, json=longest)).status_code == 200
