"""POST /v3/media: what is accepted, what is refused and with which code, and that nothing is left behind."""

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
from api_support import WAV, Parts, StoredFiles, codes

from callpost.model.configuration import Priority
from callpost.services import Services
from callpost.store import media as media_store


async def rows(services: Services) -> int:
    return int(await services.database.pool.fetchval("select count(*) from media"))


async def post(
    client: httpx.AsyncClient, boundary: str, *lines: bytes | str, header: str | None = None
) -> Any:
    """A body written by hand, as odd clients write it."""
    body = b"\r\n".join(line.encode() if isinstance(line, str) else line for line in lines)
    kind = f"multipart/form-data; boundary={boundary}" if header is None else header
    return await client.post("/v3/media", content=body, headers={"Content-Type": kind})


async def test_a_recording_is_accepted_and_its_bytes_are_kept(
    client: httpx.AsyncClient, parts: Parts, services: Services
) -> None:
    metadata = {"externalId": "CRM-1", "extended": {"agent": "Zoë", "queue": [1, None]}}
    response = await client.post("/v3/media", files=parts({"priority": "HIGH"}, metadata))
    body = response.json()
    assert (response.status_code, body["status"], body["metadata"]) == (200, "accepted", metadata)
    media_id = body["mediaId"]
    assert body["_links"]["self"]["href"] == f"/v3/media/{media_id}"
    assert body["accountId"] == str(services.organization.organization_id)
    async with services.database.connection() as connection:
        source = await media_store.source(connection, UUID(media_id))
        configuration = await media_store.configuration(connection, UUID(media_id))
    assert source is not None
    assert source.original is not None
    assert (source.original.size, source.original.sha256) == (len(WAV), sha256(WAV).hexdigest())
    assert (source.original.content_type, source.original.extension) == ("audio/x-wav", "wav")
    assert await services.objects.get_bytes(source.original.key) == WAV
    assert configuration is not None
    assert configuration.priority is Priority.HIGH
    assert await services.database.pool.fetchval("select count(*) from pgqueuer") == 1


async def test_a_media_url_is_accepted_without_bytes(
    client: httpx.AsyncClient, services: Services, stored: StoredFiles
) -> None:
    url = "https://media.example.org/call.mp3?token=secret"
    response = await client.post("/v3/media", files={"mediaUrl": (None, url)})
    assert response.status_code == 200
    assert "secret" not in response.text
    async with services.database.connection() as connection:
        source = await media_store.source(connection, UUID(response.json()["mediaId"]))
    assert source == media_store.Source(None, url)
    assert stored() == []


REFUSED = [
    ({"configuration": (None, "{}")}, 10202),
    ({"media": ("call.wav", b"")}, 10202),
    ({"media": ("call.wav", WAV), "mediaUrl": (None, "https://example.org/a")}, 10206),
    ({"mediaUrl": (None, "ftp://example.org/call.mp3")}, 10204),
    ({"mediaUrl": (None, "http://")}, 10204),
    ({"mediaUrl": (None, "https://169.254.169.254/latest")}, 10203),
    ({"media": ("call.wav", b"Dear Sir or Madam, this is a text.")}, 10201),
    ({"media": ("call.wav", b"%PDF-1.7\x00\x01")}, 10201),
    ({"media": ("call.wav", b"\x00" * 1_000_001)}, 10800),
    ({"media": ("call.wav", WAV), "configuration": (None, "{not JSON")}, 10007),
    ({"media": ("call.wav", WAV), "configuration": (None, "[]")}, 10007),
    ({"media": ("call.wav", WAV), "configuration": (None, '{"a": NaN}')}, 10007),
    (
        {"media": ("call.wav", WAV), "configuration": (None, '{"priority": "low", "priority": "low"}')},
        10010,
    ),
    ({"media": ("call.wav", WAV), "metadata": (None, "{not JSON")}, 10107),
    ({"media": ("call.wav", WAV), "metadata": (None, '{"extended": 1}')}, 10107),
    ({"media": ("call.wav", WAV), "metadata": (None, '{"title": "\\u0000"}')}, 10107),
    ({"media": ("call.wav", WAV), "metadata": (None, '{"title": "\\ud800"}')}, 10107),
    ({"media": ("call.wav", WAV), "metadata": (None, '{"externalId": ""}')}, 10108),
    ({"media": ("call.wav", WAV), "metadata": (None, json.dumps({"externalId": "x" * 513}))}, 10109),
    ({"media": ("call.wav", WAV), "metadata": (None, '{"title": "a", "title": "b"}')}, 10110),
    ({"media": ("call.wav", WAV), "configuration": (None, " " * (4 * 1024 * 1024 + 1))}, 10800),
]


