"""Everything that the API and the worker share, opened once from the settings and closed in order."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from callpost import __version__, tracing
from callpost.delivery.destination import EndpointPolicy
from callpost.errors import ConfigurationProblem
from callpost.pipeline.accept import Acceptance
from callpost.settings import Settings
from callpost.store import organizations, postgres
from callpost.store.database import Database
from callpost.store.deliveries import OUTAGE
from callpost.store.migrate import migrate
from callpost.store.objects import Objects
from callpost.store.organizations import Organization

log = structlog.get_logger()

_RESTART_S = 60.0
_LOOK_S = 0.5
_EXPORT_S = 5  # a collector that is away must not hold up a stop


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
        if settings.otlp_endpoint:
            await stack.enter_async_context(_traced(settings.otlp_endpoint))
        url = settings.database_url
        if url is None:
            running = postgres.running(settings.data, user=settings.postgres_user)
            url = await stack.enter_async_context(running)
        database, organization = await _prepared(url, settings.database_connections)
        stack.push_async_callback(database.close)
        acceptance = Acceptance(database, settings.policy, settings.receipts)
        yield Services(settings, database, Objects(settings.objects), acceptance, organization)


@asynccontextmanager
async def _traced(endpoint: str) -> AsyncIterator[None]:
    """Send spans to a collector, in batches beside the work; those that are left are sent at the end.

    Raises ConfigurationProblem where the exporter is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise ConfigurationProblem(
            "CALLPOST_OTLP_ENDPOINT needs the exporter: install the extra callpost[tracing]."
        ) from None
    name = os.environ.get("OTEL_SERVICE_NAME", "callpost")
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        with tracing.exporting_to(provider):
            yield
    finally:
        await asyncio.to_thread(provider.shutdown)


async def _prepared(url: str, size: int) -> tuple[Database, Organization]:
    """The database, ready for use. One that is lost meanwhile may only be starting again."""
    deadline = time.monotonic() + _RESTART_S
    while True:
        try:
            return await _prepare(url, size)
        except OUTAGE as error:
            if time.monotonic() > deadline:
                raise
            log.warning("services.database_away", error=type(error).__name__)
            await asyncio.sleep(_LOOK_S)


async def _prepare(url: str, size: int) -> tuple[Database, Organization]:
    await migrate(url)
    database = await Database.open(url, size=size)
    try:
        async with database.transaction() as connection:
            return database, await organizations.ensure_first(connection)
    except BaseException:
        database.pool.terminate()
        raise
