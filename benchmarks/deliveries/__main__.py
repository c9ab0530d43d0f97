"""How fast one worker delivers, durable path included, what it takes, and whether anything holds it up.

    python -m benchmarks.deliveries [--quick] [--only PART …] [--database URL] [--celery-python PYTHON]

Analytics of 50 KB, captions and all, go to 50 destinations by pre-signed URLs, to nginx on the loopback
(Debian's package nginx-light; where there is none, to a sink in Python, which takes more of the processor).
What is compared runs in turn, round after round, so that a busy machine slows all of it down; a ratio is the
median of the rounds' ratios. The parts:

throughput  beside a bare loop of PUTs by aiohttp, 64 at a time: recordings of one delivery and of four, whose
            documents were rendered when the recording ended, and documents rendered when they are sent
celery      the same PUTs as tasks of Celery with Redis and boto3, in one worker process. Needs redis-server,
            and python -m venv C && C/bin/pip install 'celery[redis]' boto3, then --celery-python C/bin/python
roles       what a delivery by role takes of the processor, and how often STS is asked
idle        from the transaction that ends a recording to the object's arrival
silent      the p99 of 200 deliveries a second beside a destination that never answers and has 10,000 due
waiting     throughput beside 1,000,000 deliveries that wait for a later retry
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import uvloop
from benchmarks.deliveries import baselines, bench, processes
from benchmarks.deliveries.bench import Bench
from benchmarks.deliveries.measured import Measured, header, measured, percentile, row, write

from callpost.delivery.courier import Courier
from callpost.store import postgres

SILENT_DUE = 10_000
PACED_PER_SECOND = 200
ROLES = 10


@dataclass(frozen=True, slots=True)
class Size:
    """count: deliveries of one round. waiting: those due later. paced_s: length of a stream of deliveries."""

    rounds: int
    count: int
    waiting: int
    paced_s: int


WHOLE = Size(rounds=5, count=4000, waiting=1_000_000, paced_s=10)
QUICK = Size(rounds=2, count=800, waiting=50_000, paced_s=3)


@dataclass(frozen=True, slots=True)
class Run:
    """What every part needs."""

    stack: AsyncExitStack
    folder: Path
    size: Size
    server_url: str
    celery_python: str
    sink: str
    sts: str

    async def bench(self) -> Bench:
        return await self.stack.enter_async_context(
            Bench.opened(self.server_url, self.folder, self.sink, self.sts)
        )


def _ways(count: int) -> dict[str, tuple[int, int, bool]]:
    """How many recordings, how many deliveries of each, and whether their documents are there already."""
    return {
        "one of a recording": (count, 1, True),
        "four of a recording": (count // 4, 4, True),
        "rendered when sent": (count, 1, False),
    }


async def throughput(run: Run) -> None:
    desk, data, count, rounds = await run.bench(), bench.rendered(), run.size.count, []
    await baselines.bare(run.sink, data, 500)
    for _ in range(run.size.rounds):
        found = {"bare PUTs": await measured(baselines.bare(run.sink, data, count), count)}
        for name, (recordings, each, prepared) in _ways(count).items():
            await desk.plan(recordings, each, prepared=prepared)
            found[name] = await _drained(desk, count)
        rounds.append(found)
    _table(f"{len(data) / 1000:.0f} KB to {bench.DESTINATIONS} destinations", rounds)


async def celery(run: Run) -> None:
    desk, data, count, rounds = await run.bench(), bench.rendered(), run.size.count, []
    try:
        for pool in baselines.POOLS:
            with baselines.celery(run.folder / pool, run.celery_python, pool, run.sink, data) as worker:
                for _ in range(run.size.rounds):
                    found = {"Celery": await worker.drain(count // 4)}
                    for name, (recordings, each, prepared) in _ways(count).items():
                        await desk.plan(recordings, each, prepared=prepared)
                        found[name] = await _drained(desk, count)
                    rounds.append(found)
            _table(f"beside Celery's pool {pool}", rounds[-run.size.rounds :])
    except FileNotFoundError as missing:
        write(f"\nCelery is left out: there is no {missing}; see --help.")


async def _drained(desk: Bench, count: int, courier: Courier | None = None) -> Measured:
    async def work() -> float:
        return (await desk.drain(count, courier)).per_second

    return await measured(work(), count, database=await desk.server_process())


def _table(title: str, rounds: Sequence[Mapping[str, Measured]]) -> None:
    """Beside the first of what was measured in each round."""
    header(title)
    base = next(iter(rounds[0]))
    for name in rounds[0]:
        row(name, [one[name] for one in rounds], [one[base] for one in rounds])


async def roles(run: Run) -> None:
    desk, data, count, rounds = await run.bench(), bench.rendered(), run.size.count, []
    courier = desk.courier()
    for _ in range(run.size.rounds):
        found = {"bare PUTs": await measured(baselines.bare(run.sink, data, count), count)}
        for name, by in (("by pre-signed URL", 0), ("by role", ROLES)):
            await desk.plan(count // 4, 4, roles=by)
            found[name] = await _drained(desk, count, courier)
        rounds.append(found)
    _table("by role, four of a recording", rounds)
    made, asked = count * run.size.rounds, courier.sessions.requests
    write(
        f"requests to STS: {asked} for {made} deliveries by {ROLES} roles: one session for each role, and two"
    )
    write("requests, once a day, that prove that the role is closed to others")


async def idle(run: Run) -> None:
    desk, took = await run.bench(), []
    media_id = await desk.recording()
    arrived: asyncio.Queue[float] = asyncio.Queue()
    async with desk.dispatching(lambda settlement: arrived.put_nowait(bench.seconds(settlement))):
        await asyncio.sleep(0.5)
        for number in range(200):
            await desk.insert([desk.presigned(media_id, number)])
            took.append(await arrived.get())
            await asyncio.sleep(0.02)
    write(f"\ncommitted → arrived, idle: p50 {_ms(took, 0.5)}, p99 {_ms(took, 0.99)} of {len(took)}")


async def silent(run: Run) -> None:
    quiet, beside = await run.bench(), await run.bench()
    media_id = await beside.recording()
    await beside.insert([beside.presigned(media_id, number, silent=True) for number in range(SILENT_DUE)])
    alone, crowded = [], []
    for _ in range(run.size.rounds):
        alone += await _paced(quiet, run.size.paced_s)
        crowded += await _paced(beside, run.size.paced_s)
    times = percentile(sorted(crowded), 0.99) / percentile(sorted(alone), 0.99)
    write(f"\n{PACED_PER_SECOND} a second alone: p50 {_ms(alone, 0.5)}, p99 {_ms(alone, 0.99)}")
    write(f"beside {SILENT_DUE} due at a silent one: p50 {_ms(crowded, 0.5)}, p99 {_ms(crowded, 0.99)}")
    write(f"ratio of the p99: {times:.2f}")


async def _paced(desk: Bench, seconds: int) -> list[float]:
    """Seconds that each of a steady stream of deliveries took."""
    took: list[float] = []
    media_id, count = await desk.recording(), seconds * PACED_PER_SECOND
    async with desk.dispatching(lambda settlement: took.append(bench.seconds(settlement))):
        await asyncio.sleep(0.5)
        for first in range(0, count, 4):
            await desk.insert([desk.presigned(media_id, number) for number in range(first, first + 4)])
            await asyncio.sleep(4 / PACED_PER_SECOND)
        async with asyncio.timeout(30):
            while len(took) < count:  # noqa: ASYNC110 - counted in a callback
                await asyncio.sleep(0.05)
    return took


async def waiting(run: Run) -> None:
    none, many, rounds, count = await run.bench(), await run.bench(), [], run.size.count
    await many.wait_much_later(run.size.waiting)
    for _ in range(run.size.rounds):
        found = {}
        for name, desk in (("none waiting", none), ("many waiting", many)):
            await desk.plan(count // 4, 4)
            found[name] = await _drained(desk, count)
        rounds.append(found)
    _table(f"beside {run.size.waiting:,} that wait", rounds)


def _ms(values: Sequence[float], share: float) -> str:
    return f"{percentile(sorted(values), share) * 1000:.1f} ms"


PARTS: dict[str, Callable[[Run], Awaitable[None]]] = {
    part.__name__: part for part in (throughput, celery, roles, idle, silent, waiting)
}


async def main(arguments: argparse.Namespace) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="callpost-benchmark-")))
        folder.chmod(0o711)  # noqa: ASYNC240 - the embedded server may run as another user
        server_url = arguments.database or await stack.enter_async_context(
            postgres.running(folder / "postgres")
        )
        sts = stack.enter_context(processes.python_sink())
        try:
            sink = stack.enter_context(processes.nginx(folder))
        except FileNotFoundError:
            write("There is no nginx (Debian: apt-get install nginx-light); the sink is the one in Python.")
            sink = sts
        size = QUICK if arguments.quick else WHOLE
        run = Run(stack, folder, size, server_url, arguments.celery_python, sink, sts)
        for name in arguments.only or PARTS:
            await PARTS[name](run)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small numbers, for a first look")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--database", default=os.environ.get("CALLPOST_TEST_DATABASE_URL"))
    parser.add_argument("--celery-python", default=sys.executable)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    uvloop.run(main(parser.parse_args()))
