"""A desk on a real database and object store."""

from collections.abc import AsyncIterator

import pytest
from desk import Desk

from callpost.model.delivery import EndpointPolicy
from callpost.network import Network
from callpost.store import organizations
from callpost.store.database import Database
from callpost.store.objects import Objects


@pytest.fixture
async def desk(database: Database, objects: Objects) -> AsyncIterator[Desk]:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
    async with Network(EndpointPolicy()) as network:
        yield Desk(database, objects, network, organization)
