"""Bearer tokens. Only their hashes are kept: a token is shown once, when it is made."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

import asyncpg

from callpost.store.database import Connection, load_queries
from callpost.store.organizations import Organization

_SQL = load_queries("keys")
_TOKEN_BYTES = 32


class KeyKind(StrEnum):
    """VoiceBase's two kinds: user tokens manage API keys, API keys do everything else (10012, 10013)."""

    USER = "user"
    API = "api"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a token. last_six: its last characters, to tell it from others."""

    key_id: UUID
    organization_id: UUID
    name: str
    kind: KeyKind
    last_six: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a known token speaks for."""

    key: Key
    organization: Organization


async def create(
    connection: Connection,
    organization_id: UUID,
    name: str,
    *,
    now: datetime,
    kind: KeyKind = KeyKind.USER,
    expires_at: datetime | None = None,
) -> tuple[Key, str]:
    """A new key and its token, which cannot be had again."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    key = Key(uuid4(), organization_id, name, kind, token[-6:], now, expires_at)
    await connection.execute(
        _SQL["insert"], key.key_id, organization_id, name, kind, _hash(token), key.last_six, now, expires_at
    )
    return key, token


async def find(connection: Connection, token: str, now: datetime) -> Caller | None:
    """Whose token this is; None where it is unknown, expired or revoked."""
    row = await connection.fetchrow(_SQL["find"], _hash(token), now)
    if row is None:
        return None
    organization = Organization(
        row["organization_id"], row["organization_name"], row["organization_created_at"]
    )
    return Caller(_key(row), organization)


async def of_organization(connection: Connection, organization_id: UUID) -> Sequence[Key]:
    """Every key that was not revoked, expired ones too, oldest first."""
    return [_key(row) for row in await connection.fetch(_SQL["of_organization"], organization_id)]


async def get(connection: Connection, organization_id: UUID, key_id: UUID) -> Key | None:
    """A key that was not revoked."""
    row = await connection.fetchrow(_SQL["get"], organization_id, key_id)
    return _key(row) if row else None


async def revoke(connection: Connection, organization_id: UUID, key_id: UUID, now: datetime) -> bool:
    """From now on the token is unknown. False where there is no such key, or it was revoked before."""
    done = await connection.execute(_SQL["revoke"], organization_id, key_id, now)
    return not done.endswith(" 0")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _key(row: asyncpg.Record) -> Key:
    return Key(
        row["key_id"],
        row["organization_id"],
        row["name"],
        KeyKind(row["kind"]),
        row["last_six"],
        row["created_at"],
        row["expires_at"],
    )
