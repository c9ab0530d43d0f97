"""Destinations as an organization sees them: their health, pauses and limits, and how deliveries are made."""

from datetime import datetime
from uuid import UUID

import msgspec

from callpost.model.delivery import DestinationStatus, RetrySchedule
from callpost.store.database import Connection, load_queries

_SQL = load_queries("destinations")
_WAKE = "select pg_notify('callpost_deliveries', '')"


async def destinations(connection: Connection, organization_id: UUID) -> list[DestinationStatus]:
    """How each destination of an organization does."""
    rows = await connection.fetch(_SQL["destinations"], organization_id)
    return [DestinationStatus(**dict(row)) for row in rows]


async def pause(connection: Connection, organization_id: UUID, destination_key: str, now: datetime) -> bool:
    """Hold everything back that goes to a destination; False where it is not known."""
    return await connection.fetchval(_SQL["pause"], organization_id, destination_key, now) is not None


async def resume(connection: Connection, organization_id: UUID, destination_key: str) -> bool:
    """Let deliveries go out again; False where the destination is not known."""
    found = await connection.fetchval(_SQL["resume"], organization_id, destination_key)
    await connection.execute(_WAKE)
    return found is not None


async def limit(
    connection: Connection, organization_id: UUID, destination_key: str, concurrency: int | None
) -> bool:
    """Set how many requests a destination gets at a time, None: the default; False where it is not known."""
    return await connection.fetchval(_SQL["limit"], organization_id, destination_key, concurrency) is not None


async def schedule(connection: Connection, organization_id: UUID) -> RetrySchedule | None:
    """An organization's own retry schedule; None where it has the operator's."""
    stored = await connection.fetchval(_SQL["schedule"], organization_id)
    return msgspec.json.decode(stored, type=RetrySchedule) if stored else None


async def set_schedule(connection: Connection, organization_id: UUID, schedule: RetrySchedule | None) -> None:
    """Give an organization a retry schedule of its own; None: the operator's."""
    stored = msgspec.json.encode(schedule) if schedule else None
    await connection.execute(_SQL["set_schedule"], organization_id, stored)


async def webhook_secrets(connection: Connection, organization_id: UUID) -> tuple[bytes, ...]:
    """What an organization's webhooks are signed with, newest first; secrets."""
    return tuple(await connection.fetchval(_SQL["webhook_secrets"], organization_id) or ())


async def add_webhook_secret(connection: Connection, organization_id: UUID, secret: bytes) -> None:
    """Sign with a new secret, and with the one before as well until it is retired."""
    await connection.execute(_SQL["add_webhook_secret"], organization_id, secret)


async def retire_webhook_secret(connection: Connection, organization_id: UUID) -> None:
    """Sign with the newest secret alone."""
    await connection.execute(_SQL["retire_webhook_secret"], organization_id)


async def depths(connection: Connection, now: datetime) -> dict[str, tuple[int, float]]:
    """For each destination what waits there: how many, and for how many seconds the oldest has been due."""
    rows = await connection.fetch(_SQL["depths"], now)
    return {row["destination_key"]: (row["waiting"], row["oldest_s"]) for row in rows}
