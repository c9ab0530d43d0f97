"""Everything that the API and the worker share, opened once from the settings and closed in order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from callpost.delivery.destination import EndpointPolicy
from callpost.pipeline.accept import Acceptance
from callpost.settings import Settings
from callpost.store import organizations, postgres
from callpost.store.database import Database
from callpost.store.migrate import migrate
from callpost.store.objects import Objects
from callpost.store.organizations import Organization


@dataclass(frozen=True, slots=True)
class Services:
    """What is open. organization: the one that was made at the first start."""

    settings: Settings
    database: Database
    objects: Objects
    acceptance: Acceptance
    organization: Organization

    @property
    def policy(self) -> EndpointPolicy:
        """Which endpoints the operator lets deliveries go to."""
        return self.settings.policy


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """Open everything, bringing the database to this version's schema first.

    Raises ConfigurationProblem where the set-up does not allow it.
    """
    async with AsyncExitStack() as stack:
        url = settings.database_url
        if url is None:
            running = postgres.running(settings.data, user=settings.postgres_user)
            url = await stack.enter_async_context(running)
        await migrate(url)
        database = await Database.open(url, size=settings.database_connections)
        stack.push_async_callback(database.close)
        async with database.transaction() as connection:
            organization = await organizations.ensure_first(connection)
        yield Services(settings, database, Objects(settings.objects), Acceptance(database), organization)
