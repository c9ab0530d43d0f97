"""Transactions that meet at the same rows end one after the other, and never in a deadlock.

A transaction holds the rows while the others come to wait for it, so that they meet every time.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from delivery_support import NOW
from proof_desk import ANALYTICS, DAY, HTTP, MIDNIGHT, WANTED, Desk, desk_of

from callpost.delivery import change
from callpost.model.configuration import Callback
from callpost.model.delivery import Attempt, ClaimedDelivery, DeliveryKind, DeliveryState
from callpost.store import deliveries
from callpost.store import media as media_store
from callpost.store.database import Database
from callpost.store.deliveries import DeliveryQuery, Limits, Settlement

LOWER, HIGHER = UUID(int=1), UUID(int=2)


@pytest.fixture
async def desk(database: Database) -> Desk:
    return await desk_of(database)


@dataclass
class Worker:
    """Claims in one transaction and settles in another, as workers do."""

    database: Database
    worker_id: UUID = field(default_factory=uuid4)

    async def claim(self, most: int = 100) -> list[ClaimedDelivery]:
        async with self.database.transaction() as connection:
            limits = Limits(per_destination=100)
            return await deliveries.claim(connection, self.worker_id, NOW + DAY, most, limits)

    async def settle(self, claimed: list[ClaimedDelivery], state: DeliveryState) -> None:
        failed = state is DeliveryState.FAILED
        settlements = [
            Settlement(one, Attempt(one.delivery_id, one.attempt, NOW, 9, "x"), state, failed=failed)
            for one in claimed
        ]
        async with self.database.transaction() as connection:
            await deliveries.settle(connection, self.worker_id, settlements, NOW + DAY, Limits())


async def meet(
    database: Database, held: str, arguments: tuple[Any, ...], *works: Coroutine[Any, Any, Any]
) -> None:
    """Let `works` come one after the other, while rows that they need are held; then let the rows go."""
    tasks = []
    async with database.transaction() as holder:
        await holder.fetch(held, *arguments)
        for work in works:
            tasks.append(asyncio.create_task(work))
            await _until_waiting(database, len(tasks))
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


async def _until_waiting(database: Database, count: int) -> None:
    others = "select wait_event_type from pg_stat_activity where datname = current_database()"
    async with asyncio.timeout(5), database.connection() as connection:
        while [row[0] for row in await connection.fetch(others)].count("Lock") < count:
            await asyncio.sleep(0.01)


async def finished(desk: Desk, *callbacks: Callback, media_id: UUID | None = None) -> UUID:
    media_id = await desk.accept(*callbacks, media_id=media_id)
    await desk.finish(media_id)
    return media_id


async def test_workers_that_plan_receipts_for_a_destination_and_report_its_health(desk: Desk) -> None:
    for _ in range(2):
        await finished(desk, ANALYTICS)
    workers = [Worker(desk.database) for _ in range(2)]
    claimed = [await worker.claim(1) for worker in workers]
    settling = [
        worker.settle(some, DeliveryState.FAILED) for worker, some in zip(workers, claimed, strict=True)
    ]
    await meet(desk.database, "select from destinations for update", (), *settling)
    assert len(await desk.pending(DeliveryKind.RECEIPTS)) == 2
    async with desk.database.connection() as connection:
        assert await connection.fetchval("select failures from destinations") == 2


async def test_a_recording_that_is_deleted_while_its_last_deliveries_are_settled(desk: Desk) -> None:
    media_id = await finished(desk, ANALYTICS, HTTP)
    worker = Worker(desk.database)
    claimed = await worker.claim()

    async def delete() -> None:
        async with desk.database.transaction() as connection:
            await media_store.delete(connection, desk.organization.organization_id, media_id)

    await meet(
        desk.database,
        "select from media where media_id = $1 for update",
        (media_id,),
        delete(),
        worker.settle(claimed, DeliveryState.DELIVERED),
    )
    assert len(claimed) == 2
    assert await desk.find() == []


async def test_a_manifest_that_is_planned_while_its_recordings_are_delivered_again(desk: Desk) -> None:
    for media_id in (HIGHER, LOWER):
        await finished(desk, ANALYTICS, media_id=media_id)
    for _ in range(2):
        await desk.settle()
    organization_id = desk.organization.organization_id
    await change.replay(desk.database, organization_id, DeliveryQuery(), NOW + timedelta(seconds=1))
    worker = Worker(desk.database)
    claimed = await worker.claim()
    await meet(
        desk.database,
        "select from proofs where media_id = $1 for update",
        (LOWER,),
        worker.settle(claimed, DeliveryState.DELIVERED),
        desk.sweep(MIDNIGHT),
    )
    assert len(await desk.pending(DeliveryKind.RECEIPTS)) == 2
    assert len(await desk.pending(DeliveryKind.MANIFEST)) == 1


async def test_recordings_that_ask_for_receipts_in_the_same_folders_the_other_way_round(desk: Desk) -> None:
    folders = [replace(ANALYTICS, url=f"s3://acme-{name}") for name in ("a", "b")]
    await desk.accept(*folders)
    # Another key for the manifests of the day, which are renewed by it.
    newer = [replace(folder, s3_options=replace(WANTED, kms_key_id="alias/k")) for folder in folders]
    newest = [replace(folder, s3_options=replace(WANTED, kms_key_id="alias/l")) for folder in folders]
    await meet(
        desk.database,
        "select from manifests where folder like 's3://acme-a%' for update",
        (),
        desk.accept(*newer, HTTP),
        desk.accept(HTTP, *newest[::-1]),
    )
