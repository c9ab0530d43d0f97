"""PostgreSQL: one pool, one transaction at a time, SQL in files beside the modules that run it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Any, TypeAlias

import asyncpg
import msgspec

from callpost.errors import CallpostError

# In quotes: asyncpg's classes take parameters only in their stubs.
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

_CONNECT_TIMEOUT_S = 10.0
_STATEMENT_TIMEOUT_S = 60.0
_CLOSE_TIMEOUT_S = 10.0
_NAME = re.compile(r"^-- (name|part): (\w+)\s*$", re.MULTILINE)
_INCLUDED = re.compile(r"\{(\w+)\}")


class DatabaseLost(CallpostError):
    """The database does not answer; it may again, soon."""


def load_queries(module: str) -> Mapping[str, str]:
    """The statements of `store/{module}.sql`, each under its `-- name: …` line.

    Under `-- part: …` is what several statements hold, as `{…}`.
    """
    _, *parts = _NAME.split(files("callpost.store").joinpath(f"{module}.sql").read_text(encoding="utf-8"))
    shared: dict[str, str] = {}
    queries: dict[str, str] = {}
    for kind, name, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        statement = _INCLUDED.sub(lambda found: shared.get(found[1], found[0]), text.strip())
        (queries if kind == "name" else shared)[name] = statement
    return queries


async def _prepare_connection(connection: Connection) -> None:
    """JSON columns travel as Python values. Not jsonb: pgqueuer brings its own encoding for that."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=_to_json, decoder=msgspec.json.decode, format="text"
    )


async def _leave_as_it_is(_: Connection) -> None:
    """Nothing set on a connection outlives its transaction here, so that the pool's own reset would be one
    more round trip after each. An open transaction is rolled back all the same.
    """


def _to_json(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    return msgspec.json.encode(value).decode()


class Database:
    """The pool. Borrow a connection only for the time of one transaction."""

    def __init__(self, pool: Pool, url: str) -> None:
        self.pool = pool
        self.url = url

    @classmethod
    async def open(cls, url: str, *, size: int = 10) -> "Database":
        """Connect to `url` with at most `size` connections.

        Raises OSError or asyncpg.PostgresError where the server cannot be reached.
        """
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            init=_prepare_connection,
            reset=_leave_as_it_is,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_STATEMENT_TIMEOUT_S,
        )
        return cls(pool, url)

    async def close(self) -> None:
        """Close every connection, dropping those that do not come back in time."""
        with suppress(TimeoutError):
            # asyncpg drops what is left when its waiting is cut short.
            await asyncio.wait_for(self.pool.close(), _CLOSE_TIMEOUT_S)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction: committed at the end of the block, rolled back if it raises."""
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for single statements, each its own transaction."""
        async with self.pool.acquire() as connection:
            yield connection
