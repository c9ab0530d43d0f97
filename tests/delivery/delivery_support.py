"""Recordings to deliver, for the tests of this room."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from callpost.delivery.dispatcher import Dispatcher
from callpost.model.configuration import Callback, Configuration
from callpost.model.delivery import NewDelivery
from callpost.model.media import Metadata, Submission
from callpost.store import media
from callpost.store.database import Connection
from callpost.store.media import NewMedia

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recording:
    """A stored recording, and new deliveries of it."""

    organization_id: UUID
    media_id: UUID

    def delivery(
        self, number: int = 1, key: str = "http:one", callback: Callback | None = None
    ) -> NewDelivery:
        return NewDelivery(
            uuid4(),
            self.media_id,
            self.organization_id,
            number,
            callback or Callback("https://example.org/secret-path"),
            key,
            "application/json",
        )


async def add_recording(
    connection: Connection, organization_id: UUID, *, time_to_live_s: int | None = None
) -> Recording:
    media_id = uuid4()
    submission = Submission(Configuration(time_to_live_s=time_to_live_s), Metadata({"externalId": "call-7"}))
    await media.insert(connection, NewMedia(media_id, organization_id, submission, None, NOW))
    return Recording(organization_id, media_id)


@asynccontextmanager
async def at_work(dispatcher: Dispatcher) -> AsyncIterator[None]:
    """Deliver within the block, and stop however it ends: what goes on would hold the database open."""
    stop = asyncio.Event()
    task = asyncio.create_task(dispatcher.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)
