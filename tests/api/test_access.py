"""Who gets in, with which codes others are turned away, and what the log says of it."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
from api_support import Parts, codes
from fastapi import FastAPI
from structlog.testing import capture_logs

from callpost.services import Services
from callpost.store import keys
from callpost.store.keys import KeyKind

TURNED_AWAY = [
    (None, 10002),
    ("Bearer", 10003),
    ("Bearer wrong", 10003),
    ("Basic dTpw", 10003),
    ("Bearer \xff\xfe", 10003),
]


async def test_a_request_without_a_good_token_is_turned_away(
    anonymous: httpx.AsyncClient, token: str
) -> None:
    for header, code in TURNED_AWAY:
        headers = {} if header is None else {"Authorization": header.encode("latin-1")}
        for method, path in [("GET", "/v3/"), ("POST", "/v3/media"), ("GET", f"/v3/media/{uuid4()}")]:
            response = await anonymous.request(method, path, headers=headers)
            assert (response.status_code, codes(response)) == (401, [code])
            assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_the_root_tells_that_the_token_is_good(client: httpx.AsyncClient, services: Services) -> None:
    for path in ("/v3/", "/v3"):
        response = await client.get(path)
        assert response.status_code == 200
        assert response.json()["accountId"] == str(services.organization.organization_id)
        assert response.json()["_links"]["media"]["href"] == "/v3/media"


NOT_THERE = [
    ("GET", "/", 404, 10000),
    ("GET", "/v3/nothing", 404, 10000),
    ("PATCH", "/v3/media", 405, 10000),
    ("GET", "/v3/media/not-an-id", 404, 10205),
    ("GET", "/v3/profile/keys/not-an-id", 404, 10205),
]


async def test_what_there_is_not_is_answered_in_the_same_form(client: httpx.AsyncClient) -> None:
    for method, path, status, code in NOT_THERE:
        response = await client.request(method, path)
        body = response.json()
        assert (response.status_code, body["status"], codes(response)) == (status, status, [code]), path
        assert set(body) == {"status", "errors", "warnings", "reference"}


async def test_a_slash_at_the_end_changes_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v3/media/")).json() == (await client.get("/v3/media")).json()


async def test_what_can_be_examined_for_is_listed(client: httpx.AsyncClient) -> None:
    path = "/v3/definition/prediction"
    detectors = (await client.get(f"{path}/detectors")).json()["detectors"]
    assert {"PCI", "SSN", "Number"} <= {detector["detectorName"] for detector in detectors}
    for kind in ("classifier", "detector"):
        for model in (await client.get(f"{path}/{kind}s")).json()[f"{kind}s"]:
            for name in (model[f"{kind}Id"], model[f"{kind}Name"]):
                assert (await client.get(f"{path}/{kind}s/{name}")).json() == model
        unknown = await client.get(f"{path}/{kind}s/other")
        assert (unknown.status_code, codes(unknown)) == (404, [80000])


async def test_our_own_fault_is_answered_in_the_same_form_and_logged_without_secrets(
    client: httpx.AsyncClient, app: FastAPI, token: str
) -> None:
    @app.get("/v3/fault")
    async def fault() -> None:
        secret = token
        raise RuntimeError(str(len(secret)))

    with capture_logs() as logs:
        response = await client.get("/v3/fault")
    body = response.json()
    assert (response.status_code, codes(response)) == (500, [90003])
    assert [entry["event"] for entry in logs] == ["api.fault", "api.request"]
    assert "RuntimeError" in logs[0]["traceback"]
    assert {entry["reference"] for entry in logs} == {body["reference"]}
    assert token not in str(logs)


async def test_a_request_is_one_event_with_ids_and_no_secrets(
    client: httpx.AsyncClient, parts: Parts, token: str, services: Services
) -> None:
    configuration = {"publish": {"callbacks": [{"url": "https://example.org/secret-in-the-path"}]}}
    with capture_logs() as logs:
        media_id = (await client.post("/v3/media", files=parts(configuration))).json()["mediaId"]
        link = (await client.get(f"/v3/media/{media_id}/streams")).json()["streams"][0]["streamLocation"]
        await client.get(link)
        await client.get("/v3/media?limit=x")
    assert [entry["event"] for entry in logs] == ["api.request"] * 4
    first = logs[0]
    assert (first["method"], first["route"], first["status"]) == ("POST", "/v3/media", 200)
    assert first["media_id"] == logs[1]["media_id"] == media_id
    assert first["organization_id"] == str(services.organization.organization_id)
    assert first["bytes_in"] > 0
    assert logs[3]["codes"] == [10011]
    for secret in (token, "signature", "secret-in-the-path", "expires"):
        assert secret not in str(logs)


async def test_a_user_token_makes_an_api_key_that_works_and_cannot_make_others(
    client: httpx.AsyncClient,
) -> None:
    made = (await client.post("/v3/profile/keys", json={"ttlMillis": 60_000, "ephemeral": True})).json()
    assert made["bearerToken"].endswith(made["lastSix"])
    headers = {"Authorization": f"Bearer {made['bearerToken']}"}
    assert (await client.get("/v3/media", headers=headers)).status_code == 200
    refused = await client.get("/v3/profile/keys", headers=headers)
    assert (refused.status_code, codes(refused)) == (403, [10012])
    listed = (await client.get("/v3/profile/keys")).json()["keys"]
    assert made["id"] in [key["id"] for key in listed]
    assert all("bearerToken" not in key for key in listed)
    path = f"/v3/profile/keys/{made['id']}"
    assert (await client.get(path)).json()["expired"] is False
    assert (await client.delete(path)).status_code == 204
    assert codes(await client.get("/v3/media", headers=headers)) == [10003]
    assert codes(await client.get(path)) == codes(await client.delete(path)) == [70007]


async def test_an_expired_key_is_unknown(client: httpx.AsyncClient, services: Services) -> None:
    now = datetime.now(UTC)
    organization_id = services.organization.organization_id
    async with services.database.connection() as connection:
        key, token = await keys.create(
            connection,
            organization_id,
            "old",
            now=now - timedelta(hours=2),
            kind=KeyKind.API,
            expires_at=now - timedelta(hours=1),
        )
    response = await client.get("/v3/media", headers={"Authorization": f"Bearer {token}"})
    assert codes(response) == [10003]
    assert (await client.get(f"/v3/profile/keys/{key.key_id}")).json()["expired"] is True


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


IMPOSSIBLE_KEYS = [
    ({}, 70000),
    (None, 70000),
    ({"ttlMillis": 1, "expirationDate": in_hours(1)}, 70001),
    ({"expirationDate": in_hours(-1)}, 70002),
    ({"expirationDate": in_hours(3)}, 70003),
    ({"ttlMillis": 0}, 70004),
    ({"ttlMillis": 7_200_001}, 70005),
    ({"ephemeral": True}, 70006),
    ({"ttlMillis": 1000, "scope": "media:get"}, 70008),
]


async def test_a_key_that_cannot_be_is_refused(client: httpx.AsyncClient) -> None:
    for asked, code in IMPOSSIBLE_KEYS:
        response = await client.post("/v3/profile/keys", json=asked)
        assert (response.status_code, codes(response)) == (400, [code]), asked


async def test_the_ruby_client_gets_its_token_by_basic_authentication(
    anonymous: httpx.AsyncClient, token: str
) -> None:
    path = "/v3/access/users/admin/tokens"
    response = await anonymous.get(path, auth=("key", token))
    assert response.json()["tokens"] == [{"token": token}]
    assert codes(await anonymous.get(path)) == [10002]
    assert codes(await anonymous.get(path, auth=("key", "wrong"))) == [10003]
    broken = "Basic " + base64.b64encode(b"\xff").decode()
    assert codes(await anonymous.get(path, headers={"Authorization": broken})) == [10003]


async def test_the_description_of_the_api_is_whole(anonymous: httpx.AsyncClient) -> None:
    document = (await anonymous.get("/openapi.json")).json()
    body = document["paths"]["/v3/media"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(body["properties"]) == {"media", "mediaUrl", "configuration", "metadata", "transcript"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["operationId"], where
            assert operation.get("summary"), where
            assert "422" not in operation["responses"], where
            errors = operation["responses"]["default"]["content"]["application/json"]["schema"]
            assert errors == {"$ref": "#/components/schemas/VbErrorResponse"}, where
    assert (await anonymous.get("/v3/defs/v3-api.yaml")).json() == document
    assert (await anonymous.get("/docs")).status_code == 200
