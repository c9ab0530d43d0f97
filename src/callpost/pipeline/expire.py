"""What goes by itself: recordings whose time to live is over, and what interrupted uploads left behind."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from callpost.store import media as media_store
from callpost.store import organizations, reports
from callpost.store.database import Database
from callpost.store.objects import Entry, Objects

log = structlog.get_logger()

_BATCH = 100
_OWNER = "installation"

ORPHANED_AFTER = timedelta(days=1)
"""No upload takes that long between its last byte and its row."""


async def expire(database: Database, objects: Objects, now: datetime) -> int:
    """Remove what has expired: first the bytes, then the row that would find them again. Returns how many.

    The time to live begins when a recording and all its deliveries have ended.
    """
    async with database.connection() as connection:
        expired = await media_store.expired(connection, now, _BATCH)
    for organization_id, media_id in expired:
        await objects.delete(reports.folder(media_id))
        async with database.transaction() as connection:
            await media_store.delete(connection, organization_id, media_id)
        log.info("media.expired", media_id=str(media_id))
    return len(expired)


async def sweep(database: Database, objects: Objects, now: datetime) -> int:
    """Remove what no row will ever find: left by an API killed in or just after an upload. Returns how many.

    Counts folders without a row whose newest object is older than ORPHANED_AFTER, and unfinished uploads.
    A store that another database's installation uses is left alone.
    """
    if not await _is_ours(database, objects):
        log.error("objects.of_another_installation", remedy="set another CALLPOST_OBJECTS_URL")
        return 0
    before = now - ORPHANED_AFTER
    removed = await objects.discard_unfinished(reports.ROOT, before)
    async for batch in objects.entries(reports.ROOT):
        for media_id in await _without_row(database, _old(batch, before)):
            if await _all_old(objects, media_id, before):
                await objects.delete(reports.folder(media_id))
                log.info("media.orphan_removed", media_id=str(media_id))
                removed += 1
    return removed


async def _is_ours(database: Database, objects: Objects) -> bool:
    """In somebody else's store all would look orphaned: whose it is stands in it since the first sweep."""
    async with database.connection() as connection:
        organization = await organizations.first(connection)
    if organization is None:
        return False
    ours = str(organization.organization_id).encode()
    try:
        return await objects.get_bytes(_OWNER) == ours
    except KeyError:
        await objects.put_bytes(_OWNER, ours)
        return True


def _old(batch: Sequence[Entry], before: datetime) -> list[UUID]:
    found = (reports.media_id(entry.key) for entry in batch if entry.modified < before)
    return list(dict.fromkeys(media_id for media_id in found if media_id is not None))


async def _without_row(database: Database, media_ids: Sequence[UUID]) -> Sequence[UUID]:
    if not media_ids:
        return ()
    async with database.connection() as connection:
        return await media_store.unknown(connection, media_ids)


async def _all_old(objects: Objects, media_id: UUID, before: datetime) -> bool:
    """False also where another worker has just removed it."""
    found = [entry async for batch in objects.entries(reports.folder(media_id)) for entry in batch]
    return bool(found) and all(entry.modified < before for entry in found)
