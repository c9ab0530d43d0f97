"""What the deliveries are compared with: a bare loop of PUTs, and a task queue that does the same ones."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from uuid import uuid4

import aiohttp
from benchmarks.deliveries import bench, processes
from benchmarks.deliveries.measured import Measured, measured
from yarl import URL

AT_ONCE = 64
_HERE = Path(__file__).parent
# One process each, as our worker is one; the first takes one task at a time.
POOLS = {"prefork": ("--pool=prefork", "--concurrency=1"), "threads": ("--pool=threads", "--concurrency=16")}


async def bare(sink: str, data: bytes, count: int) -> float:
    """PUTs per second of aiohttp by itself to pre-signed URLs, 64 at a time, nothing else done."""
    left = iter(range(count))
    headers = {"Content-Type": "application/json"}

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            url = URL(f"{sink}/bucket/{uuid4()}.json?{bench.QUERY}", encoded=True)
            async with session.put(url, data=data, headers=headers) as answer:
                await answer.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = perf_counter()
        await asyncio.gather(*(work(session) for _ in range(AT_ONCE)))
        return count / (perf_counter() - started)


@dataclass(frozen=True, slots=True)
class CeleryWorker:
    """One worker process under way; tasks are put into its queue and counted there."""

    environment: dict[str, str]
    python: str
    redis: Path
    pid: int

    async def drain(self, count: int) -> Measured:
        """From all tasks being queued to the acknowledgement of the last one."""
        fill = [self.python, str(_HERE / "celery_tasks.py"), str(count)]
        with processes.halted(self.pid):
            filling = await asyncio.create_subprocess_exec(*fill, env=self.environment, cwd=_HERE)
            if await filling.wait():
                raise RuntimeError("the tasks could not be queued")
        return await measured(self._work(count), count, worker=self.pid)

    async def _work(self, count: int) -> float:
        started = perf_counter()
        while await self._left():  # noqa: ASYNC110 - nobody tells when a queue of Redis is empty
            await asyncio.sleep(0.02)
        return count / (perf_counter() - started)

    async def _left(self) -> int:
        return await _ask(self.redis, "LLEN celery") + await _ask(self.redis, "HLEN unacked")


@contextmanager
def celery(folder: Path, python: str, pool: str, sink: str, data: bytes) -> Iterator[CeleryWorker]:
    """A Celery worker with Redis, run by an interpreter that has celery[redis] and boto3.

    Raises FileNotFoundError, naming what is missing, where something is.
    """
    probe = subprocess.run([python, "-c", "import celery, redis, boto3"], capture_output=True, check=False)
    if probe.returncode:
        raise FileNotFoundError("celery[redis] and boto3, for --celery-python")
    folder.mkdir()
    body = folder / "body"
    body.write_bytes(data)
    with ExitStack() as stack:
        socket = stack.enter_context(processes.redis(folder))
        environment = {
            "BENCHMARK_REDIS": str(socket), "BENCHMARK_SINK": sink, "BENCHMARK_BODY": str(body),
            "PATH": "/usr/bin:/bin", "C_FORCE_ROOT": "1",
        }  # fmt: skip
        command = [python, "-W", "ignore", "-m", "celery", "-A", "celery_tasks", "worker", *POOLS[pool]]
        quiet = ["--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = stack.enter_context(
            processes.running([*command, *quiet], env=environment, cwd=_HERE, stdout=subprocess.DEVNULL)
        )
        yield CeleryWorker(environment, python, socket, worker.pid)


async def _ask(redis: Path, command: str) -> int:
    reader, writer = await asyncio.open_unix_connection(redis)
    try:
        writer.write(f"{command}\r\n".encode())
        return int((await reader.readline()).strip().removeprefix(b":"))
    finally:
        writer.close()
