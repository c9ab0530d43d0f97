"""How long it takes to find recordings among many, by words and by VBQL.

    python -m benchmarks.search [--recordings 20000] [--words 1000]

Calls are made of words as frequent as words are (Zipf), two of them said in one of a hundred calls and in
one of two thousand. Lists are compared with a scan of the same plain texts in the same database (`ilike`),
VBQL with looking at every recording; both in the same run, on the embedded PostgreSQL, with results in a
folder.
"""

import argparse
import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

from callpost.analysis.vbql.parse import parse
from callpost.api.reading import search as reading
from callpost.model.configuration import Configuration
from callpost.model.media import MediaStatus, Metadata, Submission
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.pipeline.index import index
from callpost.pipeline.search import Search
from callpost.store import media as media_store
from callpost.store import organizations, postgres, reports
from callpost.store.database import Database
from callpost.store.media import MediaQuery, NewMedia
from callpost.store.migrate import migrate
from callpost.store.objects import Objects

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_VOCABULARY = 20_000
_IN_ONE_OF = {"cancellation": 100, "whistleblower": 2000}
_TURN = 25
_SCAN_RUNS, _RUNS = 3, 15
_AT_ONCE = 8

_QUERIES = (
    ("said in 1 of 2,000", "whistleblower", "%whistleblower%"),
    ("said in 1 of 100", "cancellation", "%cancellation%"),
    ("both", "cancellation AND whistleblower", None),
    ("a phrase, 1 of 100", '"early cancellation"', "%early cancellation%"),
    ("said in every call", "w1", "% w1 %"),
)
_STATEMENTS = (
    ("said in 1 of 2,000", '"Caller" SAYS "whistle*"'),
    ("said in 1 of 100", '"Caller" SAYS ("early cancel*"/2 && ! "w9999")'),
    ("by metadata alone", "metadata.campaign = 'c7'"),
)


@dataclass(frozen=True, slots=True)
class Stock:
    database: Database
    objects: Objects
    organization_id: UUID


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=1000)
    given = parser.parse_args()
    async with _stock() as stock:
        for start in range(0, given.recordings, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, given.recordings))
            await asyncio.gather(*(_add(stock, number, given.words) for number in numbers))
        print(f"{given.recordings} recordings of {given.words} words")
        await _settle(stock)
        await _lists(stock)
        await _vbql(stock)


@asynccontextmanager
async def _stock() -> AsyncIterator[Stock]:
    with TemporaryDirectory(prefix="callpost-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240 - nobody waits for this
        async with postgres.running(folder / "data", options={"fsync": "off"}) as url:
            await migrate(url)
            database = await Database.open(url)
            async with database.transaction() as connection:
                organization = await organizations.ensure_first(connection)
                await connection.execute("create table plain (media_id uuid, said text)")
            yield Stock(database, Objects(str(folder / "objects")), organization.organization_id)
            await database.close()


async def _add(stock: Stock, number: int, count: int) -> None:
    transcript = _call(number, count)
    configuration = Configuration(analytic_indexing=True)
    metadata = Metadata({"title": f"Call {number}", "extended": {"campaign": f"c{number % 100}"}})
    at = _BEGIN + timedelta(minutes=number)
    new = NewMedia(uuid4(), stock.organization_id, Submission(configuration, metadata), None, at)
    async with stock.database.transaction() as connection:
        await media_store.insert(connection, new)
        media = await media_store.get(connection, stock.organization_id, new.media_id)
        ended = replace(media, status=MediaStatus.FINISHED, date_finished=at, length_ms=400 * count)
        await reports.save(stock.objects, Report(ended, Results(transcript)))
        await media_store.end(connection, ended)
        await index(connection, ended, Results(transcript), configuration)
        said = " ".join(turn.text for turn in transcript.turns)
        await connection.execute("insert into plain values ($1, $2)", new.media_id, said)


_WEIGHTS = list(accumulate(1 / rank for rank in range(1, _VOCABULARY + 1)))


def _call(number: int, count: int) -> Transcript:
    chance = random.Random(number)  # noqa: S311 - the same calls every time
    said = [f"w{rank}" for rank in chance.choices(range(1, _VOCABULARY + 1), cum_weights=_WEIGHTS, k=count)]
    for word, share in _IN_ONE_OF.items():
        if number % share == 0:
            said[count // 2 : count // 2 + 2] = ["early", word]
    words = [Word(word, 400 * place, 400 * place + 350, 0.9) for place, word in enumerate(said)]
    turns = [tuple(words[start : start + _TURN]) for start in range(0, count, _TURN)]
    speakers = ("Caller", "Agent") if len(turns) // 2 % 2 == 0 else ("Agent", "Caller")
    return Transcript(tuple(Turn(speakers[place % 2], place % 2, turn) for place, turn in enumerate(turns)))


async def _settle(stock: Stock) -> None:
    async with stock.database.connection() as connection:
        await connection.execute("vacuum analyze")
        for table in ("media_search", "plain"):
            size = await connection.fetchval(
                "select pg_size_pretty(pg_total_relation_size($1::regclass))", table
            )
            print(f"{table}: {size}")


async def _lists(stock: Stock) -> None:
    print("\n| GET /v3/media?query= | found | index, ms | scan of plain text, ms | times |")
    print("|---|---|---|---|---|")
    for name, query, pattern in _QUERIES:
        wanted = MediaQuery(text=reading.query(query), limit=100)

        async def listed(wanted: MediaQuery = wanted) -> int:
            async with stock.database.connection() as connection:
                return len(await media_store.find(connection, stock.organization_id, wanted))

        async def scanned(pattern: str | None = pattern) -> int:
            async with stock.database.connection() as connection:
                statement = (
                    "select media.* from media join plain using (media_id) where said ilike $1"
                    " order by date_created, media_id limit 100"
                )
                return len(await connection.fetch(statement, pattern))

        found, indexed = await _timed(listed, _RUNS)
        if pattern is None:
            print(f"| {name} | {found} | {indexed:.1f} | | |")
            continue
        expected, scan = await _timed(scanned, _SCAN_RUNS)
        assert found == expected, (name, found, expected)  # noqa: S101 - both must say the same
        print(f"| {name} | {found} | {indexed:.1f} | {scan:.0f} | {scan / indexed:.0f} |")


async def _vbql(stock: Stock) -> None:
    print("\n| VBQL | found | index, ms | every recording, ms | times |\n|---|---|---|---|---|")
    search = Search(stock.database, stock.objects, most=10**6, patience_s=3600)
    every = "wordCount > 0"
    _, all_of_them = await _timed(lambda: _total(search, stock, every), 1)
    for name, statement in _STATEMENTS:
        found, took = await _timed(lambda statement=statement: _total(search, stock, statement), _SCAN_RUNS)
        print(
            f"| {name}: `{statement}` | {found} | {took:.0f} | {all_of_them:.0f} | {all_of_them / took:.0f} |"
        )


async def _total(search: Search, stock: Stock, statement: str) -> int:
    return (await search.run(stock.organization_id, parse(statement))).total


async def _timed(run: Callable[[], Awaitable[int]], runs: int) -> tuple[int, float]:
    """What it found, and the median of its times in milliseconds."""
    found, times = 0, list[float]()
    for _ in range(runs):
        began = time.perf_counter()
        found = await run()
        times.append(1000 * (time.perf_counter() - began))
    return found, median(times)


if __name__ == "__main__":
    asyncio.run(main())
