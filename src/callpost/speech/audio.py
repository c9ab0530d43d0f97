"""Reading a recording: whatever container ffmpeg reads, as blocks of 16 kHz samples, one row per channel.

Nothing here holds a whole recording, and nothing trusts one: headers lie, files end early, frames are broken.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt

from callpost.errors import Problem, UnreadableRecording
from callpost.speech import containers
from callpost.speech.ingest import Source

RATE = 16_000  # Hz; what Whisper and the voice activity detection were trained on
SAMPLES_PER_MS = RATE // 1000

Samples = npt.NDArray[np.int16]

Report = Callable[[float, int], None]
"""Called as work on a recording goes on: with the share done, 0..1, and the milliseconds worked through."""

_HEAD = 4096
_TAIL = 1 << 17  # an Ogg page has at most half of it
_LAYOUTS = {1: "mono", 2: "stereo"}  # some files leave the layout open, or name their two channels oddly
_MOST_CHANNELS = 32  # of one track; what ffmpeg's resampler takes has an end, and recognition a time limit
_LEAST_RATE = 1000  # Hz; a header that says less says that a few kilobytes are days of sound
_PAUSE_S = 0.1  # a shorter one between two frames is rounding, or the recorder's clock
_LONGEST_PAUSE_S = 3600.0
_PAUSE_STEP_S = 10
_SHORTFALL_MS = 1000  # containers round their durations; less than this is not a truncated file


def unreadable(reason: str) -> UnreadableRecording:
    """The error for a recording that is malformed in some way (10201)."""
    return UnreadableRecording(Problem(10201, f"The recording cannot be read: {reason}."))


@dataclass(frozen=True, slots=True)
class Track:
    """One audio track. layout, codec: ffmpeg's names. rate: Hz. bit_rate: per second, 0 if unknown."""

    channels: int
    layout: str
    codec: str
    rate: int
    bit_rate: int


class Recording:
    """An open recording. duration_ms: ffmpeg's guess, 0 where it has none."""

    def __init__(self, container: av.container.InputContainer, ends: "_Ends") -> None:
        name = container.format.name
        self._container = container
        # ffmpeg finds tracks of codecs that it cannot decode, too.
        self._streams = [stream for stream in container.streams.audio if _codec(stream)]
        self._frames = self._damaged = 0
        self.kind = containers.identify(name, pictures=bool(container.streams.video), head=ends.head)
        self.tracks = tuple(_track(stream) for stream in self._streams)
        self.duration_ms = (container.duration or 0) // 1000
        self._stated_ms = containers.stated_duration(name, ends.head, self.duration_ms, ends.size)
        self._clocks: dict[int, _Clock] = {}
        self._cut_off = containers.is_cut_off(name, ends.tail)

    def blocks(self, sources: Sequence[Source], length: int) -> Iterator[tuple[Samples, ...]]:
        """The sound of each source, `length` samples of 16 kHz at a time; the last block is shorter.

        No block at all where nothing could be decoded. Frames that are damaged are left out and remembered
        for `warnings`.
        """
        readers = {source.track: self._reader(source) for source in sources}
        for track, pause_s, frame in self.frames(set(readers)):
            for _ in self._converted(readers[track], pause_s, frame):
                while all(reader.available >= length for reader in readers.values()):
                    yield _taken(readers, sources, length)
        for reader in readers.values():
            reader.flush()
        if self._frames:
            yield from _rest(readers, sources, length)

    def _converted(self, reader: "_Reader", pause_s: float, frame: av.AudioFrame) -> Iterator[None]:
        """Step by step, so that a long pause does not have to be held in memory."""
        try:
            for _ in reader.pause(pause_s):
                yield
            reader.push(frame)
        except av.error.FFmpegError:  # a form that damage made up
            self._damaged += 1
            self._frames -= 1
        yield

    def _reader(self, source: Source) -> "_Reader":
        return _Reader("mono" if source.channel is None else self.tracks[source.track].layout)

    def frames(self, tracks: set[int]) -> Iterator[tuple[int, float, av.AudioFrame]]:
        """Every readable frame of the tracks (0-based among the audio tracks), as it lies in the file.

        Before each frame stands how many seconds were not recorded: those of a participant who joined
        later, of packets that the line lost, of parts that are damaged.
        """
        numbers = {self._streams[track].index: track for track in tracks}
        clocks = self._clocks = {track: self._clock(track) for track in tracks}
        for packet in self._packets(tuple(self._streams[track] for track in tracks)):
            try:
                for frame in packet.decode():
                    self._frames += 1
                    track = numbers[packet.stream.index]
                    yield track, clocks[track].pause_before(frame), frame
            except av.error.FFmpegError:
                self._damaged += 1

    def _clock(self, track: int) -> "_Clock":
        if not containers.has_times(self._container.format.name, self.tracks[track].codec):
            return _Clock(None, 0)
        start_s, length_s = (self._container.start_time or 0) / av.time_base, self.duration_ms / 1000
        return _Clock(start_s, start_s + (length_s or math.inf) + _PAUSE_S)

    def _packets(self, streams: tuple[av.AudioStream, ...]) -> Iterator["av.Packet[av.AudioStream]"]:
        try:
            yield from self._container.demux(streams)
        except av.error.FFmpegError:
            self._damaged += 1

    def warnings(self, length_ms: int) -> tuple[Problem, ...]:
        """What was amiss with a recording of which `length_ms` could be read."""
        return tuple(Problem(10201, message) for message in self._complaints(length_ms))

    def _complaints(self, length_ms: int) -> Iterator[str]:
        if self._damaged:
            yield f"{self._damaged} damaged part(s) of the recording were left out."
        if (
            silent_s := max((clock.paused_s for clock in self._clocks.values()), default=0)
        ) >= _SHORTFALL_MS / 1000:
            yield f"In the middle of the recording {silent_s:.1f} s have no sound; silence stands there."
        if self._stated_ms is not None and length_ms + _SHORTFALL_MS < 0.99 * self._stated_ms:
            claimed = f"{length_ms / 1000:.1f} s of the {self._stated_ms / 1000:.1f} s that its header claims"
            yield f"The recording ends after {claimed}; what could be read was recognised."
        elif self._cut_off:
            yield "The recording was cut off in the middle; what could be read was recognised."


