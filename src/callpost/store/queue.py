"""Jobs, by pgqueuer: one for each recording and each training, enqueued in the transaction that accepts it.

Deliveries are not jobs (docs/decisions/0001): their own rows say when they are due.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import cast
from uuid import UUID

import asyncpg
import structlog
from pgqueuer.db import AsyncpgDriver
from pgqueuer.errors import PgqException, RetryRequested
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from callpost.model.configuration import Priority
from callpost.store.database import Connection, DatabaseLost

log = structlog.get_logger()


class Task(StrEnum):
    """What is to be done: process a recording (given its media_id), train a classifier (its training_id)."""

    PROCESS = "process"
    TRAIN = "train"


_AT_ONCE = {Task.PROCESS: 0, Task.TRAIN: 1}  # 0: as many as the worker has room for
_PRIORITIES = {Priority.HIGH: 10, Priority.NORMAL: 0, Priority.LOW: -10}

# A job whose worker has not been heard of for this long goes to another one. The worker's event loop beats
# at half of it, so nothing may block that loop for longer.
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
# With pgqueuer's own 30 s, deferred jobs came up to 7 s late (measured).
_POLL = timedelta(seconds=3)
# pgqueuer wants room for twice its batch.
_FEWEST_TASKS = 2

Handler = Callable[[UUID], Awaitable[None]]


class TryAgain(Exception):
    """Raised by a handler: the job goes back to the queue for `delay_s` seconds."""

    def __init__(self, delay_s: float, reason: str) -> None:
        self.delay_s = delay_s
        super().__init__(reason)


async def enqueue(connection: Connection, media_id: UUID, priority: Priority) -> None:
    """Ask for a recording to be processed, within the caller's transaction."""
    await _enqueue(connection, Task.PROCESS, media_id, priority)


async def enqueue_training(connection: Connection, training_id: UUID) -> None:
    """Ask for a classifier to be trained, within the caller's transaction. It goes first: somebody waits."""
    await _enqueue(connection, Task.TRAIN, training_id, Priority.HIGH)


async def _enqueue(connection: Connection, task: Task, about: UUID, priority: Priority) -> None:
    queries = _queries(connection)
    await queries.enqueue(task, str(about).encode(), priority=_PRIORITIES[priority])


async def work(
    url: str, handlers: Mapping[Task, Handler], *, concurrency: int, stop: asyncio.Event, grace_s: float
) -> None:
    """Run jobs until `stop` is set; then give running ones `grace_s` seconds before they go back.

    concurrency: how many at once; of trainings one.

    Raises DatabaseLost; call again then.
    """
    try:
        await _work(url, handlers, concurrency, stop, grace_s)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, PgqException) as error:
        raise DatabaseLost(str(error)) from error


async def _work(
    url: str, handlers: Mapping[Task, Handler], concurrency: int, stop: asyncio.Event, grace_s: float
) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        manager = QueueManager(_queries(connection))
        give_back = asyncio.Event()
        for task, handler in handlers.items():
            manager.entrypoint(
                task, concurrency_limit=_AT_ONCE[task], on_failure="hold", accepts_context=False
            )(_Runner(handler, give_back).run)
        stopping = asyncio.create_task(_stop(manager, give_back, stop, grace_s))
        try:
            await manager.run(
                dequeue_timeout=_POLL,
                batch_size=1,
                max_concurrent_tasks=max(_FEWEST_TASKS, concurrency),
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                shutdown_on_listener_failure=True,
            )
        finally:
            give_back.set()
            stopping.cancel()
    finally:
        connection.terminate()


class _Runner:
    """Runs one job, or gives it back when the worker has to go."""

    def __init__(self, handler: Handler, give_back: asyncio.Event) -> None:
        self.handler = handler
        self.give_back = give_back

    async def run(self, job: Job) -> None:
        media_id = UUID((job.payload or b"").decode())
        try:
            await self._until_given_back(media_id)
        except TryAgain as request:
            raise RetryRequested(timedelta(seconds=request.delay_s), str(request)) from request

    async def _until_given_back(self, media_id: UUID) -> None:
        task = asyncio.ensure_future(self.handler(media_id))
        going = asyncio.create_task(self.give_back.wait())
        try:
            await asyncio.wait({task, going}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                log.info("job.given_back", media_id=str(media_id))
                raise TryAgain(0, "the worker stops")
            await task
        finally:
            going.cancel()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _stop(manager: QueueManager, give_back: asyncio.Event, stop: asyncio.Event, grace_s: float) -> None:
    await stop.wait()
    manager.shutdown.set()
    await asyncio.sleep(grace_s)
    give_back.set()


def _queries(connection: Connection) -> Queries:
    return Queries(AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection)))
