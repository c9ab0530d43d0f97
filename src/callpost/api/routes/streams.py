"""/v3/media/{mediaId}/streams: the recording itself, and its redacted form, by links that soon expire."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from callpost.api import answers, links, openapi
from callpost.api.auth import Authenticated
from callpost.api.context import Context
from callpost.api.routes import media as media_routes
from callpost.errors import Forbidden, NotFound, Problem
from callpost.model.media import Media, Stream
from callpost.services import Services
from callpost.store import media as media_store
from callpost.store import organizations

router = APIRouter(tags=["Streams"])

_ALIASES = {"redacted": "redacted-audio"}  # as the encryption guide calls it


@router.get("/v3/media/{media_id}/streams", operation_id="getStreamsById")
async def get_streams(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """Links to the recording's streams, valid for 15 minutes."""
    media = await media_routes.find(services, caller, media_id)
    key = await _link_key(services, media)
    url, now = answers.api_url(request, services.settings), datetime.now(UTC)
    path = f"/v3/media/{media_id}"
    found = [
        _stream(stream, links.signed(url, media_id, stream.name, key, now))
        for stream in await _streams(services, media)
    ]
    return answers.json_response(
        {"_links": answers.links(self=f"{path}/streams", media=path), "streams": found}
    )


@router.get(
    "/v3/media/{media_id}/streams/{stream_name}",
    operation_id="getStreamByMediaIdAndName",
    responses=openapi.REDIRECT,
)
async def get_stream(
    media_id: UUID, stream_name: str, request: Request, services: Context, caller: Authenticated
) -> Response:
    """A link to one stream: as JSON where that is asked for (`Accept`), else as a redirect."""
    media = await media_routes.find(services, caller, media_id)
    stream = await _named(services, media, stream_name)
    key = await _link_key(services, media)
    url = answers.api_url(request, services.settings)
    location = links.signed(url, media_id, stream.name, key, datetime.now(UTC))
    if "json" not in request.headers.get("Accept", "").lower():
        return RedirectResponse(location, 302, headers={"Cache-Control": "no-store"})
    path = f"/v3/media/{media_id}/streams"
    document = {"_links": answers.links(self=f"{path}/{quote(stream.name)}", streams=path)}
    return answers.json_response(document | _stream(stream, location))


@router.get(
    "/v3/media/{media_id}/streams/{stream_name}/content",
    operation_id="getStreamContent",
    responses=openapi.AUDIO,
)
async def get_content(
    media_id: UUID, stream_name: str, expires: int, signature: str, services: Context
) -> Response:
    """The bytes, for whoever holds a link that has not expired; no token is needed."""
    async with services.database.connection() as connection:
        media = await media_store.get_any(connection, media_id)
    if media is None:
        raise Forbidden(Problem(10006, "The link's signature is not valid."))
    key = await _link_key(services, media)
    link = links.Signed(expires, signature)
    links.require_valid(link, media_id, stream_name, key, datetime.now(UTC))
    stream = await _named(services, media, stream_name)
    return StreamingResponse(
        services.objects.stream(stream.key),
        media_type=stream.content_type,
        headers={
            "Content-Length": str(stream.size),
            "Content-Disposition": f'attachment; filename="{media_id}-{stream.name}.{stream.extension}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
            "ETag": f'"{stream.sha256}"',
        },
    )


async def _streams(services: Services, media: Media) -> Sequence[Stream]:
    """What the report has; before there is one, the original as soon as its bytes are here."""
    results = await media_routes.results_of(services, media)
    if results is not None and results.streams:
        return results.streams
    async with services.database.connection() as connection:
        source = await media_store.source(connection, media.media_id)
    return (source.original,) if source and source.original else ()


async def _named(services: Services, media: Media, name: str) -> Stream:
    wanted = _ALIASES.get(name.lower(), name.lower())
    for stream in await _streams(services, media):
        if stream.name == wanted:
            return stream
    raise NotFound(Problem(10205, f"The media has no stream {name[:40]}."))


async def _link_key(services: Services, media: Media) -> bytes:
    async with services.database.connection() as connection:
        key = await organizations.link_key(connection, media.organization_id)
    if key is None:
        raise NotFound(Problem(10205, "There is no such organization."))
    return key


def _stream(stream: Stream, location: str) -> answers.Document:
    return {"status": 200, "streamName": stream.name, "streamLocation": location}
