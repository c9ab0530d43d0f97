"""POST /v3/media/{mediaId}: a recording that is here is to be analysed and delivered anew."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import Parts, StoredFiles, codes

from callpost.model.configuration import MetricGroup
from callpost.model.media import MediaStatus, Stream
from callpost.model.results import Basis
from callpost.model.transcript import Transcript, Turn, Word
from callpost.services import Services
from callpost.store import media as media_store
from callpost.store import reports

TRANSCRIPT = Transcript((Turn("Agent", 0, (Word("Hello.", 0, 500, 0.9),)),))
METRICS = {"metrics": [{"metricGroupName": "overtalk"}]}
TONES = {
    "prediction": {"detectors": [{"detectorName": "PCI", "redactor": {"audio": {"tone": 270, "gain": 0.5}}}]}
}


@pytest.fixture
async def accepted(client: httpx.AsyncClient, parts: Parts) -> UUID:
    response = await client.post("/v3/media", files=parts(metadata={"externalId": "A"}))
    return UUID(response.json()["mediaId"])


@pytest.fixture
async def finished(services: Services, accepted: UUID) -> UUID:
    await end(services, accepted, Basis(TRANSCRIPT, ()))
    return accepted


async def end(services: Services, media_id: UUID, basis: Basis | None) -> None:
    """What the worker does at the end; without a basis the recording has failed."""
    if basis is not None:
        await reports.save_basis(services.objects, media_id, 1, basis)
    status = MediaStatus.FAILED if basis is None else MediaStatus.FINISHED
    async with services.database.transaction() as connection:
        media = await media_store.get_any(connection, media_id)
        assert media is not None
        ended = replace(media, status=status, date_finished=datetime.now(UTC))
        assert await media_store.end(connection, ended)


async def test_a_finished_recording_is_accepted_again(
    client: httpx.AsyncClient, parts: Parts, services: Services, finished: UUID
) -> None:
    response = await client.post(f"/v3/media/{finished}", files=parts(METRICS, media=None))
    body = response.json()
    assert (response.status_code, body["status"], body["mediaId"]) == (200, "accepted", str(finished))
    assert body["metadata"] == {"externalId": "A"}
    assert "dateFinished" not in body
    async with services.database.connection() as connection:
        configuration = await media_store.configuration(connection, finished)
    assert configuration is not None
    assert configuration.metrics == (MetricGroup.OVERTALK,)
    assert (await client.get(f"/v3/media/{finished}/transcript")).status_code == 404
    assert await services.database.pool.fetchval("select count(*) from pgqueuer") == 2


async def test_its_metadata_are_replaced_where_there_are_new_ones(
    client: httpx.AsyncClient, parts: Parts, finished: UUID
) -> None:
    response = await client.post(
        f"/v3/media/{finished}", files=parts({}, metadata={"externalId": "B"}, media=None)
    )
    assert response.json()["metadata"] == {"externalId": "B"}
    assert len((await client.get("/v3/media?externalId=B")).json()["media"]) == 1


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"transcript": (None, "-- ?!")}, 60004),
    ({"transcript": ("t.docx", b"PK\x03\x04\x00\x00\x00")}, 60004),
    ({"transcript": ("t.xml", b"<tt>Hello</tt>")}, 60004),
    ({"transcript": ("t.json", b'{"words": [')}, 60004),
    ({"transcript": (None, "a" * (4 * 1024 * 1024 + 1))}, 10800),
    ({"mediaUrl": (None, "https://example.com/a.wav")}, 60004),
    ({"media": ("a.wav", b"RIFF1234", "audio/x-wav")}, 60004),
    ({"configuration": (None, "{")}, 10007),
    ({"configuration": (None, '{"priority": "soon"}')}, 10009),
]


async def test_what_does_not_belong_there_is_refused_and_the_recording_stays_finished(
    client: httpx.AsyncClient, finished: UUID
) -> None:
    for files, code in REFUSED:
        response = await client.post(f"/v3/media/{finished}", files=files)
        assert (response.status_code, codes(response)) == (400, [code])
    assert (await client.get(f"/v3/media/{finished}/progress")).json()["status"] == "finished"


CORRECTED = [
    ("Agent: Hello there.", "Agent: Hello there."),
    ("Agent: Zo\u00eb.".encode("iso-8859-1"), "Agent: Zo\u00eb."),
    (
        "\ufeffWEBVTT - call\n\n1\n00:00:00.000 --> 00:00:01.000\nAgent: <i>Hello</i> &amp; bye\n\n",
        "\nAgent: Hello & bye\n\n",
    ),
    ("1\r\n00:00:00,00 --> 00:00:01,00\r\nAgent: Hello\r\n", "Agent: Hello\n"),
    (
        '{"transcript": {"words": [{"m": "turn", "w": "Agent"}, {"w": "Hello"}, {"m": "punc", "w": "."}]}}',
        "\nAgent: Hello.",
    ),
    ('[{"w": "Hello"}, {"w": "there"}]', "Hello there"),
]


@pytest.mark.parametrize("forms", CORRECTED)
async def test_a_corrected_transcript_is_taken_in_any_of_its_forms(
    client: httpx.AsyncClient, parts: Parts, services: Services, finished: UUID, forms: tuple[Any, str]
) -> None:
    sent, kept = forms
    files = parts({}, media=None) | {"transcript": ("transcript.text", sent)}
    assert (await client.post(f"/v3/media/{finished}", files=files)).status_code == 200
    async with services.database.connection() as connection:
        configuration = await media_store.configuration(connection, finished)
    assert configuration is not None
    assert configuration.corrected is not None
    assert await reports.load_corrected(services.objects, finished, configuration.corrected) == kept


async def test_a_corrected_transcript_of_a_refused_request_is_not_kept(
    client: httpx.AsyncClient, parts: Parts, finished: UUID, stored: StoredFiles
) -> None:
    corrected = {"transcript": (None, "Agent: Hello there.")}
    for response in await asyncio.gather(
        *(client.post(f"/v3/media/{finished}", files=parts({}, media=None) | corrected) for _ in range(4))
    ):
        assert response.status_code in (200, 400)
    assert len([path for path in stored() if "corrected" in path.parts]) == 1


async def test_words_written_without_blanks_cannot_be_aligned(
    client: httpx.AsyncClient, parts: Parts, accepted: UUID, services: Services
) -> None:
    await end(services, accepted, Basis(replace(TRANSCRIPT, language="ja-JP"), ()))
    files = parts({}, media=None) | {"transcript": (None, "Hai.")}
    refused = await client.post(f"/v3/media/{accepted}", files=files)
    assert (refused.status_code, codes(refused)) == (400, [20005])


async def test_one_that_is_under_way_is_refused(
    client: httpx.AsyncClient, parts: Parts, accepted: UUID, services: Services
) -> None:
    refused = await client.post(f"/v3/media/{accepted}", files=parts({}, media=None))
    assert (refused.status_code, codes(refused)) == (400, [10301])
    await end(services, accepted, Basis(TRANSCRIPT, ()))
    assert (await client.post(f"/v3/media/{accepted}", files=parts({}, media=None))).status_code == 200
    refused = await client.post(f"/v3/media/{accepted}", files=parts({}, media=None))
    assert (refused.status_code, codes(refused)) == (400, [10301])


async def test_one_that_was_never_recognised_is_refused(
    client: httpx.AsyncClient, parts: Parts, accepted: UUID, services: Services
) -> None:
    await end(services, accepted, None)
    refused = await client.post(f"/v3/media/{accepted}", files=parts({}, media=None))
    assert (refused.status_code, codes(refused)) == (400, [10301])


async def test_tones_are_refused_where_nobody_knows_any_more_what_they_should_cover(
    client: httpx.AsyncClient, parts: Parts, accepted: UUID, services: Services
) -> None:
    original = Stream("original", f"media/{accepted}/original", 1, "00", "audio/x-wav", "wav")
    await end(services, accepted, Basis(TRANSCRIPT, (original,), redacted=True, audio_redacted=False))
    refused = await client.post(f"/v3/media/{accepted}", files=parts(TONES, media=None))
    assert (refused.status_code, codes(refused)) == (400, [50010])
    assert (await client.post(f"/v3/media/{accepted}", files=parts(METRICS, media=None))).status_code == 200


async def test_a_recording_of_somebody_else_is_not_there(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, parts: Parts
) -> None:
    response = await client.post(f"/v3/media/{uuid4()}", files=parts({}, media=None))
    assert (response.status_code, codes(response)) == (404, [10205])
    del anonymous.headers["Authorization"]
    response = await anonymous.post(f"/v3/media/{uuid4()}", files=parts({}, media=None))
    assert response.status_code == 401
