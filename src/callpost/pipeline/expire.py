"""The end of a recording's time to live, which begins when it and all its deliveries have ended."""

from datetime import datetime

import structlog

from callpost.store import media as media_store
from callpost.store import reports
from callpost.store.database import Database
from callpost.store.objects import Objects

log = structlog.get_logger()

_BATCH = 100


async def expire(database: Database, objects: Objects, now: datetime) -> int:
    """Remove what has expired: first the bytes, then the row that would find them again. Returns how many."""
    async with database.connection() as connection:
        expired = await media_store.expired(connection, now, _BATCH)
    for organization_id, media_id in expired:
        await objects.delete(reports.folder(media_id))
        async with database.transaction() as connection:
            await media_store.delete(connection, organization_id, media_id)
        log.info("media.expired", media_id=str(media_id))
    return len(expired)
