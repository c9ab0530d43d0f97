"""The moment a recording becomes ours: ONE transaction writes the media row and the job that processes it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callpost.model.media import Media, Stream, Submission
from callpost.store import media as media_store
from callpost.store import queue
from callpost.store.database import Database
from callpost.store.media import NewMedia
from callpost.store.organizations import Organization


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepts submissions into one database."""

    database: Database

    async def accept(
        self,
        media_id: UUID,
        organization: Organization,
        submission: Submission,
        original: Stream | None,
        now: datetime,
    ) -> Media:
        """Take the recording: from here on nothing about it is lost.

        original: the stored bytes, None where they are still to be fetched from `submission.media_url`.
        """
        new = NewMedia(media_id, organization.organization_id, submission, original, now)
        async with self.database.transaction() as connection:
            await media_store.insert(connection, new)
            await queue.enqueue(connection, media_id, submission.configuration.priority)
            return await media_store.get(connection, organization.organization_id, media_id)
