"""Organizations: who owns recordings and keys. An organization's id is the external ID of its AWS roles."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from callpost.store.database import Connection, load_queries

_SQL = load_queries("organizations")
_FIRST_NAME = "callpost"


@dataclass(frozen=True, slots=True)
class Organization:
    """VoiceBase's account: accountId and accountName of every result."""

    organization_id: UUID
    name: str
    created_at: datetime


async def ensure_first(connection: Connection) -> Organization:
    """The organization that every installation starts with, made where there is none. Needs a transaction."""
    if found := await first(connection):
        return found
    await connection.execute(_SQL["one_at_a_time"])
    await connection.execute(_SQL["insert_first"], uuid4(), _FIRST_NAME, secrets.token_bytes(32))
    row = await connection.fetchrow(_SQL["first"])
    assert row is not None  # noqa: S101 - inserted above, under the lock
    return _organization(row)


async def first(connection: Connection) -> Organization | None:
    """The oldest organization; None before the first start."""
    row = await connection.fetchrow(_SQL["first"])
    return _organization(row) if row else None


async def get(connection: Connection, organization_id: UUID) -> Organization | None:
    """One organization; None where there is none of that id."""
    row = await connection.fetchrow(_SQL["get"], organization_id)
    return _organization(row) if row else None


async def link_key(connection: Connection, organization_id: UUID) -> bytes | None:
    """The secret that signs an organization's links to audio; None where there is no such organization."""
    key: bytes | None = await connection.fetchval(_SQL["link_key"], organization_id)
    return key


def _organization(row: asyncpg.Record) -> Organization:
    return Organization(row["organization_id"], row["name"], row["created_at"])