def _codec(stream: av.AudioStream) -> av.AudioCodecContext | None:
    """None where ffmpeg has no decoder, whatever PyAV's types say."""
    return stream.codec_context


def _track(stream: av.AudioStream) -> Track:
    codec = stream.codec_context
    channels = codec.channels
    layout = _LAYOUTS.get(channels, codec.layout.name)
    return Track(channels, layout, codec.codec.canonical_name, codec.sample_rate, codec.bit_rate or 0)


class _Clock:
    """How far a track has come, in seconds of its time stamps; without a start they are not to be trusted."""

    def __init__(self, start_s: float | None, end_s: float) -> None:
        self._at_s = start_s
        self._end_s = end_s
        self._begun = False
        self.paused_s = 0.0  # since the first frame

    def pause_before(self, frame: av.AudioFrame) -> float:
        """Seconds since the end of the frame before; 0 where damage made up a jump that cannot be."""
        if self._at_s is None or frame.time is None or not frame.sample_rate:
            return 0.0
        pause_s = frame.time - self._at_s
        if not _PAUSE_S <= pause_s <= _LONGEST_PAUSE_S or frame.time > self._end_s:
            pause_s = 0.0
        self._at_s += pause_s + frame.samples / frame.sample_rate
        self.paused_s += pause_s if self._begun else 0.0
        self._begun = True
        return pause_s


