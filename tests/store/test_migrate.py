import asyncio
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from callpost.errors import ConfigurationProblem
from callpost.store.database import Database
from callpost.store.migrate import migrate, migrations


async def test_migrating_again_changes_nothing(database: Database) -> None:
    await migrate(database.url)
    assert await database.pool.fetchval("select count(*) from migrations") == len(migrations())


async def test_processes_that_migrate_at_once_wait_for_each_other(
    postgres_url: str, database: Database
) -> None:
    name = f"race_{uuid4().hex}"
    await database.pool.execute(f"create database {name}")
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    try:
        await asyncio.gather(*(migrate(url) for _ in range(4)))
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("select count(*) from migrations") == len(migrations())
        await connection.close()
    finally:
        await database.pool.execute(f"drop database {name} with (force)")


async def test_a_database_of_a_later_version_is_refused(database: Database) -> None:
    await database.pool.execute("insert into migrations (number, name) values (9999, 'later')")
    with pytest.raises(ConfigurationProblem, match="9999"):
        await migrate(database.url)
