"""A recording comes in: its bytes into the object store, itself accepted, or nothing is left of it.

Or one that is here already is to be processed anew.
"""

import asyncio
import mimetypes
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath
from uuid import UUID, uuid4

from fastapi import Request

from callpost.api.reading import corrected, definition, multipart, submission, upload
from callpost.api.reading.definition import Names
from callpost.api.reading.multipart import FilePart, Form
from callpost.api.reading.submission import Rules
from callpost.errors import Problem, Rejected, TooLarge
from callpost.model.configuration import Configuration
from callpost.model.media import Media, Stream, Submission
from callpost.model.results import Basis
from callpost.pipeline import again, forecast
from callpost.services import Services
from callpost.store import classifiers, definitions, destinations, reports, workers
from callpost.store import media as media_store
from callpost.store.database import Connection
from callpost.store.definitions import Collection, Documents
from callpost.store.objects import Stored
from callpost.store.organizations import Organization

_UNNAMED_TYPE = "application/octet-stream"
_LONGEST_EXTENSION = 8
_PATIENCE_S = 120


async def receive(request: Request, services: Services, organization: Organization) -> Media:
    """Take one POST /v3/media.

    Raises Rejected with the documented codes, and whatever breaks on the way; nothing is kept then.
    """
    _require_size(request, services.settings.max_upload_bytes)
    intake = _Intake(services, uuid4())
    request.state.media_id = str(intake.media_id)
    try:
        return await intake.accept(request, organization)
    except BaseException:
        await asyncio.shield(intake.clean_up())
        raise


async def receive_again(request: Request, services: Services, media: Media) -> Media:
    """Take one POST /v3/media/{mediaId}.

    Raises Rejected with the documented codes, 10301 where there is no transcript yet to begin with.
    """
    content_type = request.headers.get("Content-Type", "")
    form = await multipart.read(upload.steady(request.stream(), _PATIENCE_S), content_type, _refuse_media)
    now = datetime.now(UTC)
    asked = submission.read_again(form, await _rules(services, media.organization_id, form, now))
    basis = await _basis(services, media)
    again.require_possible(basis, asked.configuration)
    corrected.require_language(asked.corrected, basis.transcript.language)
    asked = await _with_text(services, media.media_id, asked)
    try:
        return await services.acceptance.accept_again(media, asked)
    except BaseException:
        await asyncio.shield(_forget_text(services, media.media_id, asked.configuration))
        raise


async def _with_text(services: Services, media_id: UUID, asked: Submission) -> Submission:
    """The submission, its corrected transcript stored."""
    if asked.corrected is None:
        return asked
    identifier = uuid4()
    await reports.save_corrected(services.objects, media_id, identifier, asked.corrected)
    return replace(asked, configuration=replace(asked.configuration, corrected=identifier))


async def _forget_text(services: Services, media_id: UUID, refused: Configuration) -> None:
    """Remove what `_with_text` stored, unless it was accepted after all: a commit whose answer was lost."""
    async with services.database.connection() as connection:
        accepted = await media_store.configuration(connection, media_id)
    if refused.corrected is not None and (accepted is None or accepted.corrected != refused.corrected):
        await reports.drop_corrected(services.objects, media_id, refused.corrected)


async def _rules(services: Services, organization_id: UUID, form: Form, now: datetime) -> Rules:
    """What holds for this request."""
    names = submission.names(form)
    async with services.database.connection() as connection:
        schedule = await destinations.schedule(connection, organization_id)
        groups = await definitions.named(connection, organization_id, Collection.SPOTTING, names.groups)
        vocabularies = await definitions.named(
            connection, organization_id, Collection.VOCABULARIES, names.vocabularies
        )
        categories = await _categories(connection, organization_id, names)
        trained = await classifiers.ready(connection, organization_id, names.classifiers)
    return Rules(
        services.policy,
        now,
        services.settings.strict,
        definition.known(groups, vocabularies, categories, trained),
        schedule=schedule or services.settings.schedule,
        models=services.settings.models_offered,
    )


async def _categories(connection: Connection, organization_id: UUID, names: Names) -> Documents:
    if names.all_categories:
        return await definitions.of_organization(connection, organization_id, Collection.CATEGORIES)
    return await definitions.named(connection, organization_id, Collection.CATEGORIES, names.categories)


