"""Reading a recording: whatever container ffmpeg reads, as blocks of 16 kHz samples, one row per channel.

Nothing here holds a whole recording, and nothing trusts one: headers lie, files end early, frames are broken.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
_LAYOUTS = {1: "mono", 2: "stereo"}  # some files leave the layout open, or name their two channels oddly
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
    """An open recording. duration_ms: ffmpeg's guess, 0 where it has none. size: of the file, in bytes."""

    def __init__(self, container: av.container.InputContainer, head: bytes, size: int) -> None:
        name = container.format.name
        self._container = container
        self._streams = container.streams.audio
        self._frames = self._damaged = 0
        self.kind = containers.identify(name, pictures=bool(container.streams.video), head=head)
        self.tracks = tuple(_track(stream) for stream in self._streams)
        self.duration_ms = (container.duration or 0) // 1000
        self._stated_ms = containers.stated_duration(name, head, self.duration_ms, size)

    def blocks(self, sources: Sequence[Source], length: int) -> Iterator[tuple[Samples, ...]]:
        """The sound of each source, `length` samples of 16 kHz at a time; the last block is shorter.

        No block at all where nothing could be decoded. Frames that are damaged are left out and remembered
        for `warnings`.
        """
        readers = {source.track: self._reader(source) for source in sources}
        for track, frame in self.frames(set(readers)):
            readers[track].push(frame)
            while all(reader.available >= length for reader in readers.values()):
                yield _taken(readers, sources, length)
        for reader in readers.values():
            reader.flush()
        if self._frames:
            yield from _rest(readers, sources, length)

    def _reader(self, source: Source) -> "_Reader":
        return _Reader("mono" if source.channel is None else self.tracks[source.track].layout)

    def frames(self, tracks: set[int]) -> Iterator[tuple[int, av.AudioFrame]]:
        """Every readable frame of the tracks (0-based among the audio tracks), as it lies in the file."""
        numbers = {self._streams[track].index: track for track in tracks}
        for packet in self._packets(tuple(self._streams[track] for track in tracks)):
            try:
                for frame in packet.decode():
                    self._frames += 1
                    yield numbers[packet.stream.index], frame
            except av.error.FFmpegError:
                self._damaged += 1

    def _packets(self, streams: tuple[av.AudioStream, ...]) -> Iterator["av.Packet[av.AudioStream]"]:
        try:
            yield from self._container.demux(streams)
        except av.error.FFmpegError:
            self._damaged += 1

    def warnings(self, length_ms: int) -> tuple[Problem, ...]:
        """What was amiss with a recording of which `length_ms` could be read."""
        problems = []
        if self._damaged:
            problems.append(
                Problem(10201, f"{self._damaged} damaged part(s) of the recording were left out.")
            )
        if self._stated_ms is not None and length_ms + _SHORTFALL_MS < 0.99 * self._stated_ms:
            claimed = f"{length_ms / 1000:.1f} s of the {self._stated_ms / 1000:.1f} s that its header claims"
            message = f"The recording ends after {claimed}; what could be read was recognised."
            problems.append(Problem(10201, message))
        return tuple(problems)


def _track(stream: av.AudioStream) -> Track:
    codec = stream.codec_context
    channels = codec.channels
    layout = _LAYOUTS.get(channels, codec.layout.name)
    return Track(channels, layout, codec.codec.canonical_name, codec.sample_rate, codec.bit_rate or 0)


class Converter:
    """Turns the frames of one track into arrays of one sample format, layout and rate."""

    def __init__(self, sample_format: str, layout: str, rate: int) -> None:
        self._new_resampler = partial(av.AudioResampler, format=sample_format, layout=layout, rate=rate)
        self._form: tuple[str, str, int] | None = None
        self._resampler: av.AudioResampler | None = None

    def push(self, frame: av.AudioFrame) -> Iterator[npt.NDArray[Any]]:
        """The samples that come out when `frame` goes in, each array of shape (channels, samples)."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:  # joined-up recordings change their form in the middle
            yield from self.flush()
            self._form, self._resampler = form, self._new_resampler()
        frame.pts = None  # gaps and jumps in the time stamps must not reach the resampler
        yield from self._resampled(frame)

    def flush(self) -> Iterator[npt.NDArray[Any]]:
        """What the resampler still holds; the next frame starts a new one."""
        yield from self._resampled(None)
        self._form = self._resampler = None

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[npt.NDArray[Any]]:
        if self._resampler is not None:
            yield from (out.to_ndarray() for out in self._resampler.resample(frame))


class _Reader:
    """Collects one track as 16 kHz rows in a given layout."""

    def __init__(self, layout: str) -> None:
        self._converter = Converter("s16p", layout, RATE)
        self._waiting: list[Samples] = []
        self.available = 0

    def push(self, frame: av.AudioFrame) -> None:
        self._collect(self._converter.push(frame))

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
    head = _head(path)
    if not head:
        raise unreadable("it is empty")
    options = {"format_whitelist": containers.DEMUXERS, "protocol_whitelist": "file"}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="ignore")
    except av.error.FFmpegError as error:
        raise unreadable("it is not in any format that callpost knows, or is damaged") from error
    with container:
        if not container.streams.audio:
            raise unreadable("it holds no audio")
        yield Recording(container, head, path.stat().st_size)


def _head(path: Path) -> bytes:
    """The first bytes of the file, behind the tag that many MP3s begin with."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head[:3] != b"ID3":
            return head
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
        file.seek(10 + size)
        return file.read(_HEAD) or head
