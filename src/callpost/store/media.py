"""Recordings as rows: what was accepted, how far it came, how it ended. Their bytes are in store/objects."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from callpost.errors import NotFound, Problem
from callpost.model.configuration import Configuration
from callpost.model.media import Media, MediaStatus, Metadata, Progress, Stream, Submission
from callpost.model.search import Wanted
from callpost.store import search
from callpost.store.database import Connection, load_queries

_SQL = load_queries("media")


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A recording that is accepted and not stored yet. original is None while it waits behind a mediaUrl.

    expected_length_ms: as it is thought to be until it is decoded. trace: W3C context of the request.
    """

    media_id: UUID
    organization_id: UUID
    submission: Submission
    original: Stream | None
    date_created: datetime
    expected_length_ms: int | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class MediaQuery:
    """Which recordings of an organization, and in which order.

    after, before: recordings, given by their ids, that bound the page; neither is part of it.
    since: date_created at or after it. until: date_created before it.
    extended: values, as text, by their dotted paths below the metadata's `extended`; those that the
    organization has declared are looked up in an index, which has only what was accepted since.
    text: words of finished recordings; None for any.
    """

    external_id: str | None = None
    after: UUID | None = None
    before: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    extended: Mapping[str, str] = field(default_factory=dict)
    text: Wanted | None = None
    newest_first: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Source:
    """Where a recording's bytes are: stored already, or behind a URL, which may be a secret."""

    original: Stream | None
    media_url: str | None


async def insert(connection: Connection, new: NewMedia) -> None:
    """Store an accepted recording."""
    submission = new.submission
    await connection.execute(
        _SQL["insert"],
        new.media_id,
        new.organization_id,
        new.date_created,
        submission.metadata.document,
        submission.metadata.external_id,
        submission.configuration_document,
        msgspec.json.encode(submission.configuration),
        submission.media_url,
        msgspec.json.encode(new.original) if new.original else None,
        submission.file_name,
        submission.content_type,
        submission.warnings,
        submission.configuration.time_to_live_s,
        new.expected_length_ms,
        new.trace,
    )


async def get(connection: Connection, organization_id: UUID, media_id: UUID) -> Media:
    """A recording of this organization. Raises NotFound (10205) where it has none of that id."""
    row = await connection.fetchrow(_SQL["get"], organization_id, media_id)
    if row is None:
        raise NotFound(Problem(10205, f"There is no media {media_id}."))
    return _media(row)


async def get_any(connection: Connection, media_id: UUID) -> Media | None:
    """A recording of whatever organization; None where it was deleted."""
    row = await connection.fetchrow(_SQL["get_any"], media_id)
    return _media(row) if row else None


async def find(connection: Connection, organization_id: UUID, query: MediaQuery) -> Sequence[Media]:
    """One page of an organization's recordings, ordered by date_created and media_id."""
    matching = () if query.text is None else (search.tsquery(query.text),)
    direction = "newest_first" if query.newest_first else "oldest_first"
    async with _planned_anew(connection, scan=not matching):
        rows = await connection.fetch(
            _SQL[f"matching_{direction}" if matching else direction],
            organization_id,
            query.external_id,
            query.after,
            query.before,
            query.since,
            query.until,
            list(query.extended),
            list(query.extended.values()),
            await _filters(connection, organization_id, query.extended),
            query.limit,
            *matching,
        )
    return [_media(row) for row in rows]


@asynccontextmanager
async def _planned_anew(connection: Connection, *, scan: bool) -> AsyncIterator[None]:
    """What is not asked for must not be in the plan: it would keep the others from their index.

    scan: tables may be read from end to end. The words of all recordings should not: the planner does not
    count what it costs to unpack them, which is ten times as long as to ask the index.
    """
    async with connection.transaction():
        await connection.execute("set local plan_cache_mode = force_custom_plan")
        if not scan:
            await connection.execute("set local enable_seqscan = off")
        yield