async def _ready_at(services: Services, form: Form, now: datetime, length_ms: int | None) -> datetime | None:
    """When the results are expected; None where nothing depends on it."""
    if not submission.may_expire(form):
        return None
    async with services.database.connection() as connection:
        backlog = await workers.backlog(connection, now, forecast.USUAL_LENGTH_MS)
    return forecast.ready_at(now, length_ms, backlog)


async def _basis(services: Services, media: Media) -> Basis:
    async with services.database.connection() as connection:
        run = await media_store.run(connection, media.media_id)
    basis = (
        await reports.load_basis(services.objects, media.media_id, run or 0) if media.status.ended else None
    )
    if basis is None:
        message = "There is no transcript to process again; the recording has to be recognised first."
        raise Rejected(Problem(10301, message))
    return basis


async def _refuse_media(part: FilePart, chunks: AsyncIterator[bytes]) -> bool:  # noqa: ARG001 - not looked at
    """An empty part is none."""
    async for chunk in chunks:
        if chunk:
            message = "The recording is here already; send a configuration, and neither media nor a mediaUrl."
            raise Rejected(Problem(60004, message, "media"))
    return False


def _require_size(request: Request, limit: int) -> None:
    """Refuse what says itself that it is too large, before any of it is sent (Expect: 100-continue)."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdecimal() and int(declared) > limit + multipart.LARGEST_OVERHEAD:
        raise TooLarge(Problem(10800, f"The request is larger than {limit} bytes."))


class _Intake:
    """One recording on its way in. original is None until its bytes are stored; then length_ms is a guess."""

    def __init__(self, services: Services, media_id: UUID) -> None:
        self.services = services
        self.media_id = media_id
        self.original: Stream | None = None
        self.length_ms: int | None = None

    async def accept(self, request: Request, organization: Organization) -> Media:
        content_type = request.headers.get("Content-Type", "")
        body = upload.steady(request.stream(), _PATIENCE_S)
        form = await multipart.read(body, content_type, self._store)
        now = datetime.now(UTC)
        rules = await _rules(self.services, organization.organization_id, form, now)
        ready_at = await _ready_at(self.services, form, now, self.length_ms)
        asked = submission.read(form, replace(rules, ready_at=ready_at))
        if self.original is not None:
            asked = replace(asked, content_type=self.original.content_type)
        corrected.require_language(asked.corrected, asked.configuration.language)
        asked = await _with_text(self.services, self.media_id, asked)
        return await self.services.acceptance.accept(
            self.media_id, organization, asked, self.original, now, expected_length_ms=self.length_ms
        )

    async def _store(self, part: FilePart, chunks: AsyncIterator[bytes]) -> bool:
        """False for an empty part, which some clients send beside a mediaUrl."""
        key = reports.stream_key(self.media_id, "original")
        limit = self.services.settings.max_upload_bytes
        beginning = upload.Beginning(upload.recording(chunks))
        stored = await self.services.objects.put(key, beginning, limit=limit)
        if not stored.size:
            await self.clean_up()
            return False
        self.original = _stream(part, key, stored)
        self.length_ms = forecast.length_ms(beginning.head, stored.size)
        return True

    async def clean_up(self) -> None:
        """Remove the bytes, unless the row is there after all: a commit whose answer was lost."""
        async with self.services.database.connection() as connection:
            accepted = await media_store.get_any(connection, self.media_id)
        if accepted is None:
            await self.services.objects.delete(reports.folder(self.media_id))


def _stream(part: FilePart, key: str, stored: Stored) -> Stream:
    """The original as its sender describes it; the recogniser will say what it really is."""
    guessed, _ = mimetypes.guess_type(part.file_name or "")
    named = None if part.content_type == _UNNAMED_TYPE else part.content_type
    content_type = named or guessed or _UNNAMED_TYPE
    suffix = PurePath(part.file_name or "").suffix or mimetypes.guess_extension(content_type) or ".bin"
    extension = "".join(filter(str.isalnum, suffix.lower()))[:_LONGEST_EXTENSION]
    return Stream("original", key, stored.size, stored.sha256, content_type, extension or "bin")
