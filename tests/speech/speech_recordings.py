"""Writing and reading recordings for the tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from callpost.model.configuration import Ingest
from callpost.speech import audio, ingest
from callpost.speech.recognizer import Recognition

Samples = npt.NDArray[np.int16]
Write = Callable[..., Path]
Transcribe = Callable[..., Recognition]


@dataclass(frozen=True)
class Line:
    """One line of a script. who: "A" for the agent, "C" for the customer. start, end: seconds."""

    who: str
    text: str
    start: float
    end: float


LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad"}


def add_tracks(
    container: av.container.OutputContainer, tracks: Sequence[Samples], codec: str, rate: int
) -> None:
    """Tracks of int16 samples, each of shape (channels, samples)."""
    streams: list[Any] = [
        container.add_stream(
            codec, rate=rate, layout=LAYOUTS[len(samples)], options={"strict": "experimental"}
        )
        for samples in tracks
    ]
    for stream, samples in zip(streams, tracks, strict=True):
        if not codec.startswith("pcm_"):
            stream.bit_rate = 32_000 * len(samples)
    for stream, samples in zip(streams, tracks, strict=True):
        _fill(container, stream, samples, rate)


def _fill(container: av.container.OutputContainer, stream: Any, samples: Samples, rate: int) -> None:
    packed = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=LAYOUTS[len(samples)])
    frame.sample_rate = rate
    for packet in [*stream.encode(frame), *stream.encode(None)]:
        container.mux(packet)


def read(path: Path, track: int = 0) -> Samples:
    """One track as another reader sees it: at its own rate, shape (channels, samples)."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        to_planes = av.AudioResampler(format="s16p", layout=stream.layout.name, rate=stream.rate)
        frames = [out for frame in container.decode(stream) for out in to_planes.resample(frame)]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def heard(path: Path, wanted: Ingest | None = None) -> list[Samples]:
    """What callpost hears: 16 kHz, one array per source."""
    with audio.opened(path) as recording:
        plan = ingest.plan([track.channels for track in recording.tracks], wanted or Ingest())
        blocks = list(recording.blocks(plan.sources, 80_000))
    return [np.concatenate(rows) for rows in zip(*blocks, strict=True)]


def envelope(samples: Samples, rate: int) -> np.ndarray:
    """Loudness in steps of 100 ms, which no codec changes much."""
    step = rate // 10
    whole = samples[: len(samples) // step * step].astype(np.float64).reshape(-1, step)
    return np.sqrt((whole**2).mean(axis=1))


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two envelopes; codecs move the sound by up to a frame or two."""
    length = min(len(one), len(other)) - 3
    shifts = [(at, 0) for at in range(4)] + [(0, at) for at in range(4)]
    return max(float(np.corrcoef(one[a : a + length], other[b : b + length])[0, 1]) for a, b in shifts)