async def _filters(
    connection: Connection, organization_id: UUID, extended: Mapping[str, str]
) -> Sequence[str]:
    """The index entries of those values whose fields are declared."""
    if not extended:
        return []
    declared = set(await connection.fetchval(_SQL["declared"], organization_id))
    indexed = {path: value for path, value in extended.items() if path in declared}
    return await connection.fetchval(_SQL["filter_entries"], list(indexed), list(indexed.values())) or []


async def for_vbql(
    connection: Connection, organization_id: UUID, spoken: Wanted | None, most: int
) -> Sequence[UUID]:
    """Finished recordings that VBQL may find and that have these words, the newest first; `most` of them."""
    query = None if spoken is None else search.tsquery(spoken)
    async with _planned_anew(connection, scan=query is None):
        rows = await connection.fetch(_SQL["for_vbql"], organization_id, query, most)
    return [row["media_id"] for row in rows]


async def get_many(
    connection: Connection, organization_id: UUID, media_ids: Sequence[UUID]
) -> Sequence[Media]:
    """Those of the recordings that there are, in no order."""
    rows = await connection.fetch(_SQL["get_many"], organization_id, media_ids)
    return [_media(row) for row in rows]


async def set_running(connection: Connection, media_id: UUID) -> int | None:
    """Begin to process a recording; how often that has happened since it last advanced, this time included.

    None where the recording has ended or was deleted meanwhile: then there is nothing to do.
    """
    starts: int | None = await connection.fetchval(_SQL["set_running"], media_id)
    return starts


async def give_back(connection: Connection, media_id: UUID) -> None:
    """Undo `set_running`: the worker had to go, which is not the recording's fault."""
    await connection.execute(_SQL["give_back"], media_id)


async def under_way(connection: Connection, media_id: UUID, run: int) -> bool:
    """Whether this processing has neither ended nor been deleted; waits for whoever is about to do so."""
    return bool(await connection.fetchval(_SQL["under_way"], media_id, run))


async def set_advanced(connection: Connection, media_id: UUID, run: int) -> None:
    """Forget the starts before this one: what they were for has led to something."""
    await connection.execute(_SQL["set_advanced"], media_id, run)


async def set_progress(connection: Connection, media_id: UUID, progress: Progress) -> None:
    """Say how far a running recording is; one that has ended stays as it is. Within a step it never falls."""
    await connection.execute(_SQL["set_progress"], media_id, progress.step, progress.done)


async def progress(connection: Connection, media_id: UUID) -> Progress | None:
    """How far a recording is; None where it was deleted."""
    row = await connection.fetchrow(_SQL["progress"], media_id)
    return Progress(row["progress_step"], row["progress_done"]) if row else None


async def run(connection: Connection, media_id: UUID) -> int | None:
    """Which processing of a recording this is, from 1; None where it was deleted."""
    number: int | None = await connection.fetchval(_SQL["run"], media_id)
    return number


async def accept_again(
    connection: Connection,
    organization_id: UUID,
    media_id: UUID,
    submission: Submission,
    trace: str | None = None,
) -> bool:
    """Take a recording that has ended to be processed anew, by another configuration.

    False where it is under way, or there is none. Its source and metadata stay as they are.
    """
    done = await connection.execute(
        _SQL["accept_again"],
        organization_id,
        media_id,
        submission.configuration_document,
        msgspec.json.encode(submission.configuration),
        submission.warnings,
        submission.configuration.time_to_live_s,
        trace,
    )
    return _changed(done)


async def end(connection: Connection, media: Media, run: int = 1) -> bool:
    """End a recording as `media` says: finished or failed, with its date, length, type, errors, warnings.

    run: the processing that ends. False where that had ended before, or the recording was deleted: then the
    caller's results must not be published.
    """
    done = await connection.execute(
        _SQL["end"],
        media.media_id,
        media.status,
        media.date_finished,
        media.length_ms,
        media.content_type,
        media.errors,
        media.warnings,
        run,
    )
    return _changed(done)


