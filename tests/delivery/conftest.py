"""A recording to deliver."""

from uuid import UUID

import pytest

from callpost.store import organizations
from callpost.store.database import Database
from delivery_support import Recording, add_recording


@pytest.fixture
async def organization_id(database: Database) -> UUID:
    async with database.transaction() as connection:
        return (await organizations.ensure_first(connection)).organization_id


@pytest.fixture
async def recording(database: Database, organization_id: UUID) -> Recording:
    async with database.transaction() as connection:
        return await add_recording(connection, organization_id)
