"""/v3/media/{mediaId}/streams: the recording itself, and its redacted form, by links that soon expire."""

from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from callpost.api import answers, links, lookup, openapi
from callpost.api.auth import Authenticated
from callpost.api.context import Context
from callpost.errors import Forbidden, NotFound, Problem
from callpost.model.media import Media, Stream
from callpost.services import Services
from callpost.store import media as media_store

router = APIRouter(tags=["Streams"])

_ALIASES = {"redacted": "redacted-audio"}  # as the encryption guide calls it


@router.get("/v3/media/{media_id}/streams", operation_id="getStreamsById")
async def get_streams(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """Links to the recording's streams, valid for 15 minutes."""
    media = await lookup.media(services, caller, media_id)
    streams = await lookup.streams(services, media)
    found = await lookup.stream_documents(request, services, media, streams)
    path = f"/v3/media/{media_id}"
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
    media = await lookup.media(services, caller, media_id)
    stream = await _named(services, media, stream_name)
    [found] = await lookup.stream_documents(request, services, media, [stream])
    if "json" not in request.headers.get("Accept", "").lower():
        return RedirectResponse(found["streamLocation"], 302, headers={"Cache-Control": "no-store"})
    path = f"/v3/media/{media_id}/streams"
    return answers.json_response(
        {"_links": answers.links(self=f"{path}/{quote(stream.name)}", streams=path)} | found
    )


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
    key = await lookup.link_key(services, media.organization_id)
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


async def _named(services: Services, media: Media, name: str) -> Stream:
    wanted = _ALIASES.get(name.lower(), name.lower())
    for stream in await lookup.streams(services, media):
        if stream.name == wanted:
            return stream
    raise NotFound(Problem(10205, f"The media has no stream {name[:40]}."))
