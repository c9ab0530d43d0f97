"""Windows of one channel joined into passages, long enough for the model to hear how people talk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from callpost.speech.audio import RATE, Samples
from callpost.speech.windows import Window

# Longer ones are hardly heard better, and cost the encoder more (quadratic in its length).
LONGEST = 17 * RATE
_STEP = RATE // 2


@dataclass(frozen=True, slots=True)
class Passage:
    """Windows of one source, in order of time, to be recognised at once without the silence between them.

    numbers: of the windows in what is recognised together.
    """

    windows: tuple[Window, ...]
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        """In samples of 16 kHz."""
        return sum(len(window.samples) for window in self.windows)

    @property
    def samples(self) -> Samples:
        return np.concatenate([window.samples for window in self.windows])

    @property
    def starts(self) -> list[int]:
        """Where each window begins in the passage, in samples."""
        return list(accumulate((len(window.samples) for window in self.windows), initial=0))[:-1]

    def apart(self) -> list["Passage"]:
        """Each window as a passage of its own."""
        return [
            Passage((window,), (number,)) for window, number in zip(self.windows, self.numbers, strict=True)
        ]


def joined(windows: Sequence[Window], longest: int = LONGEST) -> list[Passage]:
    """All windows, those of one source in as few passages as can be, of about the same length.

    longest: in samples, at most `LONGEST`; a longer window stands alone.
    """
    by_source: dict[int, list[int]] = {}
    for number in sorted(range(len(windows)), key=lambda number: windows[number].start):
        by_source.setdefault(windows[number].source, []).append(number)
    return [
        Passage(tuple(windows[number] for number in group), tuple(group))
        for numbers in by_source.values()
        for group in _even(
            [len(windows[number].samples) for number in numbers], numbers, min(longest, LONGEST)
        )
    ]


def _even(lengths: Sequence[int], numbers: Sequence[int], longest: int) -> list[list[int]]:
    fewest = len(list(_filled(lengths, numbers, longest)))
    for limit in range(sum(lengths) // fewest, longest, _STEP):
        groups = list(_filled(lengths, numbers, limit))
        if len(groups) == fewest:
            return groups
    return list(_filled(lengths, numbers, longest))


def _filled(lengths: Sequence[int], numbers: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Numbers in their order, in groups that are no longer than the limit unless they hold one alone."""
    group: list[int] = []
    length = 0
    for number, more in zip(numbers, lengths, strict=True):
        if group and length + more > limit:
            yield group
            group, length = [], 0
        group.append(number)
        length += more
    if group:
        yield group
