"""What is read back: a recording, its transcript, captions, streams, progress, metadata, and lists."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import WAV, Parts, StoredFiles, codes

from callpost.api import links
from callpost.errors import Forbidden, Problem
from callpost.model.media import MediaStatus, Progress, Stream
from callpost.model.results import Knowledge, Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.services import Services
from callpost.store import media as media_store
from callpost.store import organizations, reports

NOW = datetime.now(UTC)
TRANSCRIPT = Transcript(
    (
        Turn("Agent", 0, (Word("Hello.", 0, 500, 0.9),)),
        Turn("Caller", 1, (Word("Good", 600, 800, 0.8), Word("morning.", 800, 1200, 0.7))),
    )
)
REDACTED = b"redacted audio"


@pytest.fixture
async def accepted(client: httpx.AsyncClient, parts: Parts) -> UUID:
    """A recording that waits to be processed."""
    response = await client.post("/v3/media", files=parts(metadata={"externalId": "A", "title": "first"}))
    return UUID(response.json()["mediaId"])


async def end(services: Services, media_id: UUID, status: MediaStatus = MediaStatus.FINISHED) -> None:
    """What the worker does at the end."""
    async with services.database.transaction() as connection:
        media = await media_store.get_any(connection, media_id)
        source = await media_store.source(connection, media_id)
    assert media is not None
    assert source is not None
    assert source.original is not None
    key = reports.stream_key(media_id, "redacted-audio")
    await services.objects.put_bytes(key, REDACTED)
    digest = sha256(REDACTED).hexdigest()
    redacted = Stream("redacted-audio", key, len(REDACTED), digest, "audio/x-wav", "wav")
    failed = status is MediaStatus.FAILED
    ended = replace(
        media,
        status=status,
        date_finished=NOW,
        length_ms=None if failed else 1200,
        content_type="audio/x-wav",
        errors=(Problem(10201, "The media file is malformed."),) if failed else (),
    )
    results = Results(TRANSCRIPT, Knowledge(), streams=(source.original, redacted))
    await reports.save(services.objects, Report(ended, None if failed else results))
    async with services.database.transaction() as connection:
        assert await media_store.end(connection, ended)


@pytest.fixture
async def finished(services: Services, accepted: UUID) -> UUID:
    await end(services, accepted)
    return accepted


async def test_a_finished_recording_has_its_sections_and_links(
    client: httpx.AsyncClient, finished: UUID, services: Services
) -> None:
    body = (await client.get(f"/v3/media/{finished}")).json()
    assert (body["status"], body["length"], body["metadata"]["title"]) == ("finished", 1200, "first")
    assert [word["w"] for word in body["transcript"]["words"] if word.get("m") == "turn"] == [
        "Agent",
        "Caller",
    ]
    assert body["knowledge"] == {"keywords": [], "topics": []}
    assert body["_links"]["srt"]["href"] == f"/v3/media/{finished}/transcript/srt"
    assert "alternateFormats" not in body["transcript"]
    assert [stream["streamName"] for stream in body["streams"]] == ["original", "redacted-audio"]
    assert (await client.get(body["streams"][1]["streamLocation"])).content == REDACTED
    assert body["dateCreated"].endswith("Z")


ALTERNATES = [
    ("includeAlternateFormat=text,srt", ["text", "srt"]),
    ("includeAlternateFormat=webvtt&includeAlternateFormat=dfxp", ["webvtt", "dfxp"]),
    ("includealternateformat=SRT", ["srt"]),
    ("", None),
]


async def test_alternate_formats_come_where_they_are_asked_for(
    client: httpx.AsyncClient, finished: UUID
) -> None:
    for query, formats in ALTERNATES:
        whole = (await client.get(f"/v3/media/{finished}?{query}")).json()["transcript"]
        alone = (await client.get(f"/v3/media/{finished}/transcript?{query}")).json()
        for transcript in (whole, alone):
            found = transcript.get("alternateFormats")
            assert (found and [item["format"] for item in found]) == formats, query
        assert alone["words"] == whole["words"]


CAPTIONS = [
    ("text", "*/*", "text/plain", "Agent: Hello."),
    ("srt", "*/*", "text/srt", "1\n00:00:00,"),
    ("webvtt", "text/vtt", "text/vtt", "WEBVTT"),
    ("dfxp", "*/*", "application/ttml+xml", "<tt "),
    ("dfxp", "application/ttaf+xml", "application/ttaf+xml", "<tt "),
]


async def test_captions_come_under_their_documented_types(client: httpx.AsyncClient, finished: UUID) -> None:
    for name, accept, expected, beginning in CAPTIONS:
        response = await client.get(f"/v3/media/{finished}/transcript/{name}", headers={"Accept": accept})
        assert response.headers["Content-Type"].partition(";")[0] == expected
        assert response.text.startswith(beginning)


async def test_subrip_has_three_digits_of_a_second_for_players_that_expect_them(
    client: httpx.AsyncClient, finished: UUID
) -> None:
    path = f"/v3/media/{finished}/transcript/srt"
    assert re.search(r"\d\d:\d\d,\d\d --> ", (await client.get(path)).text)
    assert re.search(r"\d\d:\d\d,\d{3} --> ", (await client.get(f"{path}?fractionDigits=3")).text)
    refused = await client.get(f"{path}?fractionDigits=many")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 10011)


async def test_the_go_client_which_reads_all_as_json_gets_captions_as_a_json_string(
    client: httpx.AsyncClient, finished: UUID
) -> None:
    plain = await client.get(f"/v3/media/{finished}/transcript/srt")
    headers = {"User-Agent": "Swagger-Codegen/1.0.0/go"}
    response = await client.get(f"/v3/media/{finished}/transcript/srt", headers=headers)
    assert response.json() == plain.text


async def test_there_is_no_transcript_before_the_end(client: httpx.AsyncClient, accepted: UUID) -> None:
    for name in ("transcript", "transcript/text", "transcript/srt", "transcript/webvtt", "transcript/dfxp"):
        response = await client.get(f"/v3/media/{accepted}/{name}")
        assert (response.status_code, codes(response)) == (404, [10301])


async def test_a_failed_recording_says_why(
    client: httpx.AsyncClient, accepted: UUID, services: Services
) -> None:
    await end(services, accepted, MediaStatus.FAILED)
    body = (await client.get(f"/v3/media/{accepted}")).json()
    assert (body["status"], body["errors"][0]["code"]) == ("failed", 10201)
    assert codes(await client.get(f"/v3/media/{accepted}/transcript")) == [10301]
    assert (await client.get(f"/v3/media/{accepted}/progress")).json()["progress"]["status"] == "failed"


async def test_progress_goes_from_accepted_to_finished(
    client: httpx.AsyncClient, accepted: UUID, services: Services
) -> None:
    path = f"/v3/media/{accepted}/progress"
    body = (await client.get(path)).json()
    assert (body["mediaId"], body["status"], body["progress"]["status"]) == (
        str(accepted),
        "accepted",
        "accepted",
    )
    async with services.database.connection() as connection:
        await media_store.set_running(connection, accepted)
        await media_store.set_progress(connection, accepted, Progress("transcribing", 0.25))
    progress = (await client.get(path)).json()["progress"]
    assert (progress["status"], progress["percent"], progress["tasks"][0]["taskId"]) == (
        "started",
        25,
        "transcribing",
    )
    await end(services, accepted)
    assert (await client.get(path)).json()["progress"]["status"] == "finished"


async def test_metadata_are_echoed_and_replaced(client: httpx.AsyncClient, accepted: UUID) -> None:
    path = f"/v3/media/{accepted}/metadata"
    sent = {"externalId": "B", "extended": {"call": {"n": 12345678901234567890}}}
    answer = (await client.put(path, json=sent)).json()
    assert {name: value for name, value in answer.items() if name != "_links"} == sent
    assert (await client.put(path, json=answer)).json() == answer == (await client.get(path)).json()
    listed = (await client.get("/v3/media?externalID=B")).json()["media"]
    assert [item["mediaId"] for item in listed] == [str(accepted)]
    assert codes(await client.put(path, content=b"{")) == [10107]
    assert codes(await client.put(path, json={"externalId": ""})) == [10108]


async def test_a_deleted_recording_is_gone_with_its_objects(
    client: httpx.AsyncClient, finished: UUID, stored: StoredFiles
) -> None:
    assert stored()
    assert (await client.delete(f"/v3/media/{finished}")).status_code == 204
    assert stored() == []
    for path in ("", "/progress", "/metadata", "/transcript", "/streams", "/deliveries"):
        assert codes(await client.get(f"/v3/media/{finished}{path}")) == [10205]
    assert (await client.delete(f"/v3/media/{finished}")).status_code == 404


async def test_pages_lead_to_each_other(client: httpx.AsyncClient, parts: Parts) -> None:
    posted = [(await client.post("/v3/media", files=parts())).json()["mediaId"] for _ in range(5)]
    for order in ("asc", "desc"):
        path, found = f"/v3/media?limit=2&sortOrder={order}", []
        while path:
            body = (await client.get(path)).json()
            found += [item["mediaId"] for item in body["media"]]
            path = body["_links"].get("next", {}).get("href")
        assert found == (posted if order == "asc" else posted[::-1])
    assert body["pagination"] == {"limit": 2, "sortOrder": [{"field": "dateCreated", "direction": "desc"}]}


LISTS = [
    ("onOrAfterDate={day}&onOrBeforeDate={day}", 1),
    ("onOrAfterDate={next}", 0),
    ("onOrBeforeDate={moment}", 1),
    ("onorafterdate={moment}", 1),
    ("onOrAfterDate={day}T00:00:00Z", 1),
    ("onOrAfterDate={day}T00:00:00%2B00:00", 1),
    ("onOrAfterDate={day}T00:00:00+00:00", 1),
    ("onOrAfterDate={day} 00:00:00 %2B0000 UTC", 1),
    ("onOrBeforeDate={day} 00:00:00.123456789 %2B0000 UTC", 0),
    ("externalId=A", 1),
    ("externalID=B", 0),
    ("extendedFilter=call.agent:7", 1),
    ("extendedFilter=extended.call.agent;7&extendedFilter=vip:true", 1),
    ("extendedFilter=call.agent:8", 0),
    ("limit=5000", 1),
]


async def test_lists_are_chosen_by_date_and_metadata(client: httpx.AsyncClient, parts: Parts) -> None:
    metadata = {"externalId": "A", "extended": {"call": {"agent": 7}, "vip": True}}
    moment = (await client.post("/v3/media", files=parts(metadata=metadata))).json()["dateCreated"]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    for query, count in LISTS:
        response = await client.get(
            "/v3/media?" + query.format(day=moment[:10], moment=moment, next=tomorrow)
        )
        assert len(response.json()["media"]) == count, query


SENSELESS = [
    *("limit=x", "limit=0", "sortOrder=up", "after=x", "extendedFilter=x", "query=hello("),
    *("onOrAfterDate=yesterday", "onOrAfterDate=2026-02-30", "onOrBeforeDate=2026-01-01T25:00:00Z"),
]


async def test_a_query_that_makes_no_sense_is_refused(client: httpx.AsyncClient) -> None:
    for query in SENSELESS:
        response = await client.get(f"/v3/media?{query}")
        assert (response.status_code, codes(response)) == (400, [10011]), query


async def test_a_stream_is_fetched_by_its_link_without_a_token(
    client: httpx.AsyncClient, finished: UUID
) -> None:
    streams = (await client.get(f"/v3/media/{finished}/streams")).json()["streams"]
    assert [stream["streamName"] for stream in streams] == ["original", "redacted-audio"]
    client.headers.pop("Authorization")
    contents = [await client.get(stream["streamLocation"]) for stream in streams]
    assert [response.content for response in contents] == [WAV, REDACTED]
    assert contents[0].headers["Content-Type"] == "audio/x-wav"


async def test_a_stream_is_a_redirect_or_json_as_the_client_accepts(
    client: httpx.AsyncClient, finished: UUID
) -> None:
    path = f"/v3/media/{finished}/streams/original"
    redirect = await client.get(path, headers={"Accept": "*/*"})
    assert redirect.status_code == 302
    described = await client.get(path, headers={"Accept": "application/json"})
    assert (described.status_code, described.json()["status"]) == (200, 200)
    for location in (redirect.headers["Location"], described.json()["streamLocation"]):
        assert (await client.get(location)).content == WAV
    assert codes(await client.get(f"/v3/media/{finished}/streams/other")) == [10205]


async def test_a_link_opens_only_what_it_was_made_for(
    client: httpx.AsyncClient, finished: UUID, services: Services
) -> None:
    streams = (await client.get(f"/v3/media/{finished}/streams")).json()["streams"]
    link = streams[1]["streamLocation"]
    for changed in (
        link.replace("redacted-audio", "original"),
        link.replace("expires=1", "expires=2"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.replace(str(finished), str(uuid4())),
    ):
        response = await client.get(changed)
        assert (response.status_code, codes(response)) == (403, [10006])
    assert codes(await client.get(link.partition("?")[0])) == [10011, 10011]


async def test_a_link_ends_after_fifteen_minutes(services: Services) -> None:
    media_id, organization_id = uuid4(), services.organization.organization_id
    async with services.database.connection() as connection:
        key = await organizations.link_key(connection, organization_id)
    assert key is not None
    query = parse_qs(urlsplit(links.signed("http://x", media_id, "original", key, NOW)).query)
    link = links.Signed(int(query["expires"][0]), query["signature"][0])
    links.require_valid(link, media_id, "original", key, NOW + timedelta(minutes=14, seconds=59))
    with pytest.raises(Forbidden, match="expired"):
        links.require_valid(link, media_id, "original", key, NOW + timedelta(minutes=15))


async def test_another_organization_sees_nothing(
    client: httpx.AsyncClient, finished: UUID, services: Services
) -> None:
    await services.database.pool.execute(
        "insert into organizations (organization_id, name, link_key) values ($1, 'other', $2)",
        uuid4(),
        b"x" * 32,
    )
    await services.database.pool.execute(
        "update keys set organization_id = (select organization_id from organizations where name = 'other')"
    )
    for path in ("", "/progress", "/metadata", "/transcript", "/streams", "/streams/original", "/deliveries"):
        response = await client.get(f"/v3/media/{finished}{path}")
        assert (response.status_code, codes(response)) == (404, [10205])
    assert (await client.delete(f"/v3/media/{finished}")).status_code == 404
    assert (await client.get("/v3/media")).json()["media"] == []
    assert codes(await client.get(f"/v3/media?after={finished}")) == [10205]
