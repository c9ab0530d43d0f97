"""The v3 JSON document of a recording: one shape for GET /v3/media/{id} and for analytics callbacks.

Sources: docs/data-formats/media.rst, docs/how-to-guides/callbacks.rst and stereo.md, API version 3.0.11 of
the Swagger document, and real bodies of format versions 3.0.8 and 3.0.27. Where they spell a key in two ways,
both are written. The one-letter keys (p position, c confidence, s start, e end, m kind, w word) exist only in
this room.
"""

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from callpost.errors import Problem
from callpost.model.configuration import TranscriptFormat
from callpost.model.media import Media, Stream
from callpost.model.results import Results
from callpost.model.transcript import UNKNOWN_SPEAKER, Activity, Transcript, Turn, Voice
from callpost.render import sections
from callpost.render.captions import Captions

FORMAT_VERSION = "3.0.27"

ALTERNATE_FORMATS = (
    TranscriptFormat.DFXP,
    TranscriptFormat.WEBVTT,
    TranscriptFormat.SRT,
    TranscriptFormat.TEXT,
)
"""What every analytics callback carries beside the words, in the order VoiceBase sends them."""

CONTENT_TYPES = {
    TranscriptFormat.JSON: "application/json",
    TranscriptFormat.TEXT: "text/plain",
    TranscriptFormat.SRT: "text/srt",
    TranscriptFormat.WEBVTT: "text/vtt",
    TranscriptFormat.DFXP: "application/ttaf+xml",
}
"""docs/how-to-guides/callbacks.rst, the table of Content-Types."""

_PUNCTUATION = re.compile(r"(?<=.)[.,?!;:…]+$")
_ABBREVIATION = re.compile(r"(?:[A-Za-z]\.){2,}$")

Document = dict[str, Any]


def media_document(
    media: Media,
    results: Results | None,
    *,
    include: tuple[str, ...] | None,
    api_url: str,
    alternate: Sequence[TranscriptFormat] = ALTERNATE_FORMATS,
) -> Document:
    """The whole document; of the sections, those that `include` names, or all where it is None.

    results is None while the recording is under way, or where it failed: then `errors` says why.
    alternate: renditions of the transcript to add to its section, in Base64.
    """
    document = _envelope(media, results)
    wanted = {"metadata": media.metadata.document}
    if results is not None:
        wanted |= _result_sections(media, results, include, api_url, alternate)
    document |= {name: value for name, value in wanted.items() if include is None or name in include}
    if media.errors:
        document["errors"] = [{"code": problem.code, "error": str(problem)} for problem in media.errors]
    if warnings := _warnings(media, results):
        document["warnings"] = warnings
    return document


def transcript_document(
    media: Media, transcript: Transcript, *, alternate: Sequence[TranscriptFormat] = ()
) -> Document:
    """The transcript by itself (VbTranscript): GET /v3/media/{id}/transcript and callbacks of format json."""
    head = {"mediaId": str(media.media_id), "status": media.status.value}
    return head | transcript_section(transcript, alternate)


def transcript_section(transcript: Transcript, alternate: Sequence[TranscriptFormat] = ()) -> Document:
    """Words, turns, voice activity and the renditions asked for."""
    section: Document = {
        "confidence": round(transcript.confidence, 3),
        "words": _words(transcript),
        "turns": [_turn(turn) for turn in transcript.turns],
    }
    if transcript.activity:
        section["voiceActivity"] = _voice_activity(transcript.activity)
    if alternate:
        made = Captions(transcript)
        section["alternateFormats"] = [_alternate_format(made, format_) for format_ in alternate]
    return section


def streams_section(media: Media, streams: Iterable[Stream], api_url: str) -> list[Document]:
    """Where the audio is to be fetched. The links hold no signature: a callback must not carry a secret."""
    base = f"{api_url.rstrip('/')}/v3/media/{media.media_id}/streams"
    return [
        {"status": 200, "streamName": stream.name, "streamLocation": f"{base}/{stream.name}"}
        for stream in streams
    ]


def transcript_text(
    transcript: Transcript, format_: TranscriptFormat, *, fraction_digits: int | None = None
) -> str:
    """The transcript in one of the formats that are text. fraction_digits: in SubRip, None: VoiceBase's."""
    made = Captions(transcript)
    if format_ is TranscriptFormat.SRT and fraction_digits is not None:
        return made.srt(fraction_digits=fraction_digits)
    return _written(made, format_)


