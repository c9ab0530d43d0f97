"""Where in a dialogue somebody says what a number is: of a card, an order, a telephone."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from callpost.analysis.cue_phrases import Subject
from callpost.analysis.dialogue import Dialogue


@dataclass(frozen=True, slots=True)
class Cue:
    """The words first to last (inclusive) of the sequence."""

    subject: Subject
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest cue of each subject around a stretch: how many words away."""

    before: dict[Subject, int]
    after: dict[Subject, int]

    def distance(self, *subjects: Subject, after: int = 6) -> int | None:
        """To the nearest cue of these subjects. One that comes after counts as `after` words farther."""
        found = [self.before[subject] for subject in subjects if subject in self.before]
        found += [self.after[subject] + after for subject in subjects if subject in self.after]
        return min(found, default=None)


class Cues:
    """All cues of a dialogue, found once. Regions are given by positions in its sequence of words."""

    _REACH_WORDS = 45
    _REACH_MS = 40_000
    _AFTER_WORDS = 8

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.found = tuple(_find(dialogue))
        self._firsts = [cue.first for cue in self.found]
        self._lasts = [cue.last for cue in self.found]

    def within(self, first: int, last: int) -> Iterable[Cue]:
        """Cues that begin after position `first` and before `last`."""
        return self.found[bisect_right(self._firsts, first) : bisect_left(self._firsts, last)]

    def near(self, first: int, last: int) -> Near:
        """The nearest cues before the word at `first` and after the word at `last`, as far as they reach."""
        return Near(self._before(first), self._after(last))

    def _before(self, first: int) -> dict[Subject, int]:
        words, nearest = self._dialogue.words, dict[Subject, int]()
        for cue in reversed(self.found[: bisect_left(self._lasts, first)]):
            away = self._dialogue.distance(cue.last, first)
            if away > self._REACH_WORDS or words[first].start_ms - words[cue.last].end_ms > self._REACH_MS:
                break
            nearest.setdefault(cue.subject, away)
        return nearest

    def _after(self, last: int) -> dict[Subject, int]:
        nearest = dict[Subject, int]()
        for cue in self.found[bisect_right(self._firsts, last) :]:
            away = self._dialogue.distance(last, cue.first)
            if away > self._AFTER_WORDS:
                break
            nearest.setdefault(cue.subject, away)
        return nearest


def _find(dialogue: Dialogue) -> Iterator[Cue]:
    """Cues among each speaker's own words, so that an interjection does not cut a phrase."""
    found = []
    for speaker in dict.fromkeys(word.speaker for word in dialogue.words):
        own = [number for number, word in enumerate(dialogue.words) if word.speaker == speaker]
        texts = [dialogue.words[number].text.replace(".", "") for number in own]
        found += [
            Cue(subject, own[first], own[last])
            for subject, first, last in _matches(dialogue.tongue.cues, texts)
        ]
    return iter(sorted(found, key=lambda cue: cue.first))


def _matches(cues: re.Pattern[str], texts: list[str]) -> Iterator[tuple[Subject, int, int]]:
    joined = " ".join(texts)
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + 1)
    for match in cues.finditer(joined):
        first = bisect_right(starts, match.start()) - 1
        last = bisect_right(starts, match.end() - 1) - 1
        yield Subject[match.lastgroup or ""], first, last
