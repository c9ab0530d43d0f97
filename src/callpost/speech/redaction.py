"""A rendition of a recording with a tone over what must not be heard; streamed, whatever its length."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer

from callpost.model.redaction import ToneRedaction
from callpost.speech import audio, containers
from callpost.speech.audio import Recording, Report, Track
from callpost.speech.containers import Container

_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libopus"}  # where not named as the decoder
_UNCOMPRESSED = "pcm_s16le"
_BITS_PER_CHANNEL = 64_000  # a second, where the recording does not say its own rate
_REPORT_EVERY_MS = 10_000

Planes = npt.NDArray[np.float32]


def redact(source: Path, target: Path, redaction: ToneRedaction, report: Report) -> tuple[str, str]:
    """Write `source` to `target`, every region replaced by the tone on all channels of all tracks.

    Container and codec stay what they were where ffmpeg can write them (Vorbis becomes Opus); otherwise it
    becomes a WAV, or Matroska for several tracks. Pictures, attachments and tags are left out.
    Returns content type and extension. Raises UnreadableRecording (10201) where the source cannot be read.
    """
    with audio.opened(source) as recording:
        own, plain = _own_form(recording), _plain_form(recording)
    try:
        form = own
        _write(source, target, form, redaction, report)
    except (av.error.FFmpegError, ValueError):
        form = plain
        _write(source, target, form, redaction, report)
    return form.container.content_type, form.container.extension


@dataclass(frozen=True, slots=True)
class _Form:
    """How a rendition is written. encoders: ffmpeg's name of one for each track."""

    container: Container
    encoders: tuple[str, ...]


def _own_form(recording: Recording) -> _Form:
    """What comes closest to the recording itself; ffmpeg may turn out not to write it."""
    encoders = tuple(_ENCODERS.get(track.codec, track.codec) for track in recording.tracks)
    return _Form(containers.written_as(recording.kind), encoders)


def _plain_form(recording: Recording) -> _Form:
    """What ffmpeg always writes."""
    tracks = len(recording.tracks)
    container = containers.WAV if tracks == 1 else containers.MATROSKA_AUDIO
    return _Form(container, (_UNCOMPRESSED,) * tracks)


def _write(source: Path, target: Path, form: _Form, redaction: ToneRedaction, report: Report) -> None:
    muxer = form.container.muxer
    with audio.opened(source) as recording, av.open(f"file:{target}", "w", format=muxer) as out:
        tracks = [
            _Track(track, _added(out, track, encoder), redaction, out)
            for track, encoder in zip(recording.tracks, form.encoders, strict=True)
        ]
        _copy(recording, tracks, report)


def _added(out: OutputContainer, track: Track, encoder: str) -> av.AudioStream:
    stream = cast(av.AudioStream, out.add_stream(encoder, rate=track.rate, layout=track.layout))
    if not encoder.startswith("pcm_"):
        stream.bit_rate = track.bit_rate or _BITS_PER_CHANNEL * track.channels
    return stream


def _copy(recording: Recording, tracks: Sequence["_Track"], report: Report) -> None:
    reported_ms = 0
    for number, frame in recording.frames(set(range(len(tracks)))):
        tracks[number].push(frame)
        if tracks[number].position_ms >= reported_ms + _REPORT_EVERY_MS:
            reported_ms = tracks[number].position_ms
            report(min(0.99, reported_ms / max(recording.duration_ms, reported_ms)), reported_ms)
    for track in tracks:
        track.finish()


class _Track:
    """One track on its way from the recording to the redacted one."""

    def __init__(
        self, track: Track, stream: av.AudioStream, redaction: ToneRedaction, out: OutputContainer
    ) -> None:
        self._out = out
        self._stream = stream
        self._redaction = redaction
        self._rate = track.rate
        self._layout = track.layout
        self._converter = audio.Converter("fltp", track.layout, track.rate)
        self._position = 0  # in samples of this track

    @property
    def position_ms(self) -> int:
        return self._position * 1000 // self._rate

    def push(self, frame: av.AudioFrame) -> None:
        for planes in self._converter.push(frame):
            self._write(planes)

    def finish(self) -> None:
        for planes in self._converter.flush():
            self._write(planes)
        self._out.mux(self._stream.encode(None))

    def _write(self, planes: Planes) -> None:
        _overlay(planes, self._position, self._rate, self._redaction)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.pts = self._position
        self._position += planes.shape[1]
        self._out.mux(self._stream.encode(frame))


def _overlay(planes: Planes, position: int, rate: int, redaction: ToneRedaction) -> None:
    """Replace what of the regions falls into `planes`. position: of its first sample in the track."""
    length = planes.shape[1]
    for start_ms, end_ms in redaction.regions:
        first = max(0, start_ms * rate // 1000 - position)
        last = min(length, -(-end_ms * rate // 1000) - position)
        if first < last:
            time = np.arange(position + first, position + last, dtype=np.float64) / rate
            planes[:, first:last] = redaction.gain * np.sin(2 * np.pi * redaction.tone_hz * time)
