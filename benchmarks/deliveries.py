"""How fast deliveries go out, durable path included, and whether anything holds them up.

    python benchmarks/deliveries.py [--deliveries 5000] [--waiting 1000000] [--database postgresql://…]

    python benchmarks/deliveries.py [--deliveries 5000] [--waiting 1000000] [--database URL]
same client to the same server is 1.00.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
import structlog
import uvloop

from callpost.delivery.courier import Courier, CourierSettings
from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.model.configuration import Callback, Configuration
from callpost.model.delivery import EndpointPolicy, NewDelivery, RetrySchedule
from callpost.model.media import Media, MediaStatus, Metadata, Submission
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript
from callpost.network import Network, Request
from callpost.render import content
from callpost.store import deliveries, media, organizations, postgres, reports
from callpost.store.database import Database
from callpost.store.deliveries import Limits, Settlement
from callpost.store.media import NewMedia
from callpost.store.migrate import migrate
from callpost.store.objects import Objects

DESTINATIONS = 50
POLICY = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
# The customer's own metadata echoed: next to nothing to render, so that what is measured is the delivery.
METADATA = Callback("https://example.org/", include=("metadata",))
SINK = """
import asyncio, sys, uvloop
class Sink(asyncio.Protocol):
    def connection_made(self, transport): self.transport, self.left, self.head = transport, 0, b""
    def data_received(self, data):
        while data:
            if self.left:
                taken = min(self.left, len(data)); self.left -= taken; data = data[taken:]
                if not self.left: self.answer()
                continue
            self.head += data
            head, end, data = self.head.partition(b"\\r\\n\\r\\n")
            if not end: return
            self.head = b""; self.silent = b" /silent" in head
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\\r\\n")[1:])
            self.left = int(fields.get(b"content-length", 0))
            if not self.left: self.answer()
    def answer(self):
        if not self.silent: self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
uvloop.run(main())
"""


def now() -> datetime:
    return datetime.now(UTC)


class Bench:
    """One database, one stored report, one worker's courier."""

    def __init__(
        self, database: Database, courier: Courier, media_id: UUID, organization_id: UUID, url: str
    ) -> None:
        self.database = database
        self.courier = courier
        self.media_id = media_id
        self.organization_id = organization_id
        self.url = url
        self.number = 0

    def new(self, count: int, *, silent: bool = False, key: str | None = None) -> list[NewDelivery]:
        callback = replace(METADATA, url=f"{self.url}/{'silent' if silent else 'hook'}", method="PUT")
        made = []
        for _ in range(count):
            self.number += 1
            place = key or f"http:{self.number % DESTINATIONS}"
            made.append(
                NewDelivery(
                    uuid4(),
                    self.media_id,
                    self.organization_id,
                    self.number,
                    callback,
                    place,
                    "application/json",
                )
            )
        return made

    async def insert_as_recordings(self, count: int) -> None:
        """Due now, four at a time, as the callbacks of a recording are planned."""
        async with self.database.transaction() as connection:
            for _ in range(0, count, 4):
                await deliveries.insert(connection, self.new(4), now())

    async def insert(self, new: list[NewDelivery], due_at: datetime | None = None) -> None:
        for start in range(0, len(new), 10_000):
            async with self.database.transaction() as connection:
                await deliveries.insert(connection, new[start : start + 10_000], due_at or now())

    @asynccontextmanager
    async def dispatching(self, settled: Callable[[Settlement], None]) -> AsyncIterator[None]:
        stop = asyncio.Event()
        settings = DispatcherSettings(
            at_once=64, limits=Limits(per_destination=8), schedule=RetrySchedule((0,), 1), grace_s=0
        )
        dispatcher = Dispatcher(self.database, self.courier, settings, now, settled=settled)
        task = asyncio.create_task(dispatcher.run(stop))
        yield
        stop.set()
        await task

    async def drain(
        self, count: int, counts: Callable[[str], bool] = lambda _: True
    ) -> tuple[float, list[float]]:
        """Deliver until `count` have arrived; per second, and the seconds each took from its due time."""
        took: list[float] = []
        done = asyncio.Event()

        def settled(settlement: Settlement) -> None:
            if settlement.receipt and counts(settlement.claimed.destination_key):
                took.append((settlement.receipt.delivered_at - settlement.claimed.due_at).total_seconds())
                if len(took) >= count:
                    done.set()

        started = time.perf_counter()
        async with self.dispatching(settled):
            await done.wait()
            per_second = count / (time.perf_counter() - started)
        return per_second, sorted(took)


async def bare(network: Network, url: str, data: bytes, count: int) -> float:
    """PUTs per second of the same client, 64 at a time, nothing else done."""
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await network.send(Request("PUT", url, {"Content-Length": str(len(data))}, data))

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(64)))
    return count / (time.perf_counter() - started)


