"""The finished parts of a long recording, kept while it is recognised: whoever comes after a worker that died
goes on from them.

They hold words that a redactor will take out, so that nobody may keep one of a recording that has ended. Two
workers may be at the same recording for moments; they write the same under the same keys.
"""

from uuid import UUID

import structlog

from callpost.speech.recognizer import FinishedPart
from callpost.store import deliveries, objects, reports
from callpost.store import media as media_store
from callpost.store.database import Database
from callpost.store.objects import Objects

log = structlog.get_logger()


class Overtaken(Exception):
    """The recording was ended by somebody else, or deleted: there is nothing more to do for it."""


class Parts:
    """Those of one recording in one processing."""

    def __init__(self, database: Database, objects: Objects, media_id: UUID, run: int) -> None:
        self._database = database
        self._objects = objects
        self._media_id = media_id
        self._run = run
        self._known = 0
        self._waiting: list[FinishedPart] = []

    async def finished(self) -> tuple[bytes, ...]:
        """What there is to go on from."""
        found = await reports.load_parts(self._objects, self._media_id)
        self._known = len(found)
        return found

    async def keep(self, part: FinishedPart) -> None:
        """Keep one, and those before it that could not be kept: no outage is a reason to stop recognition.

        Raises Overtaken.
        """
        self._waiting.append(part)
        try:
            await self._require_under_way()
            while self._waiting:
                await self._save(self._waiting[0])
                del self._waiting[0]
            await self._require_under_way()  # whoever ends it after this removes what was saved
        except (*objects.OUTAGE, *deliveries.OUTAGE) as error:
            log.warning("media.part_not_kept", media_id=str(self._media_id), error=type(error).__name__)

    async def _save(self, part: FinishedPart) -> None:
        await reports.save_part(self._objects, self._media_id, part.number, part.data)
        if part.number > self._known:  # never so far before, be it another model's parts that are there
            async with self._database.connection() as connection:
                await media_store.set_advanced(connection, self._media_id, self._run)

    async def _require_under_way(self) -> None:
        async with self._database.connection() as connection:
            if not await media_store.under_way(connection, self._media_id, self._run):
                raise Overtaken
