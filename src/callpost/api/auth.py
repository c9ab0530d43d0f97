"""Who is asking: `Authorization: Bearer <token>`, and nothing else but signed links (`links.py`)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from callpost.api.context import Context
from callpost.errors import Forbidden, Problem, Unauthorized
from callpost.services import Services
from callpost.store import keys
from callpost.store.keys import Caller, KeyKind

# For the OpenAPI document; the header is read here, so that errors carry VoiceBase's codes.
_scheme = HTTPBearer(auto_error=False, scheme_name="Authorization", description="A callpost token.")

_NO_HEADER = Problem(10002, "The request has no Authorization header. Send `Authorization: Bearer <token>`.")
_BAD_TOKEN = Problem(10003, "The Authorization header is invalid: the token is unknown, expired or revoked.")
_NOT_FOR_API_KEYS = Problem(10012, "API keys cannot manage keys. Send the request with a user access token.")


async def _caller(
    request: Request,
    services: Context,
    _described: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)],
) -> Caller:
    header = request.headers.get("Authorization")
    if header is None:
        raise Unauthorized(_NO_HEADER)
    scheme, _blank, token = header.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized(_BAD_TOKEN)
    return await known_caller(request, services, token.strip())


async def known_caller(request: Request, services: Services, token: str) -> Caller:
    """Whose token this is. Raises Unauthorized (10003)."""
    async with services.database.connection() as connection:
        caller = await keys.find(connection, token, datetime.now(UTC))
    if caller is None:
        raise Unauthorized(_BAD_TOKEN)
    request.state.organization_id = str(caller.organization.organization_id)
    request.state.key_id = str(caller.key.key_id)
    return caller


Authenticated = Annotated[Caller, Depends(_caller)]
"""The caller of a request with a known token."""


def _user(caller: Authenticated) -> Caller:
    if caller.key.kind is not KeyKind.USER:
        raise Forbidden(_NOT_FOR_API_KEYS)
    return caller


AuthenticatedUser = Annotated[Caller, Depends(_user)]
"""The same, and it may manage keys."""