def timestamp(moment: datetime) -> str:
    """`2018-08-09T02:34:57.973Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _envelope(media: Media, results: Results | None) -> Document:
    values = {
        "_links": _links(f"/v3/media/{media.media_id}", finished=results is not None),
        "formatVersion": FORMAT_VERSION,
        "mediaId": str(media.media_id),
        "accountId": str(media.organization_id),
        "accountName": media.organization_name,
        "interactionType": "speech",
        "status": media.status.value,
        "dateCreated": timestamp(media.date_created),
        "dateFinished": media.date_finished and timestamp(media.date_finished),
        "timeToLiveInSeconds": media.time_to_live_s,
        "expiresOn": media.expires_on and timestamp(media.expires_on),
        "mediaContentType": media.content_type,
        "length": media.length_ms,
    }
    return {name: value for name, value in values.items() if value is not None}


def _links(path: str, *, finished: bool) -> Document:
    links = {"self": path, "progress": f"{path}/progress", "metadata": f"{path}/metadata"}
    if finished:
        transcript = f"{path}/transcript"
        links |= {"transcript": transcript}
        links |= {name: f"{transcript}/{name}" for name in ("text", "srt", "dfxp", "webvtt")}
        links |= {"streams": f"{path}/streams"}
    return {name: {"href": href} for name, href in links.items()}


def _result_sections(
    media: Media,
    results: Results,
    include: tuple[str, ...] | None,
    api_url: str,
    alternate: Sequence[TranscriptFormat],
) -> Document:
    """Every section there is; the transcript, which costs most, only where it will be used."""
    document = sections.render(results)
    if include is None or "transcript" in include:
        document["transcript"] = transcript_section(results.transcript, alternate)
    elif "voiceActivity" in include:
        document["voiceActivity"] = _voice_activity(results.transcript.activity)
    document["streams"] = streams_section(media, results.streams, api_url)
    return document


def _warnings(media: Media, results: Results | None) -> list[Document]:
    problems: dict[Problem, None] = dict.fromkeys((*media.warnings, *(results.warnings if results else ())))
    return [{"code": problem.code, "message": str(problem)} for problem in problems]


def _words(transcript: Transcript) -> list[Document]:
    words: list[Document] = []
    for turn in transcript.turns:
        if turn.speaker not in {"", UNKNOWN_SPEAKER}:
            start, end = turn.start_ms, turn.end_ms
            words.append({"p": len(words), "c": 1.0, "s": start, "e": end, "m": "turn", "w": turn.speaker})
        for word in turn.words:
            # Punctuation is a word of its own, at the moment the word before it ends.
            text, mark = _split(word.text)
            start, end, confidence = word.start_ms, word.end_ms, round(word.confidence, 3)
            words.append({"p": len(words), "c": confidence, "s": start, "e": end, "w": text})
            if word.voice is not None:
                words[-1] |= _voice(word.voice)
            if mark:
                words.append({"p": len(words), "c": 0.0, "s": end, "e": end, "m": "punc", "w": mark})
    return words


def _voice(voice: Voice) -> Document:
    """frq and v (docs/how-to-guides/voice-features.md)."""
    return {"frq": [{"e": peak.energy, "f": peak.frequency} for peak in voice.peaks], "v": voice.volume}


def _split(text: str) -> tuple[str, str]:
    """`help?` → `help`, `?`; an abbreviation such as `a.m.` stays whole."""
    if text[-1:].isalnum() or _ABBREVIATION.match(text):
        return text, ""
    found = _PUNCTUATION.search(text)
    return (text[: found.start()], found.group()) if found else (text, "")


def _turn(turn: Turn) -> Document:
    return {"speaker": turn.speaker, "text": turn.text, "s": turn.start_ms, "e": turn.end_ms}


def _voice_activity(activity: Iterable[Activity]) -> list[Document]:
    by_speaker = defaultdict(list)
    for stretch in activity:
        by_speaker[stretch.speaker].append({"s": stretch.start_ms, "e": stretch.end_ms})
    return [{"speakerName": speaker, "occurrences": found} for speaker, found in by_speaker.items()]


def _alternate_format(made: Captions, format_: TranscriptFormat) -> Document:
    return {
        "format": format_.value,
        "contentType": CONTENT_TYPES[format_],
        "contentEncoding": "Base64",
        "charset": "utf-8",
        "data": b64encode(_written(made, format_).encode()).decode(),
    }


def _written(made: Captions, format_: TranscriptFormat) -> str:
    writers = {
        TranscriptFormat.TEXT: made.text,
        TranscriptFormat.SRT: made.srt,
        TranscriptFormat.WEBVTT: made.webvtt,
        TranscriptFormat.DFXP: made.dfxp,
    }
    return writers[format_]()
