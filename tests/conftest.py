"""Fixtures that every room shares: a migrated database of its own per test, and an object store."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from demo import customer
from demo.customer import Account
from hypothesis import HealthCheck, settings

from callpost.store import postgres
from callpost.store.database import Database
from callpost.store.migrate import migrate
from callpost.store.objects import Objects

# Timings never decide a test: the machine may have other work.
settings.register_profile("callpost", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callpost")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """A PostgreSQL server: the one that is named, or the embedded one."""
    if url := os.environ.get("CALLPOST_TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="callpost-test-") as folder:
        Path(folder).chmod(0o755)
        # What is lost in a power cut is lost with the folder anyway.
        async with postgres.running(Path(folder), options={"fsync": "off"}) as url:
            yield url


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """The name of a migrated database, to be cloned per test."""
    name = f"template_{uuid4().hex}"
    asyncio.run(_execute(postgres_url, f"create database {name}"))
    asyncio.run(migrate(database_url(postgres_url, name)))
    yield name
    asyncio.run(_execute(postgres_url, f"drop database {name} with (force)"))


@pytest.fixture
async def fresh_database_url(postgres_url: str, template_database: str) -> AsyncIterator[str]:
    """The URL of a migrated database that nobody else uses; for tests that start processes."""
    name = f"test_{uuid4().hex}"
    await _execute(postgres_url, f"create database {name} template {template_database}")
    yield database_url(postgres_url, name)
    await _execute(postgres_url, f"drop database {name} with (force)")


@pytest.fixture
async def database(fresh_database_url: str) -> AsyncIterator[Database]:
    opened = await Database.open(fresh_database_url)
    yield opened
    await opened.close()


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "objects"))


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with customer.account(tmp_path_factory.mktemp("account")) as opened:
        yield opened


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that another user may enter; pytest's own are closed to everybody else."""
    with tempfile.TemporaryDirectory(prefix="callpost-test-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


def database_url(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
