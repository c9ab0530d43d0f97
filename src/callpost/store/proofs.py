"""What receipts and manifests are made of: opened with a recording, closed with its last delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from callpost.model.configuration import Callback
from callpost.model.delivery import DeliveryKind, DeliveryState, NewDelivery, Receipt
from callpost.model.media import MediaStatus
from callpost.model.proof import Account, EndedDelivery, Manifest, Proof, ProofFolder, ProofState
from callpost.store.database import Connection, load_queries

_SQL = load_queries("proofs")


@dataclass(frozen=True, slots=True)
class ManifestQuery:
    """Which manifests of an organization, oldest first. since, until: days, both included."""

    since: date | None = None
    until: date | None = None
    limit: int = 100


async def open_for(
    connection: Connection,
    organization_id: UUID,
    media_id: UUID,
    folders: Sequence[ProofFolder],
    now: datetime,
) -> None:
    """Note, as a recording is accepted, in which folders its receipts and the manifest of the day are wanted.

    To be called in the transaction that stores the recording, also where it is taken up again.
    """
    await connection.execute(_SQL["want_receipts"], media_id, bool(folders))
    # All recordings of a day meet at its manifests, whatever the order of their callbacks.
    for wanted in sorted(folders, key=lambda folder: (folder.destination_key, folder.manifest_key)):
        callback = msgspec.json.encode(wanted.callback)
        place = (organization_id, wanted.destination_key)
        await connection.execute(_SQL["insert_destination"], *place)
        made = await connection.execute(
            _SQL["insert_manifest"],
            *place,
            uuid4(),
            now.astimezone(UTC).date(),
            wanted.folder,
            callback,
            wanted.manifest_key,
        )
        if made.endswith(" 0"):
            await connection.execute(
                _SQL["renew_manifest"], *place, wanted.manifest_key, callback, wanted.folder
            )
        await connection.execute(
            _SQL["insert_proof"], *place, media_id, wanted.manifest_key, callback, wanted.receipts_key, now
        )


async def account_for(connection: Connection, media: Sequence[UUID], now: datetime) -> list[NewDelivery]:
    """Close the proofs of recordings of which nothing is pending; returns the receipts to be delivered.

    A proof that says already what it would say is left alone, so that nothing is planned twice. To be called
    with the recordings locked.
    """
    rows = await connection.fetch(_SQL["to_account_for"], list(media))
    if not rows:
        return []
    stored: dict[UUID, list[asyncpg.Record]] = {row["media_id"]: [] for row in rows}
    for delivery in await connection.fetch(_SQL["deliveries"], list(stored)):
        stored[delivery["media_id"]].append(delivery)
    found = [(row, _account(row, stored[row["media_id"]])) for row in rows]
    news = [(row, account) for row, account in found if msgspec.json.encode(account) != row["account"]]
    await connection.execute(
        _SQL["account_for"],
        now,
        [row["manifest_id"] for row, _ in news],
        [row["media_id"] for row, _ in news],
        [msgspec.json.encode(account) for _, account in news],
        [account.state for _, account in news],
    )
    return _receipts([row for row, _ in news if row["current"]], stored)


async def of_receipts(connection: Connection, delivery_id: UUID) -> Proof | None:
    """What a delivery of receipts sends; None where it is gone."""
    row = await connection.fetchrow(_SQL["of_delivery"], delivery_id)
    return _proof(row) if row else None


async def of_manifest(connection: Connection, manifest_id: UUID) -> list[Proof]:
    """All recordings of a manifest, in the order in which they were accepted."""
    return [_proof(row) for row in await connection.fetch(_SQL["of_manifest"], manifest_id)]


async def manifest(connection: Connection, manifest_id: UUID) -> Manifest | None:
    """One manifest, of whatever organization."""
    row = await connection.fetchrow(_SQL["manifest"], manifest_id)
    return _manifest(row) if row else None


async def manifests(connection: Connection, organization_id: UUID, query: ManifestQuery) -> list[Manifest]:
    """An organization's manifests, also of days that are not over."""
    rows = await connection.fetch(_SQL["manifests"], organization_id, query.since, query.until, query.limit)
    return [_manifest(row) for row in rows]


