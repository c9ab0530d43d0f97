"""Deliveries as leased rows, on real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from delivery_support import NOW, Recording, add_recording

from callpost.model.delivery import (
    Attempt,
    ClaimedDelivery,
    DeliveryState,
    NewDelivery,
    Receipt,
    RetrySchedule,
)
from callpost.store import deliveries, destinations
from callpost.store.database import Connection, Database
from callpost.store.deliveries import DeliveryQuery, Limits, Settlement

LIMITS = Limits(per_destination=2, lease_s=20, closes_after=3, closed_s=10, longest_closed_s=100)
LATER = NOW + timedelta(hours=1)


async def claim(
    connection: Connection, worker: UUID, now: datetime = NOW, most: int = 100, limits: Limits = LIMITS
) -> list[ClaimedDelivery]:
    return await deliveries.claim(connection, worker, now, most, limits)


def settlement(
    claimed: ClaimedDelivery,
    state: DeliveryState = DeliveryState.DELIVERED,
    due_at: datetime | None = None,
    *,
    failed: bool = False,
    wait_s: float = 0,
) -> Settlement:
    attempt = Attempt(claimed.delivery_id, claimed.attempt, NOW, 120, str(state), 200, "why", "answer")
    receipt = Receipt("s3://b/k", "ab" * 32, 12, 200, NOW) if state is DeliveryState.DELIVERED else None
    return Settlement(claimed, attempt, state, due_at, receipt, failed, wait_s)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    async with database.connection() as borrowed:
        yield borrowed


async def test_a_delivery_comes_back_as_it_was_planned(connection: Connection, recording: Recording) -> None:
    new = recording.delivery()
    await deliveries.insert(connection, [new], NOW)
    stored = await deliveries.get(connection, recording.organization_id, recording.media_id, 1)
    assert stored is not None
    assert (stored.callback, stored.destination_key) == (new.callback, "http:one")
    assert (stored.state, stored.due_at, stored.tries) == (DeliveryState.PENDING, NOW, 0)
    assert "secret-path" not in repr(stored)


async def test_planning_twice_stores_once(connection: Connection, recording: Recording) -> None:
    new = recording.delivery()
    await deliveries.insert(connection, [new], NOW)
    await deliveries.insert(connection, [new], LATER)
    assert len(await deliveries.of_media(connection, recording.organization_id, recording.media_id)) == 1


async def test_two_workers_never_hold_the_same_delivery(database: Database, recording: Recording) -> None:
    new = [recording.delivery(number, f"http:{number % 7}") for number in range(1, 101)]
    async with database.transaction() as connection:
        await deliveries.insert(connection, new, NOW)
    wide = Limits(per_destination=100)

    async def work() -> list[UUID]:
        worker, mine = uuid4(), []
        async with database.connection() as connection:
            while batch := await claim(connection, worker, NOW, 5, wide):
                mine += [claimed.delivery_id for claimed in batch]
        return mine

    held = [delivery for part in await asyncio.gather(*(work() for _ in range(4))) for delivery in part]
    assert len(held) == len(set(held)) == 100


async def test_a_destination_with_much_to_do_leaves_room_for_the_others(
    connection: Connection, recording: Recording
) -> None:
    new = [recording.delivery(number, "http:busy") for number in range(1, 51)]
    new += [recording.delivery(51, "http:quiet")]
    await deliveries.insert(connection, new, NOW)
    claimed = await claim(connection, uuid4(), most=10)
    assert sorted(delivery.destination_key for delivery in claimed) == ["http:busy"] * 2 + ["http:quiet"]
    assert await claim(connection, uuid4(), most=10) == []


async def test_turns_go_round_the_destinations(connection: Connection, recording: Recording) -> None:
    new = [recording.delivery(number, f"http:{number}") for number in range(1, 5)]
    await deliveries.insert(connection, new, NOW)
    first = await claim(connection, uuid4(), most=2)
    last = max(delivery.destination_id for delivery in first)
    rest = await deliveries.claim(connection, uuid4(), NOW, 2, LIMITS, after=last)
    assert {delivery.destination_key for delivery in (*first, *rest)} == {f"http:{n}" for n in range(1, 5)}


async def test_what_is_due_later_waits_and_says_until_when(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(connection, [recording.delivery()], LATER)
    assert await claim(connection, uuid4()) == []
    assert await deliveries.next_due(connection, NOW) == LATER
    assert len(await claim(connection, uuid4(), LATER)) == 1
    assert await deliveries.next_due(connection, NOW) is None


async def test_settling_records_the_attempt_and_the_receipt(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(connection, [recording.delivery()], NOW)
    worker = uuid4()
    (claimed,) = await claim(connection, worker)
    settled = await deliveries.settle(connection, worker, [settlement(claimed)], NOW, LIMITS)
    assert settled == {claimed.delivery_id}
    stored = await deliveries.get(connection, recording.organization_id, recording.media_id, 1)
    assert stored is not None
    assert stored.receipt is not None
    assert (stored.state, stored.tries, stored.receipt.location) == (DeliveryState.DELIVERED, 1, "s3://b/k")
    (attempt,) = await deliveries.attempts(connection, claimed.delivery_id)
    assert (attempt.number, attempt.outcome, attempt.excerpt) == (1, "delivered", "answer")


async def test_a_worker_that_died_is_taken_over_and_cannot_settle_any_more(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(connection, [recording.delivery()], NOW)
    dead, alive = uuid4(), uuid4()
    (lost,) = await claim(connection, dead, limits=Limits(lease_s=0))
    assert await deliveries.take_over(connection, NOW) == 1
    (claimed,) = await claim(connection, alive)
    assert (claimed.tries, claimed.attempt) == (0, 2)
    assert await deliveries.settle(connection, dead, [settlement(lost)], NOW, LIMITS) == set()
    assert await deliveries.renew(connection, dead, [lost.delivery_id], LIMITS) == set()
    assert await deliveries.settle(connection, alive, [settlement(claimed)], NOW, LIMITS)
    history = await deliveries.attempts(connection, claimed.delivery_id)
    assert [attempt.outcome for attempt in history] == ["interrupted", "delivered"]


async def test_a_renewed_lease_is_not_taken_over(connection: Connection, recording: Recording) -> None:
    await deliveries.insert(connection, [recording.delivery()], NOW)
    worker = uuid4()
    (claimed,) = await claim(connection, worker, limits=Limits(lease_s=0))
    assert await deliveries.renew(connection, worker, [claimed.delivery_id], LIMITS) == {claimed.delivery_id}
    assert await deliveries.take_over(connection, NOW) == 0


async def test_leases_are_renewed_while_some_of_them_are_being_settled(
    database: Database, recording: Recording
) -> None:
    worker = uuid4()
    async with database.transaction() as settling, database.connection() as renewing:
        await deliveries.insert(renewing, [recording.delivery(number) for number in (1, 2)], NOW)
        first, second = await claim(renewing, worker, limits=Limits(lease_s=0))
        await deliveries.settle(settling, worker, [settlement(first)], NOW, LIMITS)
        held = {first.delivery_id, second.delivery_id}
        async with asyncio.timeout(5):
            assert await deliveries.renew(renewing, worker, list(held), LIMITS) == held
    async with database.connection() as connection:
        assert await deliveries.renew(connection, worker, list(held), LIMITS) == {second.delivery_id}
        assert await deliveries.take_over(connection, NOW) == 0


async def test_what_is_given_back_was_not_attempted(connection: Connection, recording: Recording) -> None:
    await deliveries.insert(connection, [recording.delivery()], NOW)
    worker = uuid4()
    (claimed,) = await claim(connection, worker)
    await deliveries.release(connection, worker, [claimed.delivery_id])
    assert await deliveries.attempts(connection, claimed.delivery_id) == []
    assert (await claim(connection, uuid4()))[0].attempt == 1


async def test_a_failing_destination_is_closed_and_then_probed_by_one_at_a_time(
    connection: Connection, recording: Recording
) -> None:
    new = [recording.delivery(number) for number in range(1, 11)]
    await deliveries.insert(connection, new, NOW)
    worker = uuid4()
    for _ in range(2):
        failed = [
            settlement(c, DeliveryState.PENDING, LATER, failed=True) for c in await claim(connection, worker)
        ]
        await deliveries.settle(connection, worker, failed, NOW, LIMITS)
    assert await claim(connection, worker) == []
    (status,) = await destinations.destinations(connection, recording.organization_id)
    assert (status.failures, status.closed_until, status.waiting) == (4, NOW + timedelta(seconds=10), 10)
    soon = NOW + timedelta(seconds=11)
    (probe,) = await claim(connection, worker, soon)
    assert await claim(connection, worker, soon) == []
    again = settlement(probe, DeliveryState.PENDING, LATER, failed=True)
    await deliveries.settle(connection, worker, [again], soon, LIMITS)
    (status,) = await destinations.destinations(connection, recording.organization_id)
    assert status.closed_until == soon + timedelta(seconds=20)
    (probe,) = await claim(connection, worker, soon + timedelta(seconds=21))
    await deliveries.settle(connection, worker, [settlement(probe)], soon, LIMITS)
    assert len(await claim(connection, worker, soon)) == 2


async def test_a_destination_that_asks_for_time_gets_it(connection: Connection, recording: Recording) -> None:
    await deliveries.insert(connection, [recording.delivery(1), recording.delivery(2)], NOW)
    worker = uuid4()
    first, second = await claim(connection, worker)
    throttled = settlement(first, DeliveryState.PENDING, NOW, wait_s=60)
    await deliveries.settle(connection, worker, [throttled, settlement(second)], NOW, LIMITS)
    assert await claim(connection, worker, NOW + timedelta(seconds=59)) == []
    assert await deliveries.next_due(connection, NOW) == NOW + timedelta(seconds=60)
    assert len(await claim(connection, worker, NOW + timedelta(seconds=61))) == 1


async def test_a_paused_destination_keeps_everything_until_it_is_resumed(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(connection, [recording.delivery()], NOW)
    organization = recording.organization_id
    assert await destinations.pause(connection, organization, "http:one", NOW)
    assert not await destinations.pause(connection, uuid4(), "http:one", NOW)
    assert await claim(connection, uuid4()) == []
    assert await deliveries.give_up(connection, NOW + timedelta(days=9), RetrySchedule(), 60) == 0
    assert await destinations.resume(connection, organization, "http:one")
    assert len(await claim(connection, uuid4())) == 1


async def test_a_limit_of_its_own_bounds_a_destination(connection: Connection, recording: Recording) -> None:
    await deliveries.insert(connection, [recording.delivery(number) for number in range(1, 10)], NOW)
    await destinations.limit(connection, recording.organization_id, "http:one", 5)
    assert len(await claim(connection, uuid4())) == 5


async def test_nothing_waits_for_ever_behind_a_dead_destination(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(connection, [recording.delivery(number) for number in (1, 2)], NOW)
    worker = uuid4()
    failed = [
        settlement(c, DeliveryState.PENDING, LATER, failed=True) for c in await claim(connection, worker)
    ]
    await deliveries.settle(connection, worker, failed, NOW, LIMITS)
    late = NOW + timedelta(hours=17)
    schedule = RetrySchedule((0, 16 * 3600))
    assert await deliveries.give_up(connection, NOW + timedelta(hours=15), schedule, 60) == 0
    await destinations.set_schedule(connection, recording.organization_id, RetrySchedule((0, 20 * 3600)))
    assert await deliveries.give_up(connection, late, schedule, 60) == 0
    await destinations.set_schedule(connection, recording.organization_id, None)
    assert await deliveries.give_up(connection, late, schedule, 60) == 2
    stored = await deliveries.get(connection, recording.organization_id, recording.media_id, 1)
    assert stored is not None
    assert (stored.state, stored.ended_at) == (DeliveryState.FAILED, late)


async def test_results_outlive_their_time_to_live_until_every_delivery_has_ended(
    connection: Connection, organization_id: UUID
) -> None:
    recording = await add_recording(connection, organization_id, time_to_live_s=60)
    await deliveries.insert(connection, [recording.delivery(number) for number in (1, 2)], NOW)
    worker = uuid4()
    first, second = await claim(connection, worker)
    expires = "select expires_on from media where media_id = $1"
    await deliveries.settle(connection, worker, [settlement(first)], NOW, LIMITS)
    assert await connection.fetchval(expires, recording.media_id) is None
    await deliveries.settle(connection, worker, [settlement(second)], LATER, LIMITS)
    assert await connection.fetchval(expires, recording.media_id) == LATER + timedelta(seconds=60)


async def test_a_failed_delivery_is_retried_with_a_whole_schedule(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(connection, [recording.delivery()], NOW)
    organization, media_id, worker = recording.organization_id, recording.media_id, uuid4()
    (claimed,) = await claim(connection, worker)
    assert not await deliveries.retry(connection, organization, media_id, 1, NOW)
    await deliveries.settle(connection, worker, [settlement(claimed, DeliveryState.FAILED)], NOW, LIMITS)
    assert await deliveries.retry(connection, organization, media_id, 1, LATER)
    (claimed,) = await claim(connection, worker, LATER)
    assert (claimed.tries, claimed.attempt) == (0, 2)
    await deliveries.settle(connection, worker, [settlement(claimed)], NOW, LIMITS)
    assert not await deliveries.retry(connection, organization, media_id, 1, LATER)


async def test_deliveries_are_found_by_state_destination_time_and_external_id(
    connection: Connection, recording: Recording
) -> None:
    await deliveries.insert(
        connection, [recording.delivery(1, "http:a"), recording.delivery(2, "http:b")], NOW
    )

    async def numbers(**asked: object) -> list[int]:
        query = DeliveryQuery(**asked)  # type: ignore[arg-type]  # each keyword has a type of its own
        return [found.number for found in await deliveries.find(connection, recording.organization_id, query)]

    assert sorted(await numbers()) == [1, 2]
    assert await numbers(destination_key="http:b") == [2]
    assert await numbers(state=DeliveryState.FAILED) == []
    assert sorted(await numbers(external_id="call-7", since=NOW)) == [1, 2]
    assert await numbers(until=NOW) == []
    first, *_ = await deliveries.find(connection, recording.organization_id, DeliveryQuery(limit=1))
    assert len(await numbers(after=first)) == 1
    assert await deliveries.find(connection, uuid4(), DeliveryQuery()) == []


async def test_an_organization_has_its_own_schedule(connection: Connection, recording: Recording) -> None:
    schedule = RetrySchedule((0, 60), 1)
    await destinations.set_schedule(connection, recording.organization_id, schedule)
    await deliveries.insert(connection, [recording.delivery()], NOW)
    assert (await claim(connection, uuid4()))[0].schedule == schedule


async def test_a_fresh_url_goes_into_a_delivery_that_waits(
    connection: Connection, recording: Recording
) -> None:
    old = recording.delivery()
    await deliveries.insert(connection, [old], LATER)
    stored = await deliveries.get(connection, recording.organization_id, recording.media_id, 1)
    assert stored is not None
    fresh = NewDelivery(
        old.delivery_id, old.media_id, old.organization_id, 1, old.callback, "http:two", "text/plain"
    )
    assert await deliveries.change(connection, stored, fresh, NOW)
    (claimed,) = await claim(connection, uuid4())
    assert (claimed.destination_key, claimed.content_type) == ("http:two", "text/plain")


async def test_a_listener_wakes_when_deliveries_are_committed(
    database: Database, recording: Recording
) -> None:
    woken = asyncio.Event()
    async with deliveries.listen(database, woken.set):
        async with database.transaction() as connection:
            await deliveries.insert(connection, [recording.delivery()], NOW)
        await asyncio.wait_for(woken.wait(), 5)
