"""Claims what is due, has it carried, records what came of it; one dispatcher in each worker.

A row in `deliveries` is the work (docs/decisions/0001-deliveries-are-leased-rows.md). What a dispatcher holds
it holds by a lease, renewed until the outcome is recorded; whoever finds a lease run out takes the delivery
over.
"""

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import UUID, uuid4

import structlog

from callpost import tracing
from callpost.delivery import courier, schedule
from callpost.delivery.aws import Clock
from callpost.model.delivery import (
    Attempt,
    ClaimedDelivery,
    Delivered,
    DeliveryState,
    Outcome,
    Refused,
    RetrySchedule,
    Unreachable,
)
from callpost.store import deliveries
from callpost.store.database import Database
from callpost.store.deliveries import OUTAGE, Limits, Settlement

log = structlog.get_logger()

_RENEW_S = 5.0
_MOST_SETTLED = 200
_OUTAGE_PAUSE_S = 0.5
# Claiming and settling cost about the same for many as for one. Where much is under way they wait this long
# for more to come together, which is little beside what a delivery takes.
_GATHER_S = 0.005
# What a dead destination has kept waiting for a whole schedule, and an hour, ends.
_GIVE_UP_MARGIN_S = 3600
_UNRECORDABLE = "What was answered could not be recorded."


class Carrier(Protocol):
    """What makes one attempt; `courier.Courier` in earnest."""

    async def deliver(self, claimed: ClaimedDelivery) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class DispatcherSettings:
    """at_once: attempts under way in this worker. poll_s: seconds after which to look even if nobody calls.

    grace_s: how long a stop waits for what is under way.
    """

    at_once: int = 64
    schedule: RetrySchedule = field(default_factory=RetrySchedule)
    limits: Limits = field(default_factory=Limits)
    poll_s: float = 2.0
    grace_s: float = 20.0


@dataclass(frozen=True, slots=True)
class _Held:
    attempt: int
    task: asyncio.Task[None]