async def note_deleted(connection: Connection, now: datetime) -> None:
    """Close the proofs of recordings that were deleted before their deliveries had ended."""
    await connection.execute(_SQL["note_deleted"], now)


async def due_manifests(connection: Connection, now: datetime, schedule_s: float) -> list[NewDelivery]:
    """The manifests to be delivered now, noted as planned; see `due` in proofs.sql for when that is.

    schedule_s: length of the operator's retry schedule. At most 100 of them.
    """
    return await _planned(connection, await connection.fetch(_SQL["due"], now, schedule_s), now)


async def plan_again(
    connection: Connection, organization_id: UUID, manifest_id: UUID, now: datetime
) -> list[NewDelivery]:
    """The manifest once more; nothing where there is none, or it is on its way."""
    rows = await connection.fetch(_SQL["plan_again"], organization_id, manifest_id)
    return await _planned(connection, rows, now)


async def forget(connection: Connection, before: date) -> int:
    """Remove manifests of days before that one whose recordings are all gone; returns how many."""
    done = await connection.execute(_SQL["forget"], before)
    return int(done.rpartition(" ")[2])


async def _planned(
    connection: Connection, rows: Sequence[asyncpg.Record], now: datetime
) -> list[NewDelivery]:
    chosen = [row["manifest_id"] for row in rows]
    await connection.execute(_SQL["planned"], chosen, now)
    await connection.execute(_SQL["list"], chosen)
    return [
        _new(DeliveryKind.MANIFEST, row["manifest_id"], row["organization_id"], row["number"], row)
        for row in rows
    ]


def _receipts(
    rows: Sequence[asyncpg.Record], stored: Mapping[UUID, Sequence[asyncpg.Record]]
) -> list[NewDelivery]:
    last = {media_id: known[-1]["number"] if known else 0 for media_id, known in stored.items()}
    new = []
    for row in rows:
        last[row["media_id"]] = number = last[row["media_id"]] + 1
        new.append(_new(DeliveryKind.RECEIPTS, row["media_id"], row["organization_id"], number, row))
    return new


def _new(
    kind: DeliveryKind, about: UUID, organization_id: UUID, number: int, row: asyncpg.Record
) -> NewDelivery:
    return NewDelivery(
        delivery_id=uuid4(),
        media_id=about,
        organization_id=organization_id,
        number=number,
        callback=_callback(row),
        destination_key=row["destination_key"],
        content_type="application/json",
        object_key=row["object_key"],
        kind=kind,
    )


def _account(row: asyncpg.Record, stored: Sequence[asyncpg.Record]) -> Account:
    deliveries = (
        _ended(delivery)
        for delivery in stored
        if delivery["kind"] == DeliveryKind.RESULT
        and row["after_number"] < delivery["number"] <= row["last_number"]
    )
    return Account(MediaStatus(row["status"]), row["external_id"], tuple(deliveries))


def _ended(row: asyncpg.Record) -> EndedDelivery:
    callback = _callback(row)
    return EndedDelivery(
        delivery_id=row["delivery_id"],
        number=row["number"],
        type=callback.type,
        format=callback.format,
        stream=callback.stream,
        destination_key=row["destination_key"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        receipt=msgspec.json.decode(row["receipt"], type=Receipt) if row["receipt"] else None,
        reason=row["reason"],
        replay_of=row["replay_of"],
    )


def _proof(row: asyncpg.Record) -> Proof:
    account = row["account"]
    return Proof(
        organization_id=row["organization_id"],
        media_id=row["media_id"],
        folder=row["folder"],
        accepted_at=row["accepted_at"],
        state=ProofState(row["state"]),
        ended_at=row["ended_at"],
        account=msgspec.json.decode(account, type=Account) if account else None,
    )


def _manifest(row: asyncpg.Record) -> Manifest:
    counts: dict[str, Any] = row["counts"] or {}
    return Manifest(
        manifest_id=row["manifest_id"],
        organization_id=row["organization_id"],
        day=row["day"],
        folder=row["folder"],
        object_key=row["object_key"],
        destination_key=row["destination_key"],
        planned_at=row["planned_at"],
        counts={ProofState(state): int(count) for state, count in counts.items()},
    )


def _callback(row: asyncpg.Record) -> Callback:
    return msgspec.json.decode(row["callback"], type=Callback)
