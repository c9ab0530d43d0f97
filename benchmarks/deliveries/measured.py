"""What one round of something took, and tables of many."""

import sys
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.deliveries import processes


@dataclass(frozen=True, slots=True)
class Measured:
    """cpu_us, database_us: processor time for each, of the process at work and of PostgreSQL."""

    per_second: float
    cpu_us: float
    database_us: float = 0.0


async def measured(
    work: Awaitable[float], count: int, *, worker: int | None = None, database: int | None = None
) -> Measured:
    """`count` of something. work: how many a second. worker: the process that does it, None: this one."""

    def taken() -> tuple[float, float]:
        own = time.process_time() if worker is None else processes.cpu_s({worker})
        return own, processes.cpu_s({database}) if database else 0.0

    own, of_database = taken()
    per_second = await work
    own_after, of_database_after = taken()
    micro = 1e6 / count
    return Measured(per_second, (own_after - own) * micro, (of_database_after - of_database) * micro)


def ratio(ours: Iterable[float], theirs: Iterable[float]) -> float:
    """The median of the rounds' ratios."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values."""
    return values[min(len(values) - 1, int(len(values) * share))]


def write(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def header(what: str) -> None:
    write(f"\n{what:<44}{'a second':>10}{'ratio':>8}{'CPU µs':>9}{'ratio':>8}{'database µs':>13}")


def row(name: str, rounds: Sequence[Measured], base: Sequence[Measured]) -> None:
    """One line of a table, beside what it is compared with."""
    speed = ratio((one.per_second for one in rounds), (one.per_second for one in base))
    cost = ratio((one.cpu_us for one in rounds), (one.cpu_us for one in base))
    per_second = median(one.per_second for one in rounds)
    cpu_us, database_us = median(one.cpu_us for one in rounds), median(one.database_us for one in rounds)
    write(f"{name:<44}{per_second:>10.0f}{speed:>8.2f}{cpu_us:>9.0f}{cost:>8.2f}{database_us:>13.0f}")