async def test_what_is_wrong_is_refused_with_its_code_and_leaves_nothing(
    client: httpx.AsyncClient, services: Services, stored: StoredFiles
) -> None:
    for files, code in REFUSED:
        response = await client.post("/v3/media", files=files)
        assert (response.status_code, codes(response)) == (400, [code]), str(files)[:200]
        body = response.json()
        assert body["status"] == 400
        assert body["warnings"] == []
        assert UUID(body["reference"])
        assert stored() == []
        assert await rows(services) == 0


async def test_all_problems_of_all_parts_are_reported_together(
    client: httpx.AsyncClient, parts: Parts, stored: StoredFiles
) -> None:
    configuration = {"priority": "urgent", "publish": {"callbacks": [{}, {"url": "x", "type": "fax"}]}}
    response = await client.post("/v3/media", files=parts(configuration, {"externalId": " "}))
    found = {(item["code"], item["place"]) for item in response.json()["errors"]}
    assert found == {
        (10009, "priority"),
        (60001, "publish.callbacks[0].url"),
        (60007, "publish.callbacks[1].type"),
        (10108, "externalId"),
    }
    assert stored() == []


async def test_a_body_that_says_it_is_too_large_is_refused_unread(client: httpx.AsyncClient) -> None:
    async def never() -> Any:
        pytest.fail("the body was read")
        yield b""

    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": "100000000"}
    response = await client.post("/v3/media", content=never(), headers=headers)
    assert (response.status_code, codes(response)) == (400, [10800])


BROKEN = [
    ("--b", 'Content-Disposition: form-data; name="media"', "", WAV, "--b"),
    ("--b", 'Content-Disposition: form-data; name="media"', "", WAV),
    ("--b", "no header", "", WAV, "--b--", ""),
    ("nothing of the kind", ""),
    ("",),
    ("--b", 'Content-Disposition: form-data; name=""', "", "x", "--b--", ""),
    (
        "--b",
        'Content-Disposition: form-data; name="a"',
        "Content-Transfer-Encoding: base64",
        "",
        "eA==",
        "--b--",
        "",
    ),
    *(("--b", 'Content-Disposition: form-data; name="x"', "", "x") * 40 + ("--b--", ""),),
]


async def test_a_broken_body_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, services: Services, stored: StoredFiles
) -> None:
    for lines in BROKEN:
        response = await post(client, "b", *lines)
        assert (response.status_code, codes(response)) == (400, [10001]), lines[:4]
        assert stored() == []
        assert await rows(services) == 0


async def test_a_part_that_comes_twice_is_refused(client: httpx.AsyncClient, stored: StoredFiles) -> None:
    for name in ("media", "configuration", "mediaUrl"):
        part = ("--b", f'Content-Disposition: form-data; name="{name}"', "", WAV if name == "media" else "{}")
        response = await post(client, "b", *part, *part, "--b--", "")
        assert codes(response) == [10206]
        assert stored() == []


async def test_a_body_that_is_not_multipart_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v3/media", json={"mediaUrl": "https://example.org/call.wav"})
    assert codes(response) == [10001]


async def test_the_go_client_names_the_recording_file(client: httpx.AsyncClient) -> None:
    response = await client.post("/v3/media", files={"file": ("call.wav", WAV)})
    assert response.status_code == 200