async def set_recognized(connection: Connection, media_id: UUID, length_ms: int, took_ms: int) -> None:
    """Note how long a recording is, and how long its recognition took without any waiting."""
    await connection.execute(_SQL["set_recognized"], media_id, length_ms, took_ms)


async def set_original(connection: Connection, media_id: UUID, original: Stream) -> bool:
    """Note that the bytes behind the mediaUrl are stored. False where the recording was deleted."""
    return _changed(await connection.execute(_SQL["set_original"], media_id, msgspec.json.encode(original)))


async def set_metadata(
    connection: Connection, organization_id: UUID, media_id: UUID, metadata: Metadata
) -> None:
    """Replace a recording's metadata. Raises NotFound (10205)."""
    async with connection.transaction():
        done = await connection.execute(
            _SQL["set_metadata"], organization_id, media_id, metadata.document, metadata.external_id
        )
        if not _changed(done):
            raise NotFound(Problem(10205, f"There is no media {media_id}."))
        await search.set_metadata(connection, media_id, metadata)


async def source(connection: Connection, media_id: UUID) -> Source | None:
    """Where a recording's bytes are; None where it was deleted."""
    row = await connection.fetchrow(_SQL["source"], media_id)
    return Source(_stream(row["original"]), row["media_url"]) if row else None


async def trace(connection: Connection, media_id: UUID) -> str | None:
    """The W3C trace context in which a recording was accepted; None where it was not traced."""
    found: str | None = await connection.fetchval(_SQL["trace"], media_id)
    return found


async def configuration(connection: Connection, media_id: UUID) -> Configuration | None:
    """What the customer asked for, as it was read at submission; None where the recording was deleted."""
    value = await connection.fetchval(_SQL["configuration"], media_id)
    return None if value is None else msgspec.json.decode(value, type=Configuration)


async def delete(connection: Connection, organization_id: UUID, media_id: UUID) -> None:
    """Remove a recording and its deliveries; to be called in a transaction. Raises NotFound (10205)."""
    await connection.fetch(_SQL["lock_deliveries"], organization_id, media_id)
    if not _changed(await connection.execute(_SQL["delete"], organization_id, media_id)):
        raise NotFound(Problem(10205, f"There is no media {media_id}."))


async def expired(connection: Connection, now: datetime, most: int) -> Sequence[tuple[UUID, UUID]]:
    """Recordings whose time to live is over, as organization and media ids; at most `most` of them."""
    rows = await connection.fetch(_SQL["expired"], now, most)
    return [(row["organization_id"], row["media_id"]) for row in rows]


async def unknown(connection: Connection, media_ids: Sequence[UUID]) -> Sequence[UUID]:
    """Those of the ids that no recording has, whatever its organization."""
    return [row["media_id"] for row in await connection.fetch(_SQL["unknown"], media_ids)]


def _changed(status: str) -> bool:
    return not status.endswith(" 0")


def _stream(value: bytes | None) -> Stream | None:
    return None if value is None else msgspec.json.decode(value, type=Stream)


def _problems(value: Any) -> tuple[Problem, ...]:  # noqa: ANN401 - decoded JSON
    return msgspec.convert(value, tuple[Problem, ...])


def _media(row: asyncpg.Record) -> Media:
    return Media(
        media_id=row["media_id"],
        organization_id=row["organization_id"],
        organization_name=row["organization_name"],
        status=MediaStatus(row["status"]),
        date_created=row["date_created"],
        metadata=Metadata(row["metadata"]),
        date_finished=row["date_finished"],
        length_ms=row["length_ms"],
        content_type=row["content_type"],
        file_name=row["file_name"],
        time_to_live_s=row["time_to_live_s"],
        expires_on=row["expires_on"],
        errors=_problems(row["errors"]),
        warnings=_problems(row["warnings"]),
    )
