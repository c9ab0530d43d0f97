"""The dispatcher on real PostgreSQL: nothing lost, nobody held up, the whole schedule on its own clock."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from delivery_support import NOW, Recording, at_work

from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.model.delivery import (
    Attempt,
    ClaimedDelivery,
    Delivered,
    Delivery,
    DeliveryState,
    Hopeless,
    Outcome,
    Receipt,
    Refused,
    RetrySchedule,
    Unreachable,
)
from callpost.store import deliveries, destinations
from callpost.store.database import Database
from callpost.store.deliveries import Limits

DELIVERED = Delivered(Receipt("s3://b/k", "ab" * 32, 1, 200, NOW))
SETTINGS = DispatcherSettings(poll_s=0.02, grace_s=1.0)


@dataclass
class FakeCarrier:
    """Answers by destination, and keeps what it was given."""

    answers: dict[str, Callable[[], Awaitable[Outcome]]] = field(default_factory=dict)
    seen: list[ClaimedDelivery] = field(default_factory=list)

    async def deliver(self, claimed: ClaimedDelivery) -> Outcome:
        self.seen.append(claimed)
        answer = self.answers.get(claimed.destination_key)
        return await answer() if answer else DELIVERED


def always(outcome: Outcome) -> Callable[[], Awaitable[Outcome]]:
    async def answer() -> Outcome:
        return outcome

    return answer


async def never() -> Outcome:
    await asyncio.sleep(3600)
    return DELIVERED


@dataclass
class Clock:
    """A clock that is set by hand, or leaps to whatever comes next."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def dispatching(
    database: Database,
    carrier: FakeCarrier,
    settings: DispatcherSettings = SETTINGS,
    clock: Clock | None = None,
) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(database, carrier, settings, clock or Clock(), jitter=lambda: 0.5)
    async with at_work(dispatcher):
        yield dispatcher


async def add(database: Database, recording: Recording, *keys: str) -> None:
    new = [recording.delivery(number, key) for number, key in enumerate(keys, 1)]
    async with database.transaction() as connection:
        await deliveries.insert(connection, new, NOW)


async def stored(database: Database, recording: Recording) -> list[Delivery]:
    async with database.connection() as connection:
        return await deliveries.of_media(connection, recording.organization_id, recording.media_id)


async def history(database: Database, delivery_id: UUID) -> list[Attempt]:
    async with database.connection() as connection:
        return await deliveries.attempts(connection, delivery_id)


async def until(
    database: Database, recording: Recording, done: Callable[[list[Delivery]], bool]
) -> list[Delivery]:
    async with asyncio.timeout(20):
        while not done(found := await stored(database, recording)):
            await asyncio.sleep(0.01)
    return found


def all_ended(found: list[Delivery]) -> bool:
    return all(delivery.state is not DeliveryState.PENDING for delivery in found)


async def test_what_is_due_is_delivered(database: Database, recording: Recording) -> None:
    await add(database, recording, *(f"http:{n % 5}" for n in range(100)))
    async with dispatching(database, FakeCarrier()):
        found = await until(database, recording, all_ended)
    assert {delivery.state for delivery in found} == {DeliveryState.DELIVERED}
    assert {(delivery.tries, delivery.attempts) for delivery in found} == {(1, 1)}
    assert found[0].receipt == DELIVERED.receipt


async def test_a_new_delivery_does_not_wait_for_the_poll(database: Database, recording: Recording) -> None:
    async with dispatching(database, FakeCarrier(), replace(SETTINGS, poll_s=60)):
        await asyncio.sleep(0.3)
        started = asyncio.get_running_loop().time()
        await add(database, recording, "http:one")
        await until(database, recording, all_ended)
        assert asyncio.get_running_loop().time() - started < 2


