"""Bring a database to this version's schema: numbered files, forward only, one process at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import cast

import asyncpg
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from callpost.errors import ConfigurationProblem
from callpost.store.database import Connection

# Any constant will do, as long as every process of callpost takes the same one.
_ADVISORY_KEY = 7_267_705_001
_LOCK_TIMEOUT = "5s"
_OLDEST_SERVER = 15


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str


def migrations() -> Sequence[Migration]:
    """All migrations of this version, in order."""
    folder = files("callpost.store").joinpath("migrations")
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [
        Migration(int(name.split("_", 1)[0]), name, folder.joinpath(name).read_text(encoding="utf-8"))
        for name in found
    ]


async def migrate(url: str) -> None:
    """Apply what is missing, and the job queue's own schema.

    Raises ConfigurationProblem where the server is too old, or the database comes from a later version.
    """
    connection = await asyncpg.connect(url, timeout=30)
    try:
        _require_server(connection.get_server_version().major)
        await connection.execute("select pg_advisory_lock($1)", _ADVISORY_KEY)
        await _apply_missing(connection)
        await _install_queue(connection)
    finally:
        await connection.close()


def _require_server(major: int) -> None:
    if major < _OLDEST_SERVER:
        raise ConfigurationProblem(
            f"CALLPOST_DATABASE_URL is a PostgreSQL {major}; callpost needs {_OLDEST_SERVER} or later."
        )


async def _apply_missing(connection: Connection) -> None:
    await connection.execute(
        "create table if not exists migrations (number integer primary key, name text not null,"
        " applied_at timestamptz not null default now())"
    )
    applied = {row["number"] for row in await connection.fetch("select number from migrations")}
    known = migrations()
    if later := applied - {migration.number for migration in known}:
        raise ConfigurationProblem(f"The database was made by a later callpost (migration {max(later)}).")
    for migration in known:
        if migration.number not in applied:
            await _apply(connection, migration)


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        # A migration that cannot have its lock soon must not stop everybody else meanwhile.
        await connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into migrations (number, name) values ($1, $2)", migration.number, migration.name
        )


async def _install_queue(connection: Connection) -> None:
    queries = Queries(AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection)))
    if await queries.schema_is_installed():
        await queries.upgrade()
    else:
        async with connection.transaction():
            await queries.install()