class Dispatcher:
    """`run` until told to stop. Survives the loss of the database: what was done is recorded when it is
    back.
    """

    def __init__(
        self,
        database: Database,
        carrier: Carrier,
        settings: DispatcherSettings,
        clock: Clock,
        *,
        settled: Callable[[Settlement], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """settled: told of every recorded attempt, for metrics. jitter: 0..1, at random."""
        self._database = database
        self._carrier = carrier
        self._settings = settings
        self._clock = clock
        self._settled = settled
        self._jitter = jitter
        self._worker = uuid4()
        self._held: dict[UUID, _Held] = {}
        self._outcomes: asyncio.Queue[Settlement] = asyncio.Queue()
        self._wake = asyncio.Event()
        self._after = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; then finish what is under way, or give it back untried."""
        helpers = [
            asyncio.create_task(work) for work in (self._listen(), self._keep_leases(), self._settle())
        ]
        waker = asyncio.create_task(self._wake_on(stop))
        for helper in helpers:
            helper.add_done_callback(lambda _: self._wake.set())
        try:
            while not stop.is_set():
                self._wake.clear()
                _require_alive(helpers)
                await self._through_outages(self._claim())
            await self._wind_down()
        finally:
            await _cancel([*helpers, waker, *(held.task for held in self._held.values())])

    async def _claim(self) -> None:
        """Claim as much as there is room for, then wait until there may be more."""
        if len(self._held) >= self._settings.at_once:
            await self._wake.wait()
            return
        await self._gather()
        room = self._settings.at_once - len(self._held)
        async with self._database.connection() as connection:
            found = await deliveries.claim(
                connection, self._worker, self._clock(), room, self._settings.limits, after=self._after
            )
            for claimed in found:
                task = asyncio.create_task(self._attempt(claimed))
                self._held[claimed.delivery_id] = _Held(claimed.attempt, task)
            from_start, full = self._after == 0, len(found) == room
            # A full batch may have left destinations out: the next one begins behind its last.
            self._after = max(claimed.destination_id for claimed in found) if full else 0
            if full or not from_start:
                return
            due = await deliveries.next_due(connection, self._clock())
        wait_s = self._settings.poll_s
        if due is not None:
            wait_s = min(wait_s, max(0.0, (due - self._clock()).total_seconds()))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), wait_s)

    async def _gather(self) -> None:
        if len(self._held) > self._settings.at_once // 2:
            await asyncio.sleep(_GATHER_S)

    async def _attempt(self, claimed: ClaimedDelivery) -> None:
        started_at, started = self._clock(), time.monotonic()
        with tracing.span(
            "deliver", _facts(claimed), within=claimed.trace, kind=tracing.SpanKind.CLIENT
        ) as span:
            try:
                # A fault of ours must not lose the delivery.
                outcome, ours = await self._carrier.deliver(claimed), False
            except Exception as error:
                log.exception("delivery.fault", delivery_id=str(claimed.delivery_id))
                outcome, ours = courier.failure(error), True
            span.set_attributes(_result(outcome))
        duration_ms = round((time.monotonic() - started) * 1000)
        attempt = Attempt(
            claimed.delivery_id,
            claimed.attempt,
            started_at,
            duration_ms,
            type(outcome).__name__.lower(),
            _status(outcome),
            getattr(outcome, "reason", ""),
            getattr(outcome, "excerpt", ""),
            outcome.warning if isinstance(outcome, Delivered) else getattr(outcome, "remedy", ""),
        )
        self._outcomes.put_nowait(self._settlement(claimed, attempt, outcome, ours=ours))

    def _settlement(
        self, claimed: ClaimedDelivery, attempt: Attempt, outcome: Outcome, *, ours: bool
    ) -> Settlement:
        plan = claimed.schedule or self._settings.schedule
        due_at = schedule.next_try(plan, claimed.tries + 1, outcome, self._clock(), self._jitter())
        delivered = isinstance(outcome, Delivered)
        ended = DeliveryState.DELIVERED if delivered else DeliveryState.FAILED
        return Settlement(
            claimed,
            attempt,
            DeliveryState.PENDING if due_at else ended,
            due_at,
            outcome.receipt if isinstance(outcome, Delivered) else None,
            failed=not ours and _speaks_against(outcome),
            wait_s=schedule.asked_s(outcome) if _throttles(outcome) else 0.0,
        )

    async def _settle(self) -> None:
        """Record outcomes, as many in one transaction as have come in meanwhile."""
        while True:
            batch = [await self._outcomes.get()]
            await self._gather()
            while len(batch) < _MOST_SETTLED and not self._outcomes.empty():
                batch.append(self._outcomes.get_nowait())
            while not await self._through_outages(self._record_each(batch)):
                pass
            for _ in batch:
                self._outcomes.task_done()

    async def _record_each(self, batch: list[Settlement]) -> None:
        """One outcome that cannot be recorded must not keep the others from it."""
        try:
            await self._record(batch)
        except OUTAGE:
            raise
        except Exception:
            log.exception("delivery.not_recorded", deliveries=len(batch))
            if len(batch) > 1:
                for settlement in batch:
                    await self._record_each([settlement])
            elif batch[0].attempt.reason != _UNRECORDABLE:
                bare = replace(batch[0].attempt, reason=_UNRECORDABLE, excerpt="", remedy="")
                await self._record_each([replace(batch[0], attempt=bare)])

    async def _record(self, batch: list[Settlement]) -> None:
        async with self._database.transaction() as connection:
            recorded = await deliveries.settle(
                connection, self._worker, batch, self._clock(), self._settings.limits
            )
        for settlement in batch:
            self._let_go(settlement)
            self._tell(settlement, recorded=settlement.claimed.delivery_id in recorded)
        self._wake.set()

    def _let_go(self, settlement: Settlement) -> None:
        # The next attempt may have been claimed while the transaction was being closed.
        held = self._held.get(settlement.claimed.delivery_id)
        if held is not None and held.attempt == settlement.claimed.attempt:
            del self._held[settlement.claimed.delivery_id]

    def _tell(self, settlement: Settlement, *, recorded: bool) -> None:
        claimed, attempt = settlement.claimed, settlement.attempt
        log.info(
            "delivery.attempted",
            delivery_id=str(claimed.delivery_id),
            media_id=str(claimed.media_id),
            organization_id=str(claimed.organization_id),
            destination=claimed.destination_key,
            attempt=claimed.attempt,
            outcome=attempt.outcome,
            status=attempt.status,
            reason=attempt.reason,
            duration_ms=attempt.duration_ms,
            state=str(settlement.state),
            due_at=settlement.due_at.isoformat() if settlement.due_at else None,
            recorded=recorded,
        )
        if recorded and self._settled:
            self._settled(settlement)

    async def _keep_leases(self) -> None:
        while True:
            await self._through_outages(self._look_after_leases())
            await asyncio.sleep(_RENEW_S)

    async def _look_after_leases(self) -> None:
        held, now = list(self._held), self._clock()
        async with self._database.connection() as connection:
            kept = (
                await deliveries.renew(connection, self._worker, held, self._settings.limits)
                if held
                else set()
            )
            for delivery_id in set(held) - kept:
                # Another worker is at it already; two must not go on side by side.
                if lost := self._held.pop(delivery_id, None):
                    lost.task.cancel()
            if await deliveries.take_over(connection, now):
                self._wake.set()
        async with self._database.transaction() as connection:
            await deliveries.give_up(connection, now, self._settings.schedule, _GIVE_UP_MARGIN_S)

    async def _listen(self) -> None:
        while True:
            with suppress(*OUTAGE):
                async with deliveries.listen(self._database, self._wake.set) as lost:
                    # What was committed while nobody listened is found now.
                    self._wake.set()
                    await lost.wait()
            await asyncio.sleep(_OUTAGE_PAUSE_S)

    async def _wind_down(self) -> None:
        tasks = {held.task for held in self._held.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=self._settings.grace_s)
        unfinished = [delivery for delivery, held in self._held.items() if not held.task.done()]
        await _cancel([self._held.pop(delivery).task for delivery in unfinished])
        with suppress(TimeoutError):
            await asyncio.wait_for(self._outcomes.join(), _RENEW_S)
        if unfinished:
            await self._through_outages(self._give_back(unfinished))
        log.info("delivery.stopped", given_back=len(unfinished))

    async def _give_back(self, unfinished: list[UUID]) -> None:
        async with self._database.connection() as connection:
            await deliveries.release(connection, self._worker, unfinished)

    async def _through_outages(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether it was done; where the database is away, a little later there may be one again."""
        try:
            await work
        except OUTAGE as error:
            log.warning("delivery.database_away", error=type(error).__name__)
            await asyncio.sleep(_OUTAGE_PAUSE_S)
            return False
        return True

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()


def _facts(claimed: ClaimedDelivery) -> dict[str, str | int]:
    """Of an attempt's span."""
    return {
        "callpost.media_id": str(claimed.media_id),
        "callpost.delivery_id": str(claimed.delivery_id),
        "callpost.organization_id": str(claimed.organization_id),
        "callpost.destination": claimed.destination_key,
        "callpost.attempt": claimed.attempt,
    }


def _result(outcome: Outcome) -> dict[str, str | int]:
    status = _status(outcome)
    result: dict[str, str | int] = {"callpost.outcome": type(outcome).__name__.lower()}
    return result if status is None else result | {"http.response.status_code": status}


def _status(outcome: Outcome) -> int | None:
    return outcome.receipt.status if isinstance(outcome, Delivered) else getattr(outcome, "status", None)


def _throttles(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.status in (429, 503)


def _speaks_against(outcome: Outcome) -> bool:
    """Whether an outcome says that the destination is not well, rather than that this delivery is not."""
    if isinstance(outcome, Refused):
        return outcome.status >= 500 or outcome.status == 429
    return isinstance(outcome, Unreachable)


def _require_alive(helpers: list[asyncio.Task[None]]) -> None:
    """Without its helpers a dispatcher would take work and never record it."""
    for helper in helpers:
        if helper.done():
            helper.result()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
