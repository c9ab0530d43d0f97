"""A transcript as one sequence of words by time, with its numbers found: what the detectors look at."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from callpost.analysis import numbers, tongues
from callpost.analysis.numbers import Kind
from callpost.analysis.tongues import Tongue
from callpost.model.transcript import Transcript, Turn

Place = tuple[int, int]
"""Which word: (index of the turn, index of the word in it)."""


@dataclass(frozen=True, slots=True)
class Said:
    """One word in the sequence. text: normalized, see `Tongue.normalize`."""

    place: Place
    speaker: str
    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """A numeral and the positions of its words in the sequence, first to last."""

    positions: tuple[int, ...]
    speaker: str
    start_ms: int
    end_ms: int
    digits: str
    kind: Kind
    written: str | None
    sure: bool

    @property
    def first(self) -> int:
        return self.positions[0]

    @property
    def last(self) -> int:
        return self.positions[-1]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """words: of all speakers, by the time they start. numerals: by position.

    weights[i]: how many of the words before i belong to no numeral; distances are counted in those.
    """

    words: tuple[Said, ...]
    numerals: tuple[Spoken, ...]
    weights: tuple[int, ...]
    tongue: Tongue

    def distance(self, first: int, last: int) -> int:
        """Words between two positions, numbers left out."""
        return self.weights[last] - self.weights[first + 1] if last > first else 0

    def between(self, start_ms: int, end_ms: int) -> Iterator[Said]:
        """Words that sound at some moment of a stretch of time."""
        last = bisect_left(self.words, end_ms, key=lambda word: word.start_ms)
        return (word for word in self.words[:last] if word.end_ms > start_ms or word.start_ms >= start_ms)


def dialogue(transcript: Transcript) -> Dialogue:
    """Read in the language of the transcript where the detectors know it, else as English."""
    tongue = tongues.of(transcript.language)
    words = sorted(_said(transcript.turns, tongue), key=lambda word: (word.start_ms, word.place))
    position = {word.place: number for number, word in enumerate(words)}
    spoken = [
        _spoken(
            turn, numeral, tuple(position[index, place] for place in range(numeral.first, numeral.last + 1))
        )
        for index, turn in enumerate(transcript.turns)
        for numeral in tongue.numerals([word.text for word in turn.words])
    ]
    numeric = {place for numeral in spoken for place in numeral.positions}
    weights = accumulate((place not in numeric for place in range(len(words))), initial=0)
    ordered = tuple(sorted(spoken, key=lambda numeral: numeral.first))
    return Dialogue(tuple(words), ordered, tuple(weights), tongue)


def _said(turns: Sequence[Turn], tongue: Tongue) -> Iterator[Said]:
    for index, turn in enumerate(turns):
        for place, word in enumerate(turn.words):
            text = tongue.normalize(word.text)
            yield Said((index, place), turn.speaker, text, word.start_ms, word.end_ms)


def _spoken(turn: Turn, numeral: numbers.Numeral, positions: tuple[int, ...]) -> Spoken:
    return Spoken(
        tuple(sorted(positions)),
        turn.speaker,
        turn.words[numeral.first].start_ms,
        turn.words[numeral.last].end_ms,
        numeral.digits,
        numeral.kind,
        numeral.written,
        numeral.sure,
    )
