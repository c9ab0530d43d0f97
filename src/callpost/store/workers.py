"""Who works on this database, and how much is before them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from callpost.store.database import Connection, load_queries

_SQL = load_queries("workers")
_RECENT = 50

ALIVE = timedelta(seconds=30)
"""A worker that was not seen for so long is gone."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has to be recognised, and how fast that goes here.

    waiting_ms: of sound, not recognised yet. speed: milliseconds of sound that one worker recognises in a
    millisecond, and length_ms of a recording, as medians of the last 50 recordings; None before the first.
    workers: alive at this moment.
    """

    waiting_ms: float
    speed: float | None
    length_ms: float | None
    workers: int


async def seen(connection: Connection, worker_id: UUID, now: datetime) -> None:
    """Say that a worker is alive."""
    await connection.execute(_SQL["seen"], worker_id, now)


async def gone(connection: Connection, worker_id: UUID, now: datetime) -> None:
    """Say that a worker ends; forget those that ended without a word."""
    await connection.execute(_SQL["gone"], worker_id)
    await connection.execute(_SQL["forget"], now - ALIVE)


async def backlog(connection: Connection, now: datetime, unknown_ms: int) -> Backlog:
    """What is before the workers. unknown_ms: what a recording counts for before any was recognised."""
    row = await connection.fetchrow(_SQL["backlog"], unknown_ms, _RECENT)
    assert row is not None  # noqa: S101 - one row of aggregates, always
    alive = int(await connection.fetchval(_SQL["alive"], now - ALIVE))
    return Backlog(row["waiting_ms"], row["speed"], row["length_ms"], alive)
