"""The moment a recording becomes ours: ONE transaction writes the media row and the job that processes it.

Also the moment it is taken up again, to be processed by another configuration.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from callpost import tracing
from callpost.delivery import proofs
from callpost.errors import Problem, Rejected
from callpost.model.delivery import EndpointPolicy
from callpost.model.media import Media, Stream, Submission
from callpost.store import media as media_store
from callpost.store import proofs as proof_store
from callpost.store import queue
from callpost.store.database import Connection, Database
from callpost.store.media import NewMedia
from callpost.store.organizations import Organization


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Accepts submissions into one database. receipts: of callbacks by role that say nothing of them."""

    database: Database
    policy: EndpointPolicy = field(default_factory=EndpointPolicy)
    receipts: bool = False

    async def accept(
        self,
        media_id: UUID,
        organization: Organization,
        submission: Submission,
        original: Stream | None,
        now: datetime,
        *,
        expected_length_ms: int | None = None,
    ) -> Media:
        """Take the recording: from here on nothing about it is lost.

        original: the stored bytes, None where they are still to be fetched from `submission.media_url`.
        expected_length_ms: see `forecast.length_ms`; None where nothing is known.
        """
        with tracing.span("accept", {"callpost.media_id": str(media_id)}):
            new = NewMedia(
                media_id,
                organization.organization_id,
                submission,
                original,
                now,
                expected_length_ms,
                tracing.current(),
            )
            async with self.database.transaction() as connection:
                await media_store.insert(connection, new)
                await self._open_proofs(connection, organization.organization_id, media_id, submission, now)
                await queue.enqueue(connection, media_id, submission.configuration.priority)
                return await media_store.get(connection, organization.organization_id, media_id)

    async def accept_again(self, media: Media, submission: Submission) -> Media:
        """Have a recording that has ended analysed and delivered anew. Raises Rejected (10301)."""
        with tracing.span("accept", {"callpost.media_id": str(media.media_id)}):
            async with self.database.transaction() as connection:
                return await self._accept_again(connection, media, submission)

    async def _accept_again(self, connection: Connection, media: Media, submission: Submission) -> Media:
        organization_id, media_id = media.organization_id, media.media_id
        if not await media_store.accept_again(
            connection, organization_id, media_id, submission, tracing.current()
        ):
            raise Rejected(Problem(10301, "The recording is being processed. Wait until it is finished."))
        await self._open_proofs(connection, organization_id, media_id, submission, datetime.now(UTC))
        if submission.metadata.document:
            await media_store.set_metadata(connection, organization_id, media_id, submission.metadata)
        await queue.enqueue(connection, media_id, submission.configuration.priority)
        return await media_store.get(connection, organization_id, media_id)

    async def _open_proofs(
        self,
        connection: Connection,
        organization_id: UUID,
        media_id: UUID,
        submission: Submission,
        now: datetime,
    ) -> None:
        """What is accepted here is accounted for in the manifest of the day, whatever becomes of it."""
        callbacks, day = submission.configuration.callbacks, now.astimezone(UTC).date()
        folders = proofs.folders(media_id, callbacks, self.policy, day, default=self.receipts)
        await proof_store.open_for(connection, organization_id, media_id, folders, now)
