"""/v3/media: recordings in, and what became of them."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from callpost.api import answers, intake, lookup, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import document, metadata
from callpost.api.reading.parameters import Parameters, alternate_formats, media_query
from callpost.model.configuration import TranscriptFormat
from callpost.model.media import Media, MediaStatus, Progress
from callpost.model.results import Results
from callpost.render.analytics import media_document
from callpost.services import Services
from callpost.store import media as media_store
from callpost.store import reports
from callpost.store.media import MediaQuery

router = APIRouter(tags=["Media"])

# VbTaskStatusEnum has no "running".
_TASK_STATUS = {MediaStatus.RUNNING: "started", MediaStatus.SCHEDULED: "pending"}


@router.post("/v3/media", operation_id="postMedia", openapi_extra=openapi.POST_MEDIA)
async def post_media(request: Request, services: Context, caller: Authenticated) -> Response:
    """Upload a recording, or name the URL where it can be fetched, to be processed and delivered."""
    media = await intake.receive(request, services, caller.organization)
    return answers.json_response(_document(request, services, media))


@router.get("/v3/media", operation_id="mediaQuery", openapi_extra=openapi.MEDIA_QUERY)
async def get_media_list(request: Request, services: Context, caller: Authenticated) -> Response:
    """List recordings by date, words, external id and metadata; pages by `after` or `before`."""
    query = media_query(Parameters(request.query_params))
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        for cursor in filter(None, (query.after, query.before)):
            await media_store.get(connection, organization_id, cursor)
        found = await media_store.find(connection, organization_id, query)
    return answers.json_response(
        {
            "_links": answers.links(self="/v3/media")
            | _next(request, query, [media.media_id for media in found]),
            "media": [_document(request, services, media) for media in found],
            "pagination": {
                "limit": query.limit,
                "sortOrder": [{"field": "dateCreated", "direction": "desc" if query.newest_first else "asc"}],
            },
        }
    )


@router.get("/v3/media/{media_id}", operation_id="getMediaById", openapi_extra=openapi.ALTERNATE_FORMATS)
async def get_media(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """A recording with all that was found in it, once it is finished."""
    alternate = alternate_formats(Parameters(request.query_params))
    media = await lookup.media(services, caller, media_id)
    results = await lookup.results(services, media)
    document = await asyncio.to_thread(_document, request, services, media, results, alternate)
    if results is not None:
        document["streams"] = await lookup.stream_documents(request, services, media, results.streams)
    return answers.json_response(document)


@router.post("/v3/media/{media_id}", operation_id="postMediaById", openapi_extra=openapi.POST_MEDIA_AGAIN)
async def post_media_again(
    media_id: UUID, request: Request, services: Context, caller: Authenticated
) -> Response:
    """Analyse a finished recording anew and make new callbacks, by another configuration."""
    found = await lookup.media(services, caller, media_id)
    media = await intake.receive_again(request, services, found)
    return answers.json_response(_document(request, services, media))


@router.delete("/v3/media/{media_id}", operation_id="deleteMediaById", status_code=204)
async def delete_media(media_id: UUID, services: Context, caller: Authenticated) -> Response:
    """Delete a recording, its results and its deliveries for good."""
    async with services.database.transaction() as connection:
        await media_store.delete(connection, caller.organization.organization_id, media_id)
        # Before the commit: if the objects cannot be deleted, the recording is still there to try again.
        await services.objects.delete(reports.folder(media_id))
    return Response(status_code=204)


@router.get("/v3/media/{media_id}/progress", operation_id="getProgressById")
async def get_progress(media_id: UUID, services: Context, caller: Authenticated) -> Response:
    """How far processing is: poll `progress.status` until it is `finished` or `failed`."""
    async with services.database.connection() as connection:
        media = await media_store.get(connection, caller.organization.organization_id, media_id)
        progress = await media_store.progress(connection, media_id)
    return answers.json_response(_job(media, progress or Progress(media.status, 0)))


@router.get("/v3/media/{media_id}/metadata", operation_id="getMetadataById")
async def get_metadata(media_id: UUID, services: Context, caller: Authenticated) -> Response:
    """The metadata as they were sent."""
    media = await lookup.media(services, caller, media_id)
    return answers.json_response(_metadata(media_id, media.metadata.document))


@router.put(
    "/v3/media/{media_id}/metadata", operation_id="setMetadataById", openapi_extra=openapi.PUT_METADATA
)
async def put_metadata(
    media_id: UUID, request: Request, services: Context, caller: Authenticated
) -> Response:
    """Replace the metadata. Deliveries of a finished recording keep those it was finished with."""
    sent = document.parse(await small_body(request), document.METADATA)
    sent.pop("_links", None)
    read = metadata.read(sent)
    async with services.database.connection() as connection:
        await media_store.set_metadata(connection, caller.organization.organization_id, media_id, read)
    return answers.json_response(_metadata(media_id, read.document))


def _document(
    request: Request,
    services: Services,
    media: Media,
    results: Results | None = None,
    alternate: tuple[TranscriptFormat, ...] = (),
) -> dict[str, Any]:
    url = answers.api_url(request, services.settings)
    return media_document(media, results, include=None, api_url=url, alternate=alternate)


def _next(request: Request, query: MediaQuery, ids: list[UUID]) -> answers.Document:
    """The page after this one, where there may be one."""
    if len(ids) < query.limit:
        return {}
    cursor = "before" if query.newest_first else "after"
    return answers.links(next=f"/v3/media?{request.url.include_query_params(**{cursor: ids[-1]}).query}")


def _metadata(media_id: UUID, sent: dict[str, Any]) -> dict[str, Any]:
    path = f"/v3/media/{media_id}"
    return {"_links": answers.links(self=f"{path}/metadata", media=path)} | sent


def _job(media: Media, progress: Progress) -> dict[str, Any]:
    """VbJob. The job has the recording's id, and one task: the step that is under way."""
    status = _TASK_STATUS.get(media.status, media.status.value)
    task = {"taskId": progress.step, "display": progress.step, "phase": "processing", "status": status}
    path = f"/v3/media/{media.media_id}"
    return {
        "_links": answers.links(self=f"{path}/progress", media=path),
        "mediaId": media.media_id,
        "status": media.status,
        "jobId": media.media_id,
        "progress": {
            "jobId": media.media_id,
            "status": status,
            "start": "accepted",
            "finish": "finished",
            "percent": round(progress.done * 100),
            "tasks": [task | {"dependencies": [], "dependents": []}],
        },
    }
