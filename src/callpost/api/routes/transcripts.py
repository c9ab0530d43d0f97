"""/v3/media/{mediaId}/transcript: what was said, as words with times or as captions."""

import asyncio
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response

from callpost.api import answers, lookup, openapi
from callpost.api.auth import Authenticated
from callpost.api.context import Context
from callpost.api.reading.parameters import Parameters, alternate_formats, fraction_digits
from callpost.errors import NotFound, Problem
from callpost.model.configuration import TranscriptFormat
from callpost.model.media import Media
from callpost.model.transcript import Transcript
from callpost.render import analytics
from callpost.services import Services
from callpost.store.keys import Caller

router = APIRouter(tags=["Transcripts"])

# On the wire the Swagger file has ttml+xml here, while callbacks have ttaf+xml.
_TTML, _TTAF = "application/ttml+xml", "application/ttaf+xml"
# The generated Go client decodes every 200 as JSON, plain text too, and so always fails on a caption.
_GO_CLIENT = "Swagger-Codegen/1.0.0/go"


@router.get(
    "/v3/media/{media_id}/transcript", operation_id="getTranscript", openapi_extra=openapi.ALTERNATE_FORMATS
)
async def get_transcript(
    media_id: UUID, request: Request, services: Context, caller: Authenticated
) -> Response:
    """The words with their times and confidences, and the turns."""
    alternate = alternate_formats(Parameters(request.query_params))
    media, transcript = await _finished(services, caller, media_id)
    document = await asyncio.to_thread(analytics.transcript_document, media, transcript, alternate=alternate)
    path = f"/v3/media/{media_id}"
    return answers.json_response({"_links": answers.links(self=f"{path}/transcript", media=path)} | document)


@router.get(
    "/v3/media/{media_id}/transcript/text", operation_id="getTextById", responses=openapi.text("text/plain")
)
async def get_text(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """The transcript on one line, speakers named."""
    return await _captions(request, services, caller, media_id, TranscriptFormat.TEXT)


@router.get(
    "/v3/media/{media_id}/transcript/srt",
    operation_id="getSrtById",
    responses=openapi.text("text/srt"),
    openapi_extra=openapi.FRACTION_DIGITS,
)
async def get_srt(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """SubRip captions."""
    digits = fraction_digits(Parameters(request.query_params))
    return await _captions(request, services, caller, media_id, TranscriptFormat.SRT, digits=digits)


@router.get(
    "/v3/media/{media_id}/transcript/webvtt", operation_id="getWebVttById", responses=openapi.text("text/vtt")
)
async def get_webvtt(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """WebVTT captions."""
    return await _captions(request, services, caller, media_id, TranscriptFormat.WEBVTT)


@router.get(
    "/v3/media/{media_id}/transcript/dfxp",
    operation_id="getSubtitleDfxpById",
    responses=openapi.text(_TTML, _TTAF),
)
async def get_dfxp(media_id: UUID, request: Request, services: Context, caller: Authenticated) -> Response:
    """DFXP captions; `Accept` chooses between the two types that VoiceBase documents."""
    return await _captions(request, services, caller, media_id, TranscriptFormat.DFXP)


async def _captions(
    request: Request,
    services: Services,
    caller: Caller,
    media_id: UUID,
    format_: TranscriptFormat,
    *,
    digits: int | None = None,
) -> Response:
    _, transcript = await _finished(services, caller, media_id)
    text = await asyncio.to_thread(analytics.transcript_text, transcript, format_, fraction_digits=digits)
    kind = _content_type(request, format_)
    if request.headers.get("User-Agent") == _GO_CLIENT:
        return Response(msgspec.json.encode(text), media_type=kind)
    return Response(text, media_type=kind)


def _content_type(request: Request, format_: TranscriptFormat) -> str:
    if format_ is TranscriptFormat.DFXP:
        return _TTAF if _TTAF in request.headers.get("Accept", "").lower() else _TTML
    return analytics.CONTENT_TYPES[format_]


async def _finished(services: Services, caller: Caller, media_id: UUID) -> tuple[Media, Transcript]:
    """Raises NotFound: 10205 where there is no such recording, 10301 where it is not finished."""
    media = await lookup.media(services, caller, media_id)
    results = await lookup.results(services, media)
    if results is None:
        message = (
            f"Transcripts only become available when a media item has status finished; it is {media.status}."
        )
        raise NotFound(Problem(10301, message))
    return media, results.transcript