async def test_the_go_client_leaves_the_boundary_out(client: httpx.AsyncClient) -> None:
    part = (
        "--d34db33f",
        'Content-Disposition: form-data; name="mediaUrl"',
        "",
        "https://example.org/call.wav",
    )
    response = await post(client, "", *part, "--d34db33f--", "", header="multipart/form-data")
    assert response.status_code == 200


async def test_the_java_client_sends_nulls_and_empty_lists_for_all_it_does_not_set(
    client: httpx.AsyncClient, services: Services
) -> None:
    configuration = {
        "speechModel": {"language": None, "features": [], "extensions": []},
        "additionalSpeechModels": [],
        "ingest": {"channels": [], "stereo": None, "tracks": [], "speakerName": None},
        "prediction": {"classifiers": [], "detectors": []},
        "spotting": {"groups": []},
        "vocabularies": [],
        "categories": [],
        "encryption": None,
        "publish": {
            "callbacks": [
                {
                    "url": "https://example.org/cb",
                    "method": "post",
                    "include": [],
                    "format": None,
                    "stream": None,
                }
            ]
        },
    }
    plain = "text/plain; charset=ISO-8859-1"
    files = {
        "configuration": (None, json.dumps(configuration), plain),
        "metadata": (None, '{"title": "Müller"}'.encode("iso-8859-1"), plain),
        "media": ("call.wav", WAV, "application/octet-stream"),
    }
    response = await client.post("/v3/media", files=files)
    body = response.json()
    assert (response.status_code, body["metadata"], "warnings" in body) == (200, {"title": "Müller"}, False)
    async with services.database.connection() as connection:
        read = await media_store.configuration(connection, UUID(body["mediaId"]))
    assert read is not None
    assert [(callback.method, callback.include) for callback in read.callbacks] == [("POST", None)]


async def test_the_python_samples_send_every_part_as_a_file(client: httpx.AsyncClient) -> None:
    files = {
        "configuration": ("configuration.json", "{}", "application/json"),
        "metadata": ("metadata.json", '{"externalId": "7"}', "application/json"),
        "mediaUrl": ("url", "https://example.org/call.wav", "text/url"),
    }
    response = await client.post("/v3/media", files=files)
    assert (response.status_code, response.json()["metadata"]) == (200, {"externalId": "7"})


async def test_the_ruby_client_sends_parts_without_a_type(client: httpx.AsyncClient) -> None:
    response = await post(
        client,
        "b",
        *("--b", 'Content-Disposition: form-data; name="metadata"', "", '{"externalId": 9473}'),
        *("--b", 'Content-Disposition: form-data; name="media"', "", WAV),
        *("--b--", ""),
    )
    assert (response.status_code, response.json()["metadata"]) == (200, {"externalId": "9473"})


async def test_multipart_mixed_with_attachments_is_understood(client: httpx.AsyncClient) -> None:
    response = await post(
        client,
        "",
        *("--b", 'Content-Disposition: attachment; filename="metadata.json"', "", '{"title": "a"}'),
        *("--b", 'Content-Disposition: attachment; name="media"; filename="a.wav"', "", WAV),
        *("--b--", ""),
        header="multipart/mixed; boundary=b",
    )
    assert (response.status_code, response.json()["metadata"]) == (200, {"title": "a"})


async def test_an_unknown_part_is_ignored_with_a_warning(client: httpx.AsyncClient, parts: Parts) -> None:
    response = await client.post("/v3/media", files=parts() | {"colour": (None, "blue")})
    assert [warning["code"] for warning in response.json()["warnings"]] == [10008]
    assert "colour" in response.json()["warnings"][0]["message"]


async def test_an_empty_recording_beside_a_media_url_counts_as_none(
    client: httpx.AsyncClient, stored: StoredFiles
) -> None:
    files = {"media": ("", b""), "mediaUrl": (None, "https://example.org/call.wav")}
    assert (await client.post("/v3/media", files=files)).status_code == 200
    assert stored() == []
