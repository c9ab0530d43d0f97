"""The bytes of a delivery, the type they travel under and the name they take in a bucket."""

import msgspec

from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.media import Media
from callpost.model.results import Report
from callpost.model.transcript import Transcript
from callpost.render import analytics

_EXTENSIONS = {
    TranscriptFormat.JSON: "json",
    TranscriptFormat.TEXT: "txt",
    TranscriptFormat.SRT: "srt",
    TranscriptFormat.WEBVTT: "vtt",
    TranscriptFormat.DFXP: "dfxp",
}


def render(report: Report, callback: Callback, api_url: str) -> bytes:
    """What an analytics or transcript callback delivers: the same bytes for the same report, every time.

    api_url: scheme, host and path before /v3 under which the customer reaches callpost.
    Raises ValueError for media, which is streamed, and for the transcript of a recording that failed.
    """
    if callback.type is CallbackType.ANALYTICS:
        document = analytics.media_document(
            report.media, report.results, include=callback.include, api_url=api_url
        )
        return msgspec.json.encode(document)
    if callback.type is CallbackType.TRANSCRIPT and report.results is not None:
        return _transcript(report.media, report.results.transcript, callback)
    raise ValueError(f"there is nothing to render for a callback of type {callback.type}")


def content_type(callback: Callback) -> str:
    """The documented Content-Type on the wire (docs/how-to-guides/callbacks.rst)."""
    if callback.type is CallbackType.MEDIA:
        return "application/octet-stream"
    if callback.type is CallbackType.TRANSCRIPT:
        return analytics.CONTENT_TYPES[callback.format or TranscriptFormat.JSON]
    return "application/json"


def object_name(callback: Callback, stream_extension: str | None = None) -> str:
    """The last part of an object's key: analytics.json, transcript.vtt, media/original.wav.

    stream_extension: of the stream's container, without a dot; for media only.
    """
    if callback.type is CallbackType.MEDIA:
        name = f"media/{callback.stream or 'original'}"
        return f"{name}.{stream_extension}" if stream_extension else name
    if callback.type is CallbackType.TRANSCRIPT:
        return f"transcript.{_EXTENSIONS[callback.format or TranscriptFormat.JSON]}"
    return "analytics.json"


def _transcript(media: Media, transcript: Transcript, callback: Callback) -> bytes:
    format_ = callback.format
    if format_ is None or format_ is TranscriptFormat.JSON:
        return msgspec.json.encode(analytics.transcript_document(media, transcript))
    return analytics.transcript_text(transcript, format_, fraction_digits=callback.fraction_digits).encode()
