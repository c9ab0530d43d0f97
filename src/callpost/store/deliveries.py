"""Deliveries as leased rows: planned, claimed, settled, looked up. SQL in deliveries.sql says how."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from callpost.model.configuration import Callback
from callpost.model.delivery import (
    Attempt,
    ClaimedDelivery,
    Delivery,
    DeliveryKind,
    DeliveryState,
    NewDelivery,
    Receipt,
    RetrySchedule,
)
from callpost.store import proofs
from callpost.store.database import Connection, Database, load_queries

_SQL = load_queries("deliveries")
_CHANNEL = "callpost_deliveries"
_EXCERPT_CHARACTERS = 2000

# What a statement raises while the database is away; the work in hand is kept and tried again.
OUTAGE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that is cut in the midst of a statement
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way. per_destination: at one destination, over all workers.

    lease_s: how long a claim holds without being renewed. closes_after: failures in a row after which only
    one delivery at a time is tried, and none in between.
    """

    per_destination: int = 8
    lease_s: float = 20.0
    closes_after: int = 10
    closed_s: float = 5.0
    longest_closed_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one attempt ended: what to record, and what becomes of the delivery.

    due_at: of the next try, None where there is none. failed: whether it speaks against the destination's
    health. wait_s: how long the destination asked to be left alone.
    """

    claimed: ClaimedDelivery
    attempt: Attempt
    state: DeliveryState
    due_at: datetime | None = None
    receipt: Receipt | None = None
    failed: bool = False
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """Which deliveries of an organization, oldest first. after: the last one of the page before.

    kept_at: only those whose results are kept at this moment, as far as their time to live tells. kind: of
    results alone, for one.
    """

    state: DeliveryState | None = None
    destination_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    external_id: str | None = None
    media_id: UUID | None = None
    number: int | None = None
    kept_at: datetime | None = None
    kind: DeliveryKind | None = None
    after: Delivery | None = None
    limit: int = 100


async def insert(
    connection: Connection, new: Sequence[NewDelivery], due_at: datetime, *, trace: str | None = None
) -> None:
    """Store planned deliveries in the caller's transaction and wake the workers when it commits.

    A delivery that is stored already is left as it is. trace: W3C context in which they were planned.
    """
    if not new:
        return
    organizations = [delivery.organization_id for delivery in new]
    keys = [delivery.destination_key for delivery in new]
    await connection.execute(_SQL["insert_destinations"], organizations, keys)
    await connection.execute(
        _SQL["insert"],
        [delivery.delivery_id for delivery in new],
        [delivery.media_id for delivery in new],
        organizations,
        keys,
        [delivery.number for delivery in new],
        [msgspec.json.encode(delivery.callback) for delivery in new],
        [delivery.content_type for delivery in new],
        [delivery.object_key for delivery in new],
        due_at,
        [delivery.replay_of for delivery in new],
        [delivery.kind for delivery in new],
        trace,
    )
    await connection.execute(_SQL["notify"])


async def claim(
    connection: Connection, worker: UUID, now: datetime, most: int, limits: Limits, *, after: int = 0
) -> list[ClaimedDelivery]:
    """Lease due deliveries to a worker: at most `most`, in turn over the destinations after number
    `after`.
    """
    rows = await connection.fetch(
        _SQL["claim"], worker, now, most, limits.lease_s, after, limits.per_destination, limits.closes_after
    )
    return [_claimed(row) for row in rows]


async def next_due(connection: Connection, now: datetime) -> datetime | None:
    """When the next delivery falls due; None where none waits for its time."""
    found: datetime | None = await connection.fetchval(_SQL["next_due"], now)
    return found


async def renew(connection: Connection, worker: UUID, held: Sequence[UUID], limits: Limits) -> set[UUID]:
    """Keep the leases of what a worker holds; returns those it still has."""
    rows = await connection.fetch(_SQL["renew"], worker, limits.lease_s, held)
    return {row["delivery_id"] for row in rows}


async def release(connection: Connection, worker: UUID, held: Sequence[UUID]) -> None:
    """Give deliveries back untried, for others to claim at once."""
    await connection.execute(_SQL["release"], worker, held)
    await connection.execute(_SQL["notify"])


async def take_over(connection: Connection, now: datetime) -> int:
    """Free the deliveries of workers that died, each with an `interrupted` attempt; returns how many."""
    rows = await connection.fetch(_SQL["take_over"], now)
    return len(rows)


async def give_up(connection: Connection, now: datetime, schedule: RetrySchedule, margin_s: float) -> int:
    """End what has waited a whole schedule, and `margin_s` more, for a destination that let nothing through.

    schedule: of organizations without one of their own.
    """
    reason = "The destination has let nothing through for as long as the whole schedule lasts."
    rows = await connection.fetch(_SQL["give_up"], now, schedule.length_s, margin_s, reason)
    if media := {row["media_id"] for row in rows if row["media_id"]}:
        await conclude(connection, media, now)
    return len(rows)


async def settle(
    connection: Connection, worker: UUID, settlements: Sequence[Settlement], now: datetime, limits: Limits
) -> set[UUID]:
    """Record attempts and what became of their deliveries; to be called in ONE transaction.

    Returns the deliveries settled. One that is missing had been taken over by another worker: nothing of it
    is recorded here.
    """
    rows = await connection.fetch(_SQL["settle"], worker, *_settle_columns(settlements))
    if ended := {row["media_id"] for row in rows if row["has_consequences"]}:
        await conclude(connection, ended, now)
    if any(one.failed or one.wait_s or one.claimed.ailing for one in settlements):
        await _report_health(connection, settlements, now, limits)
    return {row["delivery_id"] for row in rows}


async def get(connection: Connection, organization_id: UUID, media_id: UUID, number: int) -> Delivery | None:
    """One delivery by its number within the recording."""
    row = await connection.fetchrow(_SQL["get"], organization_id, media_id, number)
    return _delivery(row) if row else None


async def of_media(connection: Connection, organization_id: UUID, media_id: UUID) -> list[Delivery]:
    """All deliveries of a recording, by number."""
    return [_delivery(row) for row in await connection.fetch(_SQL["of_media"], organization_id, media_id)]


async def find(connection: Connection, organization_id: UUID, query: DeliveryQuery) -> list[Delivery]:
    """An organization's deliveries, oldest first."""
    after = (query.after.created_at, query.after.delivery_id) if query.after else (None, None)
    rows = await connection.fetch(_SQL["find"], organization_id, *_filters(query), *after, query.limit)
    return [_delivery(row) for row in rows]