async def test_the_whole_schedule_of_fifteen_hours_and_three_quarters(
    database: Database, recording: Recording
) -> None:
    carrier, clock = FakeCarrier({"http:dead": always(Refused(401, "no"))}), Clock()
    await add(database, recording, "http:dead")
    times = []
    async with dispatching(database, carrier, clock=clock):
        for _ in range(21):
            (waiting,) = await until(database, recording, lambda found: found[0].tries > len(times))
            times.append(clock.now)
            clock.now = max(clock.now, waiting.due_at)
        (ended,) = await until(database, recording, all_ended)
    slots = [0, 15, 45, 105, 225, 465, 945]
    assert [round((moment - NOW) / timedelta(minutes=1)) for moment in times] == [
        minutes for minutes in slots for _ in range(3)
    ]
    assert (ended.state, ended.tries, ended.reason) == (DeliveryState.FAILED, 21, "no")
    attempts = await history(database, ended.delivery_id)
    assert [attempt.number for attempt in attempts] == list(range(1, 22))
    assert len(carrier.seen) == 21


async def test_a_hopeless_delivery_stops_at_once_and_a_strict_schedule_goes_on(
    database: Database, recording: Recording
) -> None:
    carrier = FakeCarrier({"s3:b": always(Hopeless("expired", 403, "text", "a fresh URL"))})
    await add(database, recording, "s3:b")
    async with dispatching(database, carrier):
        (ended,) = await until(database, recording, all_ended)
    assert (ended.state, ended.tries) == (DeliveryState.FAILED, 1)
    (attempt,) = await history(database, ended.delivery_id)
    assert (attempt.outcome, attempt.status, attempt.remedy) == ("hopeless", 403, "a fresh URL")
    strict = replace(SETTINGS, schedule=RetrySchedule((0,), 3, strict=True))
    async with database.transaction() as connection:
        await deliveries.retry(connection, recording.organization_id, recording.media_id, 1, NOW)
    async with dispatching(database, carrier, strict, Clock(NOW + timedelta(seconds=30))) as _:
        (ended,) = await until(database, recording, lambda found: found[0].tries > 0)
        assert ended.tries == 1
        assert ended.state is DeliveryState.PENDING


async def test_a_strict_schedule_spends_all_21_tries_on_what_is_hopeless(
    database: Database, recording: Recording
) -> None:
    carrier = FakeCarrier({"s3:b": always(Hopeless("expired", 403))})
    clock, strict = Clock(), replace(SETTINGS, schedule=RetrySchedule(strict=True))
    await add(database, recording, "s3:b")
    async with dispatching(database, carrier, strict, clock):
        for made in range(21):
            (waiting,) = await until(database, recording, lambda found, made=made: found[0].tries > made)
            clock.now = max(clock.now, waiting.due_at)
        (ended,) = await until(database, recording, all_ended)
    assert (ended.state, ended.tries, len(carrier.seen)) == (DeliveryState.FAILED, 21, 21)
    assert clock.now - NOW >= timedelta(hours=15, minutes=44)


async def test_a_dead_destination_holds_nobody_up(database: Database, recording: Recording) -> None:
    await add(database, recording, *["http:dead"] * 200, *["http:alive"] * 200)
    carrier = FakeCarrier({"http:dead": never})
    settings = replace(SETTINGS, at_once=20, limits=Limits(per_destination=5), grace_s=0)
    async with dispatching(database, carrier, settings):
        await until(
            database,
            recording,
            lambda found: all_ended([d for d in found if d.destination_key == "http:alive"]),
        )
    assert sum(claimed.destination_key == "http:dead" for claimed in carrier.seen) == 5


async def test_a_shutdown_does_not_count_as_an_attempt(database: Database, recording: Recording) -> None:
    await add(database, recording, "http:slow", "http:quick")

    async def quick() -> Outcome:
        await asyncio.sleep(0.3)
        return DELIVERED

    carrier = FakeCarrier({"http:slow": never, "http:quick": quick})
    async with dispatching(database, carrier, replace(SETTINGS, grace_s=1)):
        while len(carrier.seen) < 2:
            await asyncio.sleep(0.01)
    slow, done = await stored(database, recording)
    assert done.state is DeliveryState.DELIVERED
    assert (slow.state, slow.tries, slow.attempts) == (DeliveryState.PENDING, 0, 0)
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from deliveries where lease_until is not null") == 0