class Converter:
    """Turns the frames of one track into arrays of one sample format, layout and rate."""

    def __init__(self, sample_format: str, layout: str, rate: int) -> None:
        """sample_format: "s16" or "flt"; packed, because PyAV reads planes beyond the eighth from nowhere."""
        self._type = np.dtype({"s16": np.int16, "flt": np.float32}[sample_format])
        self._channels = av.AudioLayout(layout).nb_channels
        self._rate = rate
        self._new_resampler = partial(av.AudioResampler, format=sample_format, layout=layout, rate=rate)
        self._form: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None
        self._gathered = av.AudioFifo()  # frames of 20 ms cost more to pass on than to convert

    def push(self, frame: av.AudioFrame) -> Iterator[npt.NDArray[Any]]:
        """The samples that come out when `frame` goes in, each array of shape (channels, samples)."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        frame.pts = None  # gaps and jumps in the time stamps must not reach the resampler
        if form != self._form:  # joined-up recordings change their form in the middle
            yield from self.flush()
            self._form, self._resampler = form, self._new_resampler()
            yield from self._attempted(frame)  # at once: a form that damage made up is found out here
            return
        self._gathered.write(frame)
        if self._gathered.samples >= frame.sample_rate:
            yield from self._attempted(self._gathered.read())

    def _attempted(self, frame: av.AudioFrame | None) -> Iterator[npt.NDArray[Any]]:
        try:
            yield from self._resampled(frame)
        except av.error.FFmpegError:
            self._form = self._resampler = None
            self._gathered = av.AudioFifo()
            raise

    def pause(self, seconds: float) -> Iterator[npt.NDArray[Any]]:
        """Silence that was not recorded, a few seconds at a time."""
        left = round(seconds * self._rate)
        if left:
            yield from self.flush()
        while left:
            step = min(left, _PAUSE_STEP_S * self._rate)
            yield np.zeros((self._channels, step), self._type)
            left -= step

    def flush(self) -> Iterator[npt.NDArray[Any]]:
        """What the resampler still holds; the next frame starts a new one."""
        form, self._form = self._form, None
        if form is not None:
            if (gathered := self._gathered.read()) is not None:
                yield from self._resampled(gathered)
            yield from self._resampled(None)
        self._gathered = av.AudioFifo()
        self._resampler = None

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[npt.NDArray[Any]]:
        if self._resampler is not None:
            for out in self._resampler.resample(frame):
                yield out.to_ndarray().reshape(-1, out.layout.nb_channels).T


class _Reader:
    """Collects one track as 16 kHz rows in a given layout."""

    def __init__(self, layout: str) -> None:
        self._converter = Converter("s16", layout, RATE)
        self._waiting: list[Samples] = []
        self.available = 0

    def push(self, frame: av.AudioFrame) -> None:
        self._collect(self._converter.push(frame))

    def pause(self, seconds: float) -> Iterator[None]:
        for rows in self._converter.pause(seconds):
            self._collect((rows,))
            yield

    def flush(self) -> None:
        self._collect(self._converter.flush())

    def _collect(self, arrays: Iterable[Samples]) -> None:
        for rows in arrays:
            self._waiting.append(rows)
            self.available += rows.shape[1]

    def take(self, length: int) -> Samples:
        """Up to `length` samples as an array of shape (channels, samples)."""
        if not self._waiting:
            return np.zeros((1, 0), np.int16)
        rows = np.concatenate(self._waiting, axis=1)
        self._waiting = [rows[:, length:]] if rows.shape[1] > length else []
        self.available = max(0, rows.shape[1] - length)
        return np.ascontiguousarray(rows[:, :length])


def _rest(
    readers: dict[int, _Reader], sources: Sequence[Source], length: int
) -> Iterator[tuple[Samples, ...]]:
    """What is left at the end, be it an empty block: one sample of 8 kHz was heard, though nothing in it."""
    yield _taken(readers, sources, length)
    while any(reader.available for reader in readers.values()):
        yield _taken(readers, sources, length)


def _taken(readers: dict[int, _Reader], sources: Sequence[Source], length: int) -> tuple[Samples, ...]:
    rows = {track: reader.take(length) for track, reader in readers.items()}
    return tuple(
        rows[source.track][min(source.channel or 0, len(rows[source.track]) - 1)] for source in sources
    )


@contextmanager
def opened(path: Path) -> Iterator[Recording]:
    """Open a recording for reading.

    Raises UnreadableRecording (10201) where it is empty, not a recording, or has no sound.
    """
    ends = _ends(path)
    if not ends.head:
        raise unreadable("it is empty")
    options = {"format_whitelist": containers.DEMUXERS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise unreadable("it is not in any format that callpost knows, or is damaged") from error
    with container:
        _require_sound(container)
        yield Recording(container, ends)


def _require_sound(container: av.container.InputContainer) -> None:
    codecs = [_codec(stream) for stream in container.streams.audio]
    if not codecs:
        raise unreadable("it holds no audio")
    known = [codec for codec in codecs if codec is not None]
    if not known:
        raise unreadable("its sound is coded in a way that callpost does not know")
    if (most := max(codec.channels for codec in known)) > _MOST_CHANNELS:
        raise unreadable(f"it has {most} channels, more than {_MOST_CHANNELS}")
    if (least := min(codec.sample_rate for codec in known)) in range(1, _LEAST_RATE):
        raise unreadable(f"it is sampled at {least} Hz, which no speech survives")


@dataclass(frozen=True, slots=True)
class _Ends:
    """What is looked at beside ffmpeg. head: the first bytes, behind the tag that many MP3s begin with."""

    head: bytes
    tail: bytes
    size: int


def _ends(path: Path) -> _Ends:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
        file.seek(0)
        return _Ends(_head(file), tail, size)


def _head(file: BinaryIO) -> bytes:
    head = file.read(_HEAD)
    if head[:3] != b"ID3":
        return head
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
    file.seek(10 + size)
    return file.read(_HEAD) or head