async def count(connection: Connection, organization_id: UUID, query: DeliveryQuery) -> dict[str, int]:
    """How many deliveries a query finds at each destination; its page does not matter."""
    rows = await connection.fetch(_SQL["count"], organization_id, *_filters(query))
    return {row["destination_key"]: row["found"] for row in rows}


async def insert_again(
    connection: Connection,
    organization_id: UUID,
    new: Sequence[NewDelivery],
    now: datetime,
    *,
    trace: str | None = None,
) -> None:
    """Store further deliveries of recordings that have some, numbered on from the last."""
    media = list({delivery.media_id for delivery in new})
    await connection.fetch(_SQL["lock_recordings"], organization_id, media)
    last = {row["media_id"]: row["number"] for row in await connection.fetch(_SQL["last_numbers"], media)}
    numbered = []
    for delivery in new:
        last[delivery.media_id] = number = last.get(delivery.media_id, 0) + 1
        numbered.append(replace(delivery, number=number))
    await insert(connection, numbered, now, trace=trace)


async def attempts(connection: Connection, delivery_id: UUID) -> list[Attempt]:
    """Every attempt of a delivery, first to last."""
    rows = await connection.fetch(_SQL["attempts"], delivery_id)
    return [Attempt(**dict(row)) for row in rows]


async def retry(
    connection: Connection, organization_id: UUID, media_id: UUID, number: int, now: datetime
) -> bool:
    """Make a delivery due at once, with a whole schedule before it; False where it is under way or
    delivered.
    """
    found = await connection.fetchval(_SQL["retry"], organization_id, media_id, number, now)
    await connection.execute(_SQL["notify"])
    return found is not None


async def change(connection: Connection, old: Delivery, new: NewDelivery, now: datetime) -> bool:
    """Send a delivery that has not arrived somewhere else, at once; False where it is under way or
    delivered.
    """
    await connection.execute(_SQL["insert_destinations"], [new.organization_id], [new.destination_key])
    found = await connection.fetchval(
        _SQL["change"],
        old.delivery_id,
        msgspec.json.encode(new.callback),
        new.content_type,
        new.object_key,
        now,
        new.destination_key,
    )
    await connection.execute(_SQL["notify"])
    return found is not None


async def last_number(connection: Connection, media_id: UUID) -> int:
    """The highest delivery number of a recording; 0 where it has none."""
    return int(await connection.fetchval(_SQL["last_number"], media_id))