async def test_a_fault_of_our_own_loses_nothing(database: Database, recording: Recording) -> None:
    async def broken() -> Outcome:
        raise RuntimeError("secret detail")

    await add(database, recording, "http:one")
    async with dispatching(database, FakeCarrier({"http:one": broken})):
        (found,) = await until(database, recording, lambda found: found[0].tries > 0)
    assert (found.state, found.reason) == (DeliveryState.PENDING, "callpost itself failed (RuntimeError).")
    async with database.connection() as connection:
        (status,) = await destinations.destinations(connection, recording.organization_id)
    assert status.failures == 0


async def test_outcomes_survive_the_loss_of_every_connection(
    database: Database, recording: Recording
) -> None:
    await add(database, recording, *["http:one"] * 40)
    kill = (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )

    async def slowly() -> Outcome:
        await asyncio.sleep(0.02)
        return DELIVERED

    carrier = FakeCarrier({"http:one": slowly})
    async with dispatching(database, carrier):
        for _ in range(4):
            await asyncio.sleep(0.1)
            other = await Database.open(database.url, size=1)
            async with other.connection() as connection:
                await connection.execute(kill)
            await other.close()
        async with asyncio.timeout(20):
            while True:
                try:
                    if all_ended(await stored(database, recording)):
                        break
                except deliveries.OUTAGE:
                    pass
                await asyncio.sleep(0.05)
    assert {(d.state, d.attempts) for d in await stored(database, recording)} == {
        (DeliveryState.DELIVERED, 1)
    }
    assert len(carrier.seen) == 40


async def test_unreachable_destinations_are_left_alone_and_probed(
    database: Database, recording: Recording
) -> None:
    await add(database, recording, *["http:dead"] * 50)
    carrier, clock = FakeCarrier({"http:dead": always(Unreachable("refused"))}), Clock()
    settings = replace(SETTINGS, limits=Limits(per_destination=4, closes_after=8, closed_s=5))
    async with dispatching(database, carrier, settings, clock):
        await asyncio.sleep(0.5)
        assert 8 <= len(carrier.seen) <= 12
        before = len(carrier.seen)
        clock.now += timedelta(seconds=6)
        await asyncio.sleep(0.3)
        assert len(carrier.seen) == before + 1
        carrier.answers.clear()
        clock.now += timedelta(seconds=11)
        await until(
            database, recording, lambda found: sum(d.state is DeliveryState.DELIVERED for d in found) > 30
        )


WORKER = Path(__file__).with_name("dispatcher_process.py")


async def test_a_killed_worker_is_replaced_within_thirty_seconds(
    database: Database, recording: Recording, fresh_database_url: str
) -> None:
    await add(database, recording, *["http:one"] * 4)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), fresh_database_url, stdout=asyncio.subprocess.PIPE
    )
    assert worker.stdout is not None
    assert await asyncio.wait_for(worker.stdout.readline(), 30) == b"claimed\n"
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    started = asyncio.get_running_loop().time()
    clock = Clock(datetime.now(UTC))
    async with dispatching(database, FakeCarrier(), clock=clock):
        async with asyncio.timeout(30):
            while not all_ended(found := await stored(database, recording)):
                await asyncio.sleep(0.1)
    assert asyncio.get_running_loop().time() - started < 30
    assert {(d.state, d.tries, d.attempts) for d in found} == {(DeliveryState.DELIVERED, 1, 2)}
    assert [a.outcome for a in await history(database, found[0].delivery_id)] == ["interrupted", "delivered"]


@pytest.mark.parametrize(
    ("outcome", "failures"),
    [
        (Refused(404, "x"), 0),
        (Refused(500, "x"), 1),
        (Refused(429, "x"), 1),
        (Unreachable("x"), 1),
        (Hopeless("x"), 0),
    ],
)
async def test_only_what_ails_the_destination_counts_against_it(
    database: Database, recording: Recording, outcome: Outcome, failures: int
) -> None:
    await add(database, recording, "http:one")
    async with dispatching(database, FakeCarrier({"http:one": always(outcome)})):
        await until(database, recording, lambda found: found[0].tries > 0)
    async with database.connection() as connection:
        (status,) = await destinations.destinations(connection, recording.organization_id)
    assert status.failures == failures
