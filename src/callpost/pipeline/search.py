"""VBQL over an organization's recordings: an index names the candidates, then each is looked at exactly."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from callpost.analysis.vbql.candidates import candidates, needs_results
from callpost.analysis.vbql.evaluate import Hit, evaluate, possible
from callpost.analysis.vbql.fields import OF_RESULTS, UNKNOWN, Facts, sort_key
from callpost.analysis.vbql.query import HITS, Path, Query
from callpost.analysis.vbql.spoken import Heard
from callpost.model.media import Media
from callpost.model.transcript import Transcript
from callpost.store import media as media_store
from callpost.store import reports
from callpost.store.database import Database
from callpost.store.objects import Objects

# Results of so many recordings are in memory at a time.
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class Row:
    """One recording that matches. values: by the query's columns, but for hits(); order: by its order."""

    media: Media
    hits: tuple[Hit, ...]
    order: tuple[tuple[int, float, str], ...]
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """total: recordings that match. rows: those of the page. complete: every candidate was looked at."""

    total: int
    rows: tuple[Row, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Search:
    """Searches what is stored. most: candidates of one query; patience_s: seconds for all of them."""

    database: Database
    objects: Objects
    most: int = 20_000
    patience_s: float = 20

    async def run(self, organization_id: UUID, query: Query) -> Found:
        """Recordings that VBQL may find and that match, as far as `most` and `patience_s` allow.

        Raises TooBroad.
        """
        async with self.database.connection() as connection:
            words = candidates(query.condition)
            ids = await media_store.for_vbql(connection, organization_id, words, self.most + 1)
        page = _Page(query)
        deadline, examined = time.monotonic() + self.patience_s, 0
        while examined < min(len(ids), self.most) and time.monotonic() < deadline:
            chunk = ids[examined : min(examined + _CHUNK, self.most)]
            page.add(await self._matching(organization_id, chunk, query))
            examined += len(chunk)
        rows = [await self._complete(row, query) for row in page.rows()]
        return Found(page.total, tuple(rows), complete=examined == len(ids))

    async def _matching(self, organization_id: UUID, ids: Sequence[UUID], query: Query) -> list[Row]:
        async with self.database.connection() as connection:
            found = await media_store.get_many(connection, organization_id, ids)
        likely = [facts for facts in map(Facts, found) if possible(query.condition, facts)]
        if needs_results(query):
            loaded = await asyncio.gather(*map(self._load, likely))
            likely = [facts for facts in loaded if facts.results is not None]
        return await asyncio.to_thread(_judge, likely, query)

    async def _complete(self, row: Row, query: Query) -> Row:
        """With the values that only the results have, where they were not needed before."""
        if row.values or not any(column.path[0] in OF_RESULTS for column in query.columns):
            return row if row.values else replace(row, values=_values(Facts(row.media), query))
        return replace(row, values=_values(await self._load(Facts(row.media)), query))

    async def _load(self, facts: Facts) -> Facts:
        """With its results; without where the recording was deleted meanwhile."""
        try:
            report = await reports.load(self.objects, facts.media.media_id)
        except KeyError:
            return facts
        return replace(facts, results=report.results)


@dataclass(slots=True)
class _Page:
    """The best rows so far, no more than the page may need."""

    query: Query
    total: int = 0
    _best: list[Row] = field(default_factory=list)

    def add(self, rows: Sequence[Row]) -> None:
        self.total += len(rows)
        self._best += rows
        self._best.sort(key=lambda row: row.media.media_id)
        for index in reversed(range(len(self.query.order))):
            key = partial(_order_key, index)
            self._best.sort(key=key, reverse=self.query.order[index].descending)
        del self._best[self.query.offset + self.query.limit :]

    def rows(self) -> Sequence[Row]:
        return self._best[self.query.offset :]


def _order_key(index: int, row: Row) -> tuple[int, float, str]:
    return row.order[index]


def _judge(recordings: Sequence[Facts], query: Query) -> list[Row]:
    """Those that match, as rows."""
    found = []
    for facts in recordings:
        transcript = facts.results.transcript if facts.results else Transcript()
        verdict = evaluate(query.condition, facts, Heard(transcript, facts.media.length_ms))
        if verdict.matches:
            keys = tuple(sort_key(facts.value(one.path), descending=one.descending) for one in query.order)
            values = _values(facts, query) if facts.results else {}
            found.append(Row(facts.media, verdict.hits, keys, values))
    return found


def _values(facts: Facts, query: Query) -> dict[str, Any]:
    return {column.name: _plain(facts, column.path) for column in query.columns if column.path != HITS}


def _plain(facts: Facts, path: Path) -> Any:  # noqa: ANN401 - metadata are any JSON
    value = facts.value(path)
    return None if value is UNKNOWN else value