async def conclude(connection: Connection, media: Collection[UUID], now: datetime) -> None:
    """What follows where nothing of a recording is pending any more: receipts, and then its time to live.

    To be called in the transaction that ended it, or a delivery of it.
    """
    locked = await connection.fetch(_SQL["lock_media"], list(media))
    if proving := [row["media_id"] for row in locked if row["receipts"]]:
        await insert(connection, await proofs.account_for(connection, proving, now), now)
    if locked:
        await connection.execute(_SQL["start_time_to_live"], [row["media_id"] for row in locked], now)


@asynccontextmanager
async def listen(database: Database, wake: Callable[[], None]) -> AsyncIterator[asyncio.Event]:
    """Call `wake` whenever deliveries become due by somebody's action; the event is set when the line is
    lost.
    """
    lost = asyncio.Event()

    def on_notice(*_: object) -> None:
        wake()

    def on_end(_: object) -> None:
        lost.set()
        wake()

    async with database.connection() as connection:
        connection.add_termination_listener(on_end)
        await connection.add_listener(_CHANNEL, on_notice)
        try:
            yield lost
        finally:
            if not connection.is_closed():
                connection.remove_termination_listener(on_end)
                await connection.remove_listener(_CHANNEL, on_notice)


def _filters(query: DeliveryQuery) -> tuple[Any, ...]:
    return (
        query.state,
        query.destination_key,
        query.since,
        query.until,
        query.external_id,
        query.media_id,
        query.number,
        query.kept_at,
        query.kind,
    )


def _settle_columns(settlements: Sequence[Settlement]) -> list[list[Any]]:
    rows = [
        (
            settlement.claimed.delivery_id,
            settlement.attempt.number,
            settlement.attempt.started_at,
            settlement.attempt.duration_ms,
            settlement.attempt.outcome,
            settlement.attempt.status,
            _text(settlement.attempt.reason),
            _text(settlement.attempt.excerpt),
            _text(settlement.attempt.remedy),
            settlement.state,
            settlement.due_at,
            msgspec.json.encode(settlement.receipt) if settlement.receipt else None,
            _ended_at(settlement),
        )
        for settlement in settlements
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _text(value: str) -> str:
    """PostgreSQL takes no NUL, and whatever a destination answers may hold one."""
    return value.replace("\x00", "")[:_EXCERPT_CHARACTERS]


def _ended_at(settlement: Settlement) -> datetime | None:
    if settlement.state is DeliveryState.PENDING:
        return None
    return settlement.attempt.started_at + timedelta(milliseconds=settlement.attempt.duration_ms)


async def _report_health(
    connection: Connection, settlements: Sequence[Settlement], now: datetime, limits: Limits
) -> None:
    failed: dict[int, int] = {}
    wait_s: dict[int, float] = {}
    succeeded = {s.claimed.destination_id for s in settlements if s.state is DeliveryState.DELIVERED}
    for settlement in settlements:
        place = settlement.claimed.destination_id
        failed[place] = failed.get(place, 0) + settlement.failed
        wait_s[place] = max(wait_s.get(place, 0.0), settlement.wait_s)
    await connection.execute(
        _SQL["report_health"],
        now,
        list(failed),
        list(failed.values()),
        [wait_s[place] for place in failed],
        [place in succeeded for place in failed],
        limits.closes_after,
        limits.closed_s,
        limits.longest_closed_s,
    )


def _claimed(row: asyncpg.Record) -> ClaimedDelivery:
    values = dict(row)
    values["callback"] = msgspec.json.decode(row["callback"], type=Callback)
    values["schedule"] = msgspec.json.decode(row["schedule"], type=RetrySchedule) if row["schedule"] else None
    values["webhook_secrets"] = tuple(row["webhook_secrets"])
    values["kind"] = DeliveryKind(row["kind"])
    return ClaimedDelivery(**values)


def _delivery(row: asyncpg.Record) -> Delivery:
    return Delivery(
        delivery_id=row["delivery_id"],
        media_id=row["media_id"] or row["manifest_id"],
        organization_id=row["organization_id"],
        number=row["number"],
        callback=msgspec.json.decode(row["callback"], type=Callback),
        destination_key=row["destination_key"],
        content_type=row["content_type"],
        object_key=row["object_key"],
        state=DeliveryState(row["state"]),
        due_at=row["due_at"],
        tries=row["tries"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        receipt=msgspec.json.decode(row["receipt"], type=Receipt) if row["receipt"] else None,
        reason=row["reason"],
        attempts=row["attempts"],
        replay_of=row["replay_of"],
        kind=DeliveryKind(row["kind"]),
    )
