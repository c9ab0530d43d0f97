"""store/media.py, store/organizations.py and store/keys.py on real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from callpost.errors import NotFound, Problem
from callpost.model.configuration import Callback, ChannelSpec, Configuration, Ingest, TrackSpec
from callpost.model.media import MediaStatus, Metadata, Progress, Stream, Submission
from callpost.store import keys, media, organizations
from callpost.store.database import Connection, Database
from callpost.store.media import MediaQuery, NewMedia

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONFIGURATION = Configuration(
    ingest=Ingest(tracks=(TrackSpec(0, (ChannelSpec("Agent"), ChannelSpec("Caller"))),)),
    callbacks=(Callback("https://example.org/callback", include=("metadata",)),),
    time_to_live_s=60,
)
ORIGINAL = Stream("original", "media/1/original", 12, "ab" * 32, "audio/x-wav", "wav")


async def add(connection: Connection, organization_id: UUID, at: datetime = NOW, **document: Any) -> UUID:
    submission = Submission(CONFIGURATION, Metadata(document), {"publish": {"callbacks": []}})
    new = NewMedia(uuid4(), organization_id, submission, ORIGINAL, at)
    await media.insert(connection, new)
    return new.media_id


@pytest.fixture
async def organization_id(database: Database) -> UUID:
    async with database.transaction() as connection:
        return (await organizations.ensure_first(connection)).organization_id


async def test_a_recording_comes_back_as_it_was_accepted(database: Database, organization_id: UUID) -> None:
    document = {"externalId": "A-1", "extended": {"b": [1, None, {"é": "\u0000"}], "a": 1.5}}
    async with database.connection() as connection:
        media_id = await add(connection, organization_id, **document)
        stored = await media.get(connection, organization_id, media_id)
        assert stored.metadata.document == document
        assert list(stored.metadata.document["extended"]) == ["b", "a"]
        assert (stored.status, stored.date_created) == (MediaStatus.ACCEPTED, NOW)
        assert stored.time_to_live_s == 60
        assert await media.configuration(connection, media_id) == CONFIGURATION
        assert await media.source(connection, media_id) == media.Source(ORIGINAL, None)


async def test_another_organization_does_not_see_it(database: Database, organization_id: UUID) -> None:
    async with database.connection() as connection:
        media_id = await add(connection, organization_id)
        with pytest.raises(NotFound):
            await media.get(connection, uuid4(), media_id)
        with pytest.raises(NotFound):
            await media.delete(connection, uuid4(), media_id)
        assert (await media.get_any(connection, media_id)) is not None


async def test_a_recording_ends_once(database: Database, organization_id: UUID) -> None:
    async with database.connection() as connection:
        media_id = await add(connection, organization_id)
        assert [await media.set_running(connection, media_id) for _ in range(2)] == [1, 2]
        await media.set_progress(connection, media_id, Progress("recognise", 0.5))
        assert await media.progress(connection, media_id) == Progress("recognise", 0.5)
        ended = replace(
            await media.get(connection, organization_id, media_id),
            status=MediaStatus.FINISHED,
            date_finished=NOW,
            length_ms=5000,
            content_type="audio/mpeg",
            warnings=(Problem(10008, "no such property", "publik"),),
        )
        assert await media.end(connection, ended)
        assert not await media.end(connection, replace(ended, status=MediaStatus.FAILED))
        assert await media.set_running(connection, media_id) is None
        assert await media.get(connection, organization_id, media_id) == ended


async def test_a_deleted_recording_cannot_end(database: Database, organization_id: UUID) -> None:
    async with database.connection() as connection:
        media_id = await add(connection, organization_id)
        stored = await media.get(connection, organization_id, media_id)
        await media.delete(connection, organization_id, media_id)
        assert not await media.end(connection, replace(stored, status=MediaStatus.FAILED))
        assert await media.source(connection, media_id) is None
        assert await media.configuration(connection, media_id) is None


async def test_pages_follow_each_other_without_gaps_in_both_directions(
    database: Database, organization_id: UUID
) -> None:
    async with database.connection() as connection:
        # Three of them in the same instant: the id decides then.
        times = [NOW, NOW, NOW, NOW + timedelta(seconds=1), NOW + timedelta(days=1)]
        added = {await add(connection, organization_id, at) for at in times}
        forward = await media.find(connection, organization_id, MediaQuery(limit=2))
        rest = await media.find(connection, organization_id, MediaQuery(after=forward[-1].media_id))
        ids = [item.media_id for item in (*forward, *rest)]
        assert set(ids) == added
        assert len(ids) == len(added)
        newest = await media.find(connection, organization_id, MediaQuery(newest_first=True, limit=2))
        older = await media.find(
            connection, organization_id, MediaQuery(newest_first=True, before=newest[-1].media_id)
        )
        assert [item.media_id for item in (*newest, *older)] == ids[::-1]


async def test_a_page_is_chosen_by_external_id_and_date(database: Database, organization_id: UUID) -> None:
    async with database.connection() as connection:
        first = await add(connection, organization_id, externalId="A")
        await add(connection, organization_id, NOW + timedelta(hours=2), externalId="A")
        await add(connection, organization_id, externalId="B")
        query = MediaQuery(external_id="A", since=NOW, until=NOW + timedelta(hours=1))
        assert [item.media_id for item in await media.find(connection, organization_id, query)] == [first]


async def test_new_metadata_move_the_recording_to_its_new_external_id(
    database: Database, organization_id: UUID
) -> None:
    async with database.connection() as connection:
        media_id = await add(connection, organization_id, externalId="A")
        await media.set_metadata(connection, organization_id, media_id, Metadata({"externalId": "B"}))
        assert not await media.find(connection, organization_id, MediaQuery(external_id="A"))
        assert await media.find(connection, organization_id, MediaQuery(external_id="B"))


async def test_processes_that_start_at_once_make_one_organization(database: Database) -> None:
    async def start() -> UUID:
        async with database.transaction() as connection:
            return (await organizations.ensure_first(connection)).organization_id

    assert len(set(await asyncio.gather(*(start() for _ in range(8))))) == 1


async def test_a_token_is_known_until_it_expires_or_is_revoked(
    database: Database, organization_id: UUID
) -> None:
    later = NOW + timedelta(hours=1)
    async with database.connection() as connection:
        key, token = await keys.create(connection, organization_id, "test", now=NOW, expires_at=later)
        caller = await keys.find(connection, token, NOW)
        assert caller is not None
        assert (caller.key, caller.organization.organization_id) == (key, organization_id)
        assert await keys.find(connection, token, later) is None
        assert await keys.find(connection, token[:-1], NOW) is None
        assert await keys.of_organization(connection, organization_id) == [key]
        assert await keys.revoke(connection, organization_id, key.key_id, NOW)
        assert not await keys.revoke(connection, organization_id, key.key_id, NOW)
        assert await keys.find(connection, token, NOW) is None


async def test_the_token_itself_is_not_kept(database: Database, organization_id: UUID) -> None:
    async with database.connection() as connection:
        _, token = await keys.create(connection, organization_id, "test", now=NOW)
        rows = await connection.fetch("select keys::text as row from keys")
        assert token not in rows[0]["row"]
