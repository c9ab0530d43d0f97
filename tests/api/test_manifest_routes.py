"""Manifests over the API, and how receipts show among the deliveries."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import Parts, codes

from callpost.delivery import receipts, verification
from callpost.delivery.proofs import plan_manifests
from callpost.model.delivery import DeliveryKind
from callpost.services import Services
from callpost.store import deliveries

CALLBACK = {
    "url": "s3://acme-calls",
    "role": "arn:aws:iam::999533888199:role/s3-delivery-role",
    "prependFolder": "calls",
    "s3Options": {"receipts": True},
}


@pytest.fixture
async def media_id(client: httpx.AsyncClient, parts: Parts) -> UUID:
    response = await client.post("/v3/media", files=parts({"publish": {"callbacks": [CALLBACK]}}))
    return UUID(response.json()["mediaId"])


@pytest.fixture
async def listed(client: httpx.AsyncClient, media_id: UUID) -> Any:
    (found,) = (await client.get("/v3/receipts/manifests")).json()["manifests"]
    return found


async def test_a_recording_counts_from_its_acceptance(listed: Any) -> None:
    assert listed["counts"] == {"accepted": 1, "pending": 1, "delivered": 0, "failed": 0, "deleted": 0}
    assert (listed["date"], listed["folder"]) == (f"{datetime.now(UTC):%Y-%m-%d}", "s3://acme-calls/calls")
    assert "datePlanned" not in listed


async def test_a_manifest_is_signed_as_it_stands(
    client: httpx.AsyncClient, listed: Any, media_id: UUID
) -> None:
    document = (await client.get(listed["_links"]["self"]["href"])).json()
    assert [entry["mediaId"] for entry in document["recordings"]] == [str(media_id)]
    assert document["complete"] is False
    keys = verification.public_keys((await client.get("/v3/receipts/public-keys")).text)
    assert verification.is_signed(document, keys)
    assert not verification.is_signed({**document, "complete": True}, keys)
    assert not receipts.verify(document, bytes(32))


@pytest.mark.parametrize(
    ("query", "found"), [("since=2026-01-01", 1), ("until=2026-01-01", 0), ("since=9999-01-01", 0)]
)
async def test_manifests_are_chosen_by_their_day(
    client: httpx.AsyncClient, listed: Any, query: str, found: int
) -> None:
    assert len((await client.get(f"/v3/receipts/manifests?{query}")).json()["manifests"]) == found


async def test_a_manifest_that_is_none_is_not_found(client: httpx.AsyncClient) -> None:
    assert codes(await client.get(f"/v3/receipts/manifests/{uuid4()}")) == [10205]
    assert codes(await client.get("/v3/receipts/manifests?since=soon")) == [10011]


async def test_the_delivery_of_a_manifest_is_shown_and_retried(
    client: httpx.AsyncClient, services: Services, listed: Any
) -> None:
    late = datetime.now(UTC) + timedelta(days=3)
    assert await plan_manifests(services.database, late, 60) == 1
    (shown,) = (await client.get("/v3/deliveries")).json()["deliveries"]
    assert (shown["type"], shown["manifestId"]) == (DeliveryKind.MANIFEST, listed["manifestId"])
    assert "mediaId" not in shown
    one = (await client.get(shown["_links"]["self"]["href"])).json()
    assert one["history"] == []
    async with services.database.connection() as connection:
        await connection.execute("update deliveries set state = 'failed'")
    again = await client.post(f"{shown['_links']['self']['href']}/retry")
    assert again.json()["status"] == "pending"
    page = await client.get(f"/v3/deliveries?after={listed['manifestId']}/1")
    assert page.json()["deliveries"] == []
    async with services.database.connection() as connection:
        assert await deliveries.last_number(connection, uuid4()) == 0
