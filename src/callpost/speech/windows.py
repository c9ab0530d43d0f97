"""Finding the speech in a channel and cutting it into windows short enough to be recognised at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from callpost.speech.activity import Region, speech
from callpost.speech.audio import RATE, Samples

LONGEST = 10 * RATE  # longer windows cost the encoder more than they gain (quadratic in its length)
_PAUSE = RATE  # a longer silence is not carried inside a window
_PADDING = int(0.4 * RATE)  # kept around speech: the detection trims soft beginnings and ends
_SETTLED = RATE  # speech that ends closer to the end of what was read may go on


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one source to be recognised at once.

    start: in samples from the beginning of the recording. samples: 16 kHz.
    speech: where in it somebody speaks, in samples from the beginning of the recording.
    """

    source: int
    start: int
    samples: Samples
    speech: tuple[Region, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class WindowFinder:
    """Finds the windows of one source, block by block; holds back speech that the next block may go on."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._held: Samples = np.zeros(0, np.int16)
        self._offset = 0

    @property
    def goes_on_at(self) -> int:
        """The first sample that is still needed, counted from the beginning of the recording."""
        return self._offset

    def go_on(self, held: Samples, offset: int) -> None:
        """Go on where another finder left off. held: the sound from `offset` on to the next push."""
        self._held, self._offset = held, offset

    def push(self, samples: Samples, *, last: bool = False) -> list[Window]:
        """The windows that are complete after `samples` (16 kHz); with `last`, all that are left."""
        audio = np.concatenate([self._held, samples])
        padded = _padded(grouped(speech(audio, LONGEST - 2 * _PADDING)), len(audio))
        keep_from = len(audio) if last else max(0, len(audio) - _PADDING)
        if padded and not last:
            (start, end), regions = padded[-1]
            unsettled = regions[-1][1] > len(audio) - _SETTLED
            keep_from = start if unsettled else max(keep_from, end)
            padded = padded[:-1] if unsettled else padded
        windows = [self._window(audio, bounds, regions) for bounds, regions in padded]
        self._held, self._offset = audio[keep_from:], self._offset + keep_from
        return windows

    def finish(self) -> list[Window]:
        """The windows that are left when the recording has ended."""
        return self.push(np.zeros(0, np.int16), last=True)

    def _window(self, audio: Samples, bounds: Region, regions: Sequence[Region]) -> Window:
        start, end = bounds
        speech = tuple((first + self._offset, last + self._offset) for first, last in regions)
        return Window(self._source, start + self._offset, audio[start:end].copy(), speech)


def grouped(regions: Sequence[Region]) -> list[list[Region]]:
    """Regions joined into windows: across short pauses, up to the longest window."""
    groups: list[list[Region]] = []
    for region in regions:
        fits = groups and region[1] - groups[-1][0][0] + 2 * _PADDING <= LONGEST
        if fits and region[0] - groups[-1][-1][1] <= _PAUSE:
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def _padded(groups: Sequence[Sequence[Region]], length: int) -> list[tuple[Region, Sequence[Region]]]:
    """Each group with the bounds of its window: padding on both sides, shared fairly with the neighbours."""
    edges = [(group[0][0], group[-1][1]) for group in groups]
    before = [-2 * _PADDING, *(end for _, end in edges)]
    after = [*(start for start, _ in edges[1:]), length + 2 * _PADDING]
    padded = []
    for group, (start, end), previous, following in zip(groups, edges, before, after, strict=False):
        left, right = min(_PADDING, (start - previous) // 2), min(_PADDING, (following - end) // 2)
        padded.append(((max(0, start - left), min(length, end + right)), group))
    return padded
