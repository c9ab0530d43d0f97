"""/v3/profile/keys: short-lived API keys, made with a user token; and the Ruby client's way to its token."""

import base64
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from callpost.api import answers, auth, openapi
from callpost.api.auth import AuthenticatedUser
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import key_request
from callpost.errors import NotFound, Problem, Unauthorized
from callpost.render.analytics import timestamp
from callpost.store import keys
from callpost.store.keys import Key, KeyKind

router = APIRouter(tags=["Key Management"])


@router.get("/v3/profile/keys", operation_id="getKeys")
async def get_keys(services: Context, caller: AuthenticatedUser) -> Response:
    """The organization's keys, without their tokens."""
    async with services.database.connection() as connection:
        found = await keys.of_organization(connection, caller.organization.organization_id)
    now = datetime.now(UTC)
    return answers.json_response(
        {"_links": answers.links(self="/v3/profile/keys"), "keys": [_document(key, now) for key in found]}
    )


@router.post("/v3/profile/keys", operation_id="createKey", openapi_extra=openapi.POST_KEY)
async def post_key(request: Request, services: Context, caller: AuthenticatedUser) -> Response:
    """Make an API key. Its token is in this answer and nowhere else."""
    now = datetime.now(UTC)
    expires_at = key_request.read(await small_body(request), now)
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        key, token = await keys.create(
            connection, organization_id, "API key", now=now, kind=KeyKind.API, expires_at=expires_at
        )
    document = _document(key, now) | {"bearerToken": token}
    return answers.json_response(document, headers={"Cache-Control": "no-store"})


@router.get("/v3/profile/keys/{key_id}", operation_id="getKeyById")
async def get_key(key_id: UUID, services: Context, caller: AuthenticatedUser) -> Response:
    """One key, without its token."""
    async with services.database.connection() as connection:
        key = await keys.get(connection, caller.organization.organization_id, key_id)
    if key is None:
        raise _not_found(key_id)
    return answers.json_response(_document(key, datetime.now(UTC)))


@router.delete("/v3/profile/keys/{key_id}", operation_id="deleteKeyById", status_code=204)
async def delete_key(key_id: UUID, services: Context, caller: AuthenticatedUser) -> Response:
    """Revoke a key: from now on its token is unknown."""
    async with services.database.connection() as connection:
        organization_id = caller.organization.organization_id
        revoked = await keys.revoke(connection, organization_id, key_id, datetime.now(UTC))
    if not revoked:
        raise _not_found(key_id)
    return Response(status_code=204)


@router.get("/v3/access/users/admin/tokens", operation_id="getAdminTokens")
async def get_admin_tokens(request: Request, services: Context) -> Response:
    """Basic authentication with a callpost token as the password: the token comes back, for Ruby clients."""
    token = _password(request.headers.get("Authorization", ""))
    await auth.known_caller(request, services, token)
    document = {"_links": answers.links(self=request.url.path), "tokens": [{"token": token}]}
    return answers.json_response(document, headers={"Cache-Control": "no-store"})


def _password(header: str) -> str:
    scheme, _, encoded = header.strip().partition(" ")
    if not header:
        raise Unauthorized(Problem(10002, "The request has no Authorization header. Send Basic credentials."))
    bad = Unauthorized(Problem(10003, "The Authorization header holds no Basic credentials."))
    if scheme.lower() != "basic":
        raise bad
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except ValueError:
        raise bad from None


def _document(key: Key, now: datetime) -> answers.Document:
    """VbKey, and what we know beside it."""
    values = {
        "_links": answers.links(self=f"/v3/profile/keys/{key.key_id}"),
        "id": key.key_id,
        "name": key.name,
        "kind": key.kind,
        "lastSix": key.last_six,
        "issued": timestamp(key.created_at),
        "expirationDate": key.expires_at and timestamp(key.expires_at),
        "expired": key.expires_at is not None and key.expires_at <= now,
    }
    return {name: value for name, value in values.items() if value is not None}


def _not_found(key_id: UUID) -> NotFound:
    return NotFound(Problem(70007, f"There is no API key {key_id}."))