async def latency(bench: Bench, count: int) -> list[float]:
    """Seconds from the transaction that ends a recording to the object's arrival, one at a time."""
    took: list[float] = []
    arrived = asyncio.Event()

    def settled(settlement: Settlement) -> None:
        if settlement.receipt:
            took.append((settlement.receipt.delivered_at - settlement.claimed.created_at).total_seconds())
            arrived.set()

    async with bench.dispatching(settled):
        await asyncio.sleep(0.5)
        for _ in range(count):
            arrived.clear()
            await bench.insert(bench.new(1))
            await arrived.wait()
    return sorted(took)


def report_of(media_id: UUID, organization_id: UUID) -> Report:
    metadata = Metadata({"extended": {f"attribute{number}": "x" * 40 for number in range(850)}})
    ended = MediaStatus.FINISHED
    made = Media(media_id, organization_id, "Acme", ended, now(), metadata, length_ms=100_000)
    return Report(made, Results(Transcript()))


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def show(name: str, value: str) -> None:
    sys.stdout.write(f"{name:<64} {value}\n")
    sys.stdout.flush()


async def measure(bench: Bench, network: Network, arguments: argparse.Namespace, data: bytes) -> None:
    count = arguments.deliveries
    await bare(network, f"{bench.url}/warm", data, 500)
    base = await bare(network, f"{bench.url}/hook", data, count)
    show(f"bare PUT loop, {len(data) // 1024} KB", f"{base:8.0f}/s  1.00")
    await bench.insert_as_recordings(count)
    cpu = time.process_time()
    alone, _ = await bench.drain(count)
    cpu = (time.process_time() - cpu) / count
    show(f"deliveries, {DESTINATIONS} destinations, durable", f"{alone:8.0f}/s  {alone / base:.2f}")
    show("CPU time per delivery", f"{cpu * 1e6:8.0f} µs")
    idle = await latency(bench, 200)
    text = f"p50 {percentile(idle, 0.5) * 1000:.0f} ms, p99 {percentile(idle, 0.99) * 1000:.0f} ms"
    show("results committed → object present, idle", text)
    await beside_a_silent_destination(bench)
    await beside_many_that_wait(bench, arguments)


async def beside_a_silent_destination(bench: Bench) -> None:
    await bench.insert_as_recordings(2000)
    _, quiet = await bench.drain(2000)
    await bench.insert(bench.new(10_000, silent=True, key="http:dead"))
    await bench.insert_as_recordings(2000)
    _, beside = await bench.drain(2000, lambda key: key != "http:dead")
    ratio = percentile(beside, 0.99) / percentile(quiet, 0.99)
    show("p99 of 2,000 beside a silent destination with 10,000 due", f"{ratio:8.2f} times that without it")
    async with bench.database.connection() as connection:
        await connection.execute("delete from deliveries")


async def beside_many_that_wait(bench: Bench, arguments: argparse.Namespace) -> None:
    count = arguments.deliveries
    await bench.insert_as_recordings(count)
    alone, _ = await bench.drain(count)
    await bench.insert(bench.new(arguments.waiting), now() + timedelta(hours=8))
    async with bench.database.connection() as connection:
        await connection.execute("analyze deliveries")
    await bench.insert_as_recordings(count)
    crowded, _ = await bench.drain(count)
    show(
        f"deliveries beside {arguments.waiting:,} that wait",
        f"{crowded:8.0f}/s  {crowded / alone:.2f} of without",
    )


async def main(arguments: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="callpost-benchmark-")))
        folder.chmod(0o711)  # noqa: ASYNC240 - the embedded server may run as another user
        server_url = arguments.database or await stack.enter_async_context(
            postgres.running(folder / "postgres")
        )
        sink = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE)  # noqa: ASYNC220
        stack.callback(sink.kill)
        assert sink.stdout is not None  # noqa: S101
        url = f"http://127.0.0.1:{int(sink.stdout.readline())}"
        database_url = await stack.enter_async_context(fresh_database(server_url))
        network = await stack.enter_async_context(Network(POLICY))
        await _measure_in(database_url, str(folder / "objects"), network, url, arguments)


@asynccontextmanager
async def fresh_database(server_url: str) -> AsyncIterator[str]:
    name = f"benchmark_{uuid4().hex}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database {name}")
    try:
        database_url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        await migrate(database_url)
        yield database_url
    finally:
        await server.execute(f"drop database {name} with (force)")
        await server.close()


async def _measure_in(
    database_url: str, folder: str, network: Network, url: str, arguments: argparse.Namespace
) -> None:
    database = await Database.open(database_url)
    objects, media_id = Objects(folder), uuid4()
    async with database.transaction() as connection:
        organization = (await organizations.ensure_first(connection)).organization_id
        submission = Submission(Configuration(), Metadata())
        await media.insert(connection, NewMedia(media_id, organization, submission, None, now()))
    report = report_of(media_id, organization)
    await reports.save(objects, report)
    courier = Courier(network, objects, CourierSettings(POLICY, "https://example.org"), now, lambda: None)
    bench = Bench(database, courier, media_id, organization, url)
    await measure(bench, network, arguments, content.render(report, METADATA, "https://example.org"))
    await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--deliveries", type=int, default=5000)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--database", default=os.environ.get("CALLPOST_TEST_DATABASE_URL"))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    uvloop.run(main(parser.parse_args()))
