"""Writing a rendition of a recording, streamed; pictures, attachments and tags are left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer

from callpost.speech import audio
from callpost.speech.audio import Recording, Report
from callpost.speech.containers import Container

_REPORT_EVERY_MS = 10_000

Planes = npt.NDArray[np.float32]

Change = Callable[[Planes, int, int], None]
"""Changes samples in place: rows of one track, the position of the first of them, their rate in Hz."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one track is written. encoder, layout: ffmpeg's names. rate: Hz. bit_rate: per s, 0: lossless."""

    encoder: str
    rate: int
    layout: str
    bit_rate: int = 0


@dataclass(frozen=True, slots=True)
class Form:
    """How a rendition is written; an encoding for each track of the recording."""

    container: Container
    encodings: tuple[Encoding, ...]


def write(source: Path, target: Path, form: Form, change: Change, report: Report) -> None:
    """Write `source` to `target` in that form, every sample changed by `change`.

    Raises UnreadableRecording (10201) where the source cannot be read, FFmpegError or ValueError where ffmpeg
    does not write that form.
    """
    with (
        audio.opened(source) as recording,
        av.open(f"file:{target}", "w", format=form.container.muxer) as out,
    ):
        tracks = [_Track(encoding, change, out) for encoding in form.encodings]
        _copy(recording, tracks, report)


def _copy(recording: Recording, tracks: Sequence["_Track"], report: Report) -> None:
    reported_ms = 0
    for number, pause_s, frame in recording.frames(set(range(len(tracks)))):
        tracks[number].push(pause_s, frame)
        if tracks[number].position_ms >= reported_ms + _REPORT_EVERY_MS:
            reported_ms = tracks[number].position_ms
            report(min(0.99, reported_ms / max(recording.duration_ms, reported_ms)), reported_ms)
    for track in tracks:
        track.finish()


class _Track:
    """One track on its way from the recording to the rendition."""

    def __init__(self, encoding: Encoding, change: Change, out: OutputContainer) -> None:
        self._out = out
        self._encoding = encoding
        self._change = change
        self._stream = _added(out, encoding)
        self._converter = audio.Converter("flt", encoding.layout, encoding.rate)
        self._position = 0  # in samples of this track

    @property
    def position_ms(self) -> int:
        return self._position * 1000 // self._encoding.rate

    def push(self, pause_s: float, frame: av.AudioFrame) -> None:
        """A frame, and the pause before it: regions are counted in time, as the words of the transcript."""
        for planes in chain(self._converter.pause(pause_s), self._converter.push(frame)):
            self._write(planes)

    def finish(self) -> None:
        for planes in self._converter.flush():
            self._write(planes)
        self._out.mux(self._stream.encode(None))

    def _write(self, planes: Planes) -> None:
        self._change(planes, self._position, self._encoding.rate)
        packed = np.ascontiguousarray(planes.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._encoding.layout)
        frame.sample_rate = self._encoding.rate
        frame.pts = self._position
        self._position += planes.shape[1]
        self._out.mux(self._stream.encode(frame))


def _added(out: OutputContainer, encoding: Encoding) -> av.AudioStream:
    stream = cast(
        av.AudioStream, out.add_stream(encoding.encoder, rate=encoding.rate, layout=encoding.layout)
    )
    if encoding.bit_rate:
        stream.bit_rate = encoding.bit_rate
    return stream
