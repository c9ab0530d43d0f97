"""A transcript as VBQL looks at it: who says what where, and which turns hold a phrase."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from callpost.analysis.vbql import words
from callpost.analysis.vbql.query import (
    ANYBODY,
    During,
    Either,
    Near,
    Pattern,
    Phrase,
    Spoken,
    Together,
    Unit,
    Unlike,
)
from callpost.errors import CallpostError
from callpost.model.transcript import Transcript

MOST_MATCHES = 100_000
"""In one recording, before a query counts as too broad to be answered."""

_ALWAYS = (float("-inf"), float("inf"))


class TooBroad(CallpostError):
    """The query finds almost every word of a recording."""


@dataclass(frozen=True, slots=True)
class Match:
    """Parts `first` to `last` of the transcript, and the phrase that they are."""

    first: int
    last: int
    source: str


Turns = Mapping[int, Sequence[Match]]
"""Which turns are as wanted, by their index, with what was found in each."""


class Heard:
    """A transcript's words in their parts, turn after turn.

    length_ms: of the recording, for times from its end.
    """

    def __init__(self, transcript: Transcript, length_ms: int | None) -> None:
        self.turns = transcript.turns
        last = max((turn.end_ms for turn in self.turns), default=0)
        self.length_ms = max(length_ms or 0, last)
        split = [
            (part, number, place)
            for number, turn in enumerate(self.turns)
            for place, word in enumerate(turn.words)
            for part in words.parts(word.text)
        ]
        self._parts = [part for part, _, _ in split]
        self.turn_of = [number for _, number, _ in split]
        self.place_of = [place for _, _, place in split]
        self._positions: dict[str, list[int]] = {}
        for position, part in enumerate(self._parts):
            self._positions.setdefault(part, []).append(position)
        self._known = sorted(self._positions)
        self._found = 0

    @cached_property
    def _word_numbers(self) -> list[int]:
        """Each part's word, counted over all turns."""
        before = list(accumulate((len(turn.words) for turn in self.turns), initial=0))
        return [before[turn] + place for turn, place in zip(self.turn_of, self.place_of, strict=True)]

    def start_ms(self, match: Match) -> int:
        return self.turns[self.turn_of[match.first]].words[self.place_of[match.first]].start_ms

    def end_ms(self, match: Match) -> int:
        return self.turns[self.turn_of[match.last]].words[self.place_of[match.last]].end_ms

    def text(self, match: Match) -> str:
        """The words as transcribed, without the punctuation around them."""
        first, last = self.place_of[match.first], self.place_of[match.last]
        said = self.turns[self.turn_of[match.first]].words[first : last + 1]
        return " ".join(word.text for word in said).strip(' .,?!;:"')

    def find(self, spoken: Spoken, speaker: str, within: tuple[float, float] = _ALWAYS) -> Turns:
        """The speaker's turns that are so. within: milliseconds between which a phrase begins.

        Raises TooBroad.
        """
        match spoken:
            case Phrase():
                return self._phrase(spoken, speaker, within)
            case Together(parts):
                return _together([self.find(part, speaker, within) for part in parts])
            case Either(parts):
                return _either([self.find(part, speaker, within) for part in parts])
            case Unlike(part):
                found = self.find(part, speaker, within)
                return {turn: () for turn in self._turns_of(speaker) if turn not in found}
            case During(part, start_s, end_s):
                return self.find(part, speaker, self._narrowed(within, start_s, end_s))
            case Near():
                return self._near(spoken, speaker, within)

    def _turns_of(self, speaker: str) -> Iterable[int]:
        for number, turn in enumerate(self.turns):
            if speaker in (ANYBODY, " ".join(turn.speaker.casefold().split())):
                yield number

    def _narrowed(
        self, within: tuple[float, float], start_s: float | None, end_s: float | None
    ) -> tuple[float, float]:
        start, end = (
            None if time is None else time * 1000 + (self.length_ms if time < 0 else 0)
            for time in (start_s, end_s)
        )
        earliest, latest = within
        return (
            earliest if start is None else max(earliest, start),
            latest if end is None else min(latest, end),
        )

    def _phrase(self, phrase: Phrase, speaker: str, within: tuple[float, float]) -> Turns:
        turns = set(self._turns_of(speaker))
        found: dict[int, list[Match]] = {}
        for match in self._matches(phrase):
            turn = self.turn_of[match.first]
            if turn in turns and within[0] <= self.start_ms(match) <= within[1]:
                found.setdefault(turn, []).append(match)
        return found

    def _matches(self, phrase: Phrase) -> Iterable[Match]:
        """From left to right, no two of them overlapping."""
        places = [self._places(pattern) for pattern in phrase.words]
        free = 0
        for first in places[0] if all(places) else ():
            if first < free:
                continue
            last = self._last(first, places, phrase.slop)
            if last is not None:
                free = last + 1
                self._count()
                yield Match(first, last, phrase.source)

    def _last(self, first: int, places: Sequence[Sequence[int]], slop: int) -> int | None:
        """Where a phrase that begins at `first` ends: each word at its next place, in the same turn."""
        position, latest = first, first + len(places) - 1 + slop
        for following in places[1:]:
            index = bisect_right(following, position)
            if index == len(following) or following[index] > latest:
                return None
            position = following[index]
        return position if self.turn_of[position] == self.turn_of[first] else None

    def _places(self, pattern: Pattern) -> Sequence[int]:
        if not pattern.prefix:
            return self._positions.get(pattern.text, ())
        if not pattern.text:
            return range(len(self._parts))
        start = bisect_left(self._known, pattern.text)
        end = bisect_left(self._known, pattern.text + chr(0x10FFFF))
        return sorted(place for part in self._known[start:end] for place in self._positions[part])

    def _count(self) -> None:
        self._found += 1
        if self._found > MOST_MATCHES:
            raise TooBroad("The query finds almost every word.")

    def _near(self, near: Near, speaker: str, within: tuple[float, float]) -> Turns:
        left = _all(self.find(near.left, speaker, within))
        right = _all(self.find(near.right, near.speaker or speaker, within))
        if near.unit is Unit.SECONDS:
            start, end, distance = self.start_ms, self.end_ms, near.distance * 1000
        else:
            numbers = self._word_numbers
            start, end = (lambda match: numbers[match.first]), (lambda match: numbers[match.last])
            distance = near.distance + 1
        kept = [*_beside(left, right, start, end, distance), *_beside(right, left, start, end, distance)]
        found: dict[int, list[Match]] = {}
        for match in dict.fromkeys(kept):
            found.setdefault(self.turn_of[match.first], []).append(match)
        return found


def _all(turns: Turns) -> list[Match]:
    return [match for matches in turns.values() for match in matches]


def _beside(
    these: Sequence[Match],
    others: Sequence[Match],
    start: Callable[[Match], float],
    end: Callable[[Match], float],
    distance: float,
) -> Iterable[Match]:
    """Those that have one of the others, beginning elsewhere, at most `distance` after or before them."""
    ordered = sorted(others, key=start)
    starts = [start(match) for match in ordered]
    latest = list(accumulate((end(match) for match in ordered), max))
    for match in these:
        after = bisect_right(starts, start(match))
        before = bisect_left(starts, start(match))
        if (after < len(starts) and starts[after] - end(match) <= distance) or (
            before and start(match) - latest[before - 1] <= distance
        ):
            yield match


def _together(found: Sequence[Turns]) -> Turns:
    first, *others = found
    shared = [turn for turn in first if all(turn in other for other in others)]
    return {turn: [match for one in found for match in one[turn]] for turn in shared}


def _either(found: Sequence[Turns]) -> Turns:
    return {turn: [match for one in found for match in one.get(turn, ())] for one in found for turn in one}
