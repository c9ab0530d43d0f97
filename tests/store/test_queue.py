import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from uuid import UUID, uuid4

import pytest

from callpost.model.configuration import Priority
from callpost.store import queue
from callpost.store.database import Database, DatabaseLost
from callpost.store.queue import Task, TryAgain

TAKEN_OVER_WITHIN_S = 30


class Worker:
    """A queue worker in this process, and what it was given."""

    def __init__(self, url: str, *, grace_s: float = 5.0) -> None:
        self.seen: list[UUID] = []
        self.stop = asyncio.Event()
        self.cancelled: list[UUID] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.refuse = 0
        self.task = asyncio.create_task(
            queue.work(url, {Task.PROCESS: self.handle}, concurrency=2, stop=self.stop, grace_s=grace_s)
        )

    async def handle(self, media_id: UUID) -> None:
        self.seen.append(media_id)
        if len(self.seen) <= self.refuse:
            raise TryAgain(0, "not yet")
        try:
            await self.hold.wait()
        except asyncio.CancelledError:
            self.cancelled.append(media_id)
            raise

    async def until(self, count: int, *, within_s: float = 20.0) -> None:
        async with asyncio.timeout(within_s):
            while len(self.seen) < count:
                await asyncio.sleep(0.02)

    async def end(self) -> None:
        self.stop.set()
        await self.task


async def enqueue(database: Database, *, priority: Priority = Priority.NORMAL) -> UUID:
    media_id = uuid4()
    async with database.transaction() as connection:
        await queue.enqueue(connection, media_id, priority)
    return media_id


async def waiting(database: Database) -> int:
    count: int = await database.pool.fetchval("select count(*) from pgqueuer")
    return count


async def test_a_job_is_there_only_if_its_transaction_was_committed(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as connection:
            await queue.enqueue(connection, uuid4(), Priority.NORMAL)
            raise RuntimeError
    assert await waiting(database) == 0


async def test_urgent_jobs_go_first(database: Database) -> None:
    low, normal, high = [
        await enqueue(database, priority=priority)
        for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH)
    ]
    worker = Worker(database.url)
    await worker.until(3)
    await worker.end()
    assert worker.seen == [high, normal, low]
    assert await waiting(database) == 0


async def test_a_job_that_asks_for_it_is_tried_again(database: Database) -> None:
    media_id = await enqueue(database)
    worker = Worker(database.url)
    worker.refuse = 2
    await worker.until(3)
    await worker.end()
    assert worker.seen == [media_id] * 3


async def test_a_stopping_worker_lets_its_jobs_end(database: Database) -> None:
    await enqueue(database)
    worker = Worker(database.url, grace_s=20)
    worker.hold.clear()
    await worker.until(1)
    worker.stop.set()
    await asyncio.sleep(0.2)
    worker.hold.set()
    await worker.end()
    assert worker.cancelled == []
    assert await waiting(database) == 0


async def test_what_does_not_end_in_time_is_given_back_and_done_by_another(database: Database) -> None:
    media_id = await enqueue(database)
    worker = Worker(database.url, grace_s=0.2)
    worker.hold.clear()
    await worker.until(1)
    await worker.end()
    assert worker.cancelled == [media_id]
    other = Worker(database.url)
    await other.until(1)
    await other.end()
    assert other.seen == [media_id]


async def test_a_lost_database_is_said_to_be_lost(database: Database) -> None:
    worker = Worker(database.url)
    await asyncio.sleep(0.5)
    await database.pool.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    with pytest.raises(DatabaseLost):
        await worker.task


async def test_the_jobs_of_a_killed_worker_are_taken_over(database: Database) -> None:
    media_id = await enqueue(database)
    program = textwrap.dedent(
        f"""
        import asyncio
        from callpost.store import queue

        async def handle(media_id):
            print(media_id, flush=True)
            await asyncio.sleep(600)

        handlers = {{queue.Task.PROCESS: handle}}
        asyncio.run(queue.work({database.url!r}, handlers, concurrency=2, stop=asyncio.Event(), grace_s=0))
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == f"{media_id}\n"
        os.kill(process.pid, signal.SIGKILL)
    killed = time.monotonic()
    other = Worker(database.url)
    await other.until(1, within_s=TAKEN_OVER_WITHIN_S)
    await other.end()
    assert other.seen == [media_id]
    assert time.monotonic() - killed < TAKEN_OVER_WITHIN_S
