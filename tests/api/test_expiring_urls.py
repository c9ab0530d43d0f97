"""Pre-signed URLs at submit: refused where they have expired, warned of where they will have."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import Parts, StoredFiles, codes

from callpost.model.delivery import RetrySchedule
from callpost.services import Services
from callpost.store import destinations, workers

ROLE = "arn:aws:iam::999533888199:role/s3-delivery-role"


def signed(lasts: timedelta, **more: Any) -> dict[str, Any]:
    """A configuration whose only callback has a SigV4 URL that is good for `lasts` from now on."""
    date = (datetime.now(UTC) + lasts - timedelta(days=7)).strftime("%Y%m%dT%H%M%SZ")
    query = f"X-Amz-Date={date}&X-Amz-Expires=604800&X-Amz-SignedHeaders=content-type%3Bhost"
    query += "&X-Amz-Signature=secret"
    return {"publish": {"callbacks": [{"url": f"https://b.s3.amazonaws.com/k?{query}", **more}]}}


async def warnings(client: httpx.AsyncClient, files: dict[str, Any]) -> list[str]:
    response = await client.post("/v3/media", files=files)
    assert response.status_code == 200, response.text
    return [warning["message"] for warning in response.json().get("warnings", [])]


async def test_a_url_that_has_expired_is_refused_with_both_times_and_its_place(
    client: httpx.AsyncClient, parts: Parts, stored: StoredFiles
) -> None:
    configuration = signed(timedelta(minutes=-5))
    response = await client.post("/v3/media", files=parts(configuration))
    (error,) = response.json()["errors"]
    assert (response.status_code, error["code"]) == (400, 60006)
    assert error["place"] == "publish.callbacks[0].url"
    assert error["error"].count("Z") == 2
    assert "secret" not in response.text
    assert stored() == []


async def test_one_that_comes_with_a_role_is_accepted_with_a_warning(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    configuration = signed(timedelta(minutes=-5), role=ROLE, prependFolder="my_files")
    assert any("expired at" in text for text in await warnings(client, parts(configuration)))


async def test_a_folder_alone_makes_no_exception(client: httpx.AsyncClient, parts: Parts) -> None:
    configuration = signed(timedelta(minutes=-5), prependFolder="my_files", s3Delivery=True)
    assert codes(await client.post("/v3/media", files=parts(configuration))) == [60006]


async def test_one_that_outlives_every_retry_is_accepted_without_a_word(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    assert await warnings(client, parts(signed(timedelta(hours=16)))) == []


async def test_one_that_ends_before_the_last_retry_is_warned_of_mildly(
    client: httpx.AsyncClient, parts: Parts
) -> None:
    (text,) = await warnings(client, parts(signed(timedelta(hours=12))))
    assert "before the last retry" in text


async def test_the_organizations_own_schedule_counts(
    client: httpx.AsyncClient, parts: Parts, services: Services
) -> None:
    async with services.database.connection() as connection:
        await destinations.set_schedule(
            connection, services.organization.organization_id, RetrySchedule((0, 60), 2)
        )
    assert await warnings(client, parts(signed(timedelta(hours=12)))) == []


@pytest.mark.parametrize(("others", "strong"), [(1, True), (8, False)])
async def test_one_that_ends_before_its_turn_comes_is_warned_of_strongly(
    client: httpx.AsyncClient, parts: Parts, services: Services, others: int, *, strong: bool
) -> None:
    waiting = (await client.post("/v3/media", files=parts())).json()["mediaId"]
    await services.database.pool.execute(
        "update media set expected_length_ms = $2 where media_id = $1", UUID(waiting), 20 * 3_600_000
    )
    async with services.database.connection() as connection:
        for _ in range(others):
            await workers.seen(connection, uuid4(), datetime.now(UTC))
    (text,) = await warnings(client, parts(signed(timedelta(hours=2))))
    assert ("before the first try" in text) is strong
    assert ("before the last retry" in text) is not strong


async def test_the_recordings_own_length_counts(client: httpx.AsyncClient, parts: Parts) -> None:
    long = b"ID3" + bytes(900_000)  # 450 s at 16 kbit/s, recognised in 90 s
    (text,) = await warnings(client, parts(signed(timedelta(seconds=45)), media=long))
    assert "before the first try" in text


async def test_a_recording_of_which_nothing_is_known_is_taken_for_a_usual_one(
    client: httpx.AsyncClient, parts: Parts, services: Services
) -> None:
    url = {"mediaUrl": (None, "https://example.org/call.wav")}
    (text,) = await warnings(client, parts(signed(timedelta(minutes=1)), media=None) | url)
    assert "before the first try" in text
