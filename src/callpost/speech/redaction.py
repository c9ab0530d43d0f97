"""A rendition of a recording with a tone over what must not be heard."""

from functools import partial
from pathlib import Path

import av
import numpy as np

from callpost.model.redaction import ToneRedaction
from callpost.speech import audio, containers, writing
from callpost.speech.audio import Recording, Report, Track
from callpost.speech.writing import Encoding, Form, Planes

_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libopus"}  # where not named as the decoder
_UNCOMPRESSED = "pcm_s16le"
_BITS_PER_CHANNEL = 64_000  # a second, where the recording does not say its own rate


def redact(source: Path, target: Path, redaction: ToneRedaction, report: Report) -> tuple[str, str]:
    """Write `source` to `target`, every region replaced by the tone on all channels of all tracks.

    Container and codec stay what they were where ffmpeg can write them (Vorbis becomes Opus); otherwise it
    becomes a WAV, or Matroska for several tracks. Pictures, attachments and tags are left out.
    Returns content type and extension. Raises UnreadableRecording (10201) where the source cannot be read.
    """
    with audio.opened(source) as recording:
        own, plain = _own_form(recording), _plain_form(recording)
    change = partial(_overlay, redaction)
    try:
        form = own
        writing.write(source, target, form, change, report)
    except (av.error.FFmpegError, ValueError):
        form = plain
        writing.write(source, target, form, change, report)
    return form.container.content_type, form.container.extension


def _own_form(recording: Recording) -> Form:
    """What comes closest to the recording itself; ffmpeg may turn out not to write it."""
    encodings = tuple(_own_encoding(track) for track in recording.tracks)
    return Form(containers.written_as(recording.kind), encodings)


def _own_encoding(track: Track) -> Encoding:
    encoder = _ENCODERS.get(track.codec, track.codec)
    lossless = encoder.startswith("pcm_")
    bit_rate = 0 if lossless else track.bit_rate or _BITS_PER_CHANNEL * track.channels
    return Encoding(encoder, track.rate, track.layout, bit_rate)


def _plain_form(recording: Recording) -> Form:
    """What ffmpeg always writes."""
    container = containers.WAV if len(recording.tracks) == 1 else containers.MATROSKA_AUDIO
    return Form(
        container, tuple(Encoding(_UNCOMPRESSED, track.rate, track.layout) for track in recording.tracks)
    )


def _overlay(redaction: ToneRedaction, planes: Planes, position: int, rate: int) -> None:
    """Replace what of the regions falls into `planes`. position: of its first sample in the track."""
    length = planes.shape[1]
    for start_ms, end_ms in redaction.regions:
        first = max(0, start_ms * rate // 1000 - position)
        last = min(length, -(-end_ms * rate // 1000) - position)
        if first < last:
            time = np.arange(position + first, position + last, dtype=np.float64) / rate
            planes[:, first:last] = redaction.gain * np.sin(2 * np.pi * redaction.tone_hz * time)
