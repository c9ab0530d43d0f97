"""A rendition of a recording in another format (docs/how-to-guides/transcoding.md)."""

from pathlib import Path

import av

from callpost.errors import Problem, UnreadableRecording
from callpost.model.configuration import AudioFormat, AudioTranscode
from callpost.speech import audio, containers, writing
from callpost.speech.audio import Report, Track
from callpost.speech.containers import Container
from callpost.speech.writing import Encoding, Form

_CONTAINERS = {
    AudioFormat.WAV: containers.WAV,
    AudioFormat.MP3: Container("audio/mpeg", "mp3", "mp3"),
    AudioFormat.FLAC: Container("audio/flac", "flac", "flac"),
    AudioFormat.OGG: Container("audio/ogg", "ogg", "ogg"),
    AudioFormat.OPUS: Container("audio/ogg", "opus", "ogg"),
}
_ENCODERS = {
    "mp3": "libmp3lame",
    "opus": "libopus",
    "flac": "flac",
    "pcm": "pcm_s16le",
    "mulaw": "pcm_mulaw",
    "alaw": "pcm_alaw",
}
_RATES = {
    "mp3": (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    "opus": (8000, 12_000, 16_000, 24_000, 48_000),
}
"""Hz; the others write any rate."""

_TELEPHONE_RATE = 16_000
_BITS_PER_CHANNEL = {True: 32_000, False: 64_000}  # a second; speech up to the telephone's rate needs half


def transcode(source: Path, target: Path, wanted: AudioTranscode, report: Report) -> tuple[str, str] | None:
    """Write `source` to `target` in the wanted format; None, and nothing written, where it is that already.

    Sampling rates that the codec does not know become the next higher one, more than two channels are mixed
    to two for MP3 and Opus. Returns content type and extension.

    Raises UnreadableRecording: 10201 where the source cannot be read, 50011 where it has several tracks,
    which none of the formats holds, or cannot be written.
    """
    with audio.opened(source) as recording:
        tracks, kind = recording.tracks, recording.kind
    container = _CONTAINERS[wanted.format]
    if kind.muxer == container.muxer and [track.codec for track in tracks] == [_codec(wanted)]:
        return None
    if len(tracks) != 1:
        raise _impossible(kind, f"it has {len(tracks)} tracks")
    try:
        form = Form(container, (_encoding(tracks[0], wanted.codec),))
        writing.write(source, target, form, lambda *_: None, report)
    except (av.error.FFmpegError, ValueError) as error:
        raise _impossible(kind, "it cannot be written so") from error
    return container.content_type, container.extension


def _codec(wanted: AudioTranscode) -> str:
    """ffmpeg's name for what is read back."""
    encoder = _ENCODERS[wanted.codec]
    return encoder.removeprefix("lib").removesuffix("lame")


def _encoding(track: Track, codec: str) -> Encoding:
    rate, layout = track.rate, track.layout
    if codec in _RATES:
        rate = next((known for known in _RATES[codec] if known >= rate), _RATES[codec][-1])
        layout = "mono" if track.channels == 1 else "stereo"
        return Encoding(_ENCODERS[codec], rate, layout, _bit_rate(rate, layout))
    return Encoding(_ENCODERS[codec], rate, layout)


def _bit_rate(rate: int, layout: str) -> int:
    return _BITS_PER_CHANNEL[rate <= _TELEPHONE_RATE] * (1 if layout == "mono" else 2)


def _impossible(kind: Container, reason: str) -> UnreadableRecording:
    message = f"Audio of the type {kind.content_type} is delivered as it is, not transcoded: {reason}."
    return UnreadableRecording(Problem(50011, message, "publish.audioTranscode"))
