"""Cutting what was said into cues: one or two lines shown at a time, ending where a thought does.

Lines, durations and speed are those of Netflix's English Timed Text Style Guide: two lines of 42 characters,
5/6 to 7 s, 20 characters a second for adults. That a cue may come late where the next pause brings the rest
in time again is the BBC's Subtitle Guidelines' ("permissible to slip out of sync ... for a single speaker").
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from callpost.model.transcript import Word

_LINE = 42
_LONGEST_MS = 7000
_SHORTEST_MS = 1000
_LEAST_MS = 100
_READABLE_CHARACTERS_PER_S = 20
_LONG_PAUSE_MS = 1500
_LATEST_MS = 1000

# What makes a way of cutting bad, in whole numbers so that equal ones are equal: fewer cues are better, and
# cues that last, end where a sentence does and are not shown through a long pause.
_CUE_COST = 10
_HASTY_COST = 5
_PAUSE_SAVES = 40
_ENDING_COSTS = dict.fromkeys(".?!", 0) | dict.fromkeys(",;:", 4)
_PLAIN_ENDING_COST = 10


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at one time: one or two lines; the first of a turn starts with the speaker's name."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cut(words: Sequence[Word]) -> Iterator[Cue]:
    """The cues of one turn, from its words in order of time. Whatever they hold is shown as it is."""
    free_ms = 0  # from when on the cue before may be gone
    for first, last in pairwise(_bounds(words) if words else []):
        following = words[last].start_ms if last < len(words) else None
        cue = _cue(words[first:last], free_ms, following)
        free_ms = cue.end_ms
        yield cue


def _cue(words: Sequence[Word], free_ms: int, following_ms: int | None) -> Cue:
    """A cue that stays long enough to be read.

    For that it makes the next one of the same turn wait a little: who speaks faster than others read pauses
    soon, at the latest when the other side speaks.
    """
    spoken = max(word.end_ms for word in words)
    shown = " ".join([word.text for word in words])
    start = max(words[0].start_ms, min(free_ms, words[0].start_ms + _LATEST_MS))
    readable = start + max(_SHORTEST_MS, -(-len(shown) * 1000 // _READABLE_CHARACTERS_PER_S))
    end = max(spoken, readable if following_ms is None else min(readable, following_ms + _LATEST_MS))
    return Cue(start, max(end, start + _LEAST_MS), _lines(shown))


def _lines(shown: str) -> tuple[str, ...]:
    """One line where it fits, else two of about the same length, the break preferably after punctuation."""
    if len(shown) <= _LINE:
        return (shown,)
    places = range(max(0, len(shown) - _LINE - 1), _LINE + 1)
    fitting = [place for place in places if shown[place] == " "]
    if not fitting:
        return (shown,)
    place = min(fitting, key=lambda place: _line_cost(shown, place))
    return shown[:place], shown[place + 1 :]


def _line_cost(shown: str, place: int) -> int:
    uneven = abs(2 * place - len(shown))
    return uneven - (12 if shown[place - 1] in ".,?!;:" else 0)


def _bounds(words: Sequence[Word]) -> list[int]:
    """Where to cut a turn into cues: the cheapest of all ways, 0 and len(words) included.

    Dynamic programming over the last cut; a cue holds few words, so the work grows with the words only.
    """
    starts, reach = [word.start_ms for word in words], _reach(words)
    pauses = [right.start_ms - left.end_ms > _LONG_PAUSE_MS for left, right in pairwise(words)]
    if reach[0] == len(words) and words[-1].end_ms - starts[0] <= _LONGEST_MS and not any(pauses):
        return [0, len(words)]  # as most turns of a conversation are: a cut costs more than it can save
    best, previous, first, hasty = [0], [0], 0, 0
    for last, (word, pause) in enumerate(zip(words, [*pauses, False], strict=True), start=1):
        # The cues that may end here begin at `first` or later, and are too short from `hasty` on.
        while first < last - 1 and (reach[first] < last or word.end_ms - starts[first] > _LONGEST_MS):
            first += 1
        hasty = max(hasty, first)
        while hasty < last and word.end_ms - starts[hasty] >= _SHORTEST_MS:
            hasty += 1
        costs = best[first:hasty] + [cost + _HASTY_COST for cost in best[hasty:last]]
        least = min(costs)
        previous.append(first + costs.index(least))
        ending = _ENDING_COSTS.get(word.text[-1], _PLAIN_ENDING_COST)
        best.append(least + _CUE_COST + ending - _PAUSE_SAVES * pause)
    return _path(previous)


def _reach(words: Sequence[Word]) -> list[int]:
    """For each word, before which one a cue that begins with it must end to fit into two lines."""
    before = list(accumulate((len(word.text) + 1 for word in words), initial=0))
    line_ends = [bisect_right(before, start + _LINE + 1) - 1 for start in before]
    return [max(first + 1, line_ends[line_ends[first]]) for first in range(len(words))]


def _path(previous: Sequence[int]) -> list[int]:
    bounds = [len(previous) - 1]
    while bounds[-1]:
        bounds.append(previous[bounds[-1]])
    return bounds[::-1]
