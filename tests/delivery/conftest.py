"""A recording to deliver, and the servers it is delivered to."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest
from delivery_support import Recording, add_recording
from demo import customer
from demo.customer import CALLPOST_ACCOUNT, CUSTOMER_ACCOUNT, Account, Key
from http_server import HttpServer
from seaweed import Seaweed, seaweed

from callpost.store import organizations
from callpost.store.database import Database


@pytest.fixture
async def organization_id(database: Database) -> UUID:
    async with database.transaction() as connection:
        return (await organizations.ensure_first(connection)).organization_id


@pytest.fixture
async def recording(database: Database, organization_id: UUID) -> Recording:
    async with database.transaction() as connection:
        return await add_recording(connection, organization_id)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An AWS-compatible server that enforces signatures, policies and external IDs."""
    with customer.account(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="session")
def callpost_key(account: Account) -> Key:
    """The user that callpost signs with: it may assume roles, and nothing else."""
    return account.make_user(CALLPOST_ACCOUNT, "sts:AssumeRole", "*")


@pytest.fixture(scope="session")
def signer(account: Account) -> Key:
    """The customer's user that signs URLs."""
    return account.make_user(CUSTOMER_ACCOUNT, "s3:PutObject", "*")


@pytest.fixture(scope="session")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """SeaweedFS, a second and independent verifier."""
    with seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.fixture
async def http_server() -> AsyncIterator[HttpServer]:
    """An endpoint that answers as it is told and keeps what it was sent."""
    async with HttpServer() as server:
        yield server
