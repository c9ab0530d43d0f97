"""Putting a corrected text in the place of what was recognised: its words take over the times of those heard.

Source: docs/how-to-guides/aligner.md. Words are compared without case and punctuation, so that as many as
possible are the same (rapidfuzz). What is unchanged keeps its times and confidence, what is changed shares
the time of what it stands for, what is new lies in the pause where it was written.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

from rapidfuzz.distance import Indel, Levenshtein

from callpost.model.transcript import UNKNOWN_SPEAKER, Transcript, Turn, Word

_CERTAIN = 1.0  # a person wrote it
_LEAST_MS = 40  # per word: in a shorter pause there is no room for what was left out
_LETTER_MS = 80  # how long an unheard word lasts that no voice was found for
_MOST_PAIRS = 2 * 10**9  # one bit of memory for each pair of words: 250 MB, five hours of speech

_TIME_STAMP = re.compile(r"^\s*[\[(]\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]\s*", re.MULTILINE)
_NEW_SPEAKER = re.compile(r"^[ \t]*([^\W\d_][\w.'&/-]*(?: [\w.'&/-]+){0,2})[ \t]*:(?=\s|$)", re.MULTILINE)


def align(heard: Transcript, text: str) -> Transcript:
    """The transcript with the words of `text`, timed by those of `heard`.

    text: plain; `Name:` before what somebody says, anywhere for the speakers of `heard`, at the beginning of
    a line for others (one to three words, the first with a capital). Without names all stays with who spoke.
    """
    voiced = [_Heard(word, turn) for turn in heard.turns for word in turn.words]
    said = list(_said(text, [turn.speaker for turn in heard.turns]))
    blocks = _with_room(list(_blocks(voiced, said)), voiced)
    times = _Times(heard)
    placed = [word for block in blocks for word in times.place(block, voiced, said[block.first : block.last])]
    turns = (_turn(list(group), heard) for _, group in groupby(placed, key=lambda word: word.whose))
    return replace(heard, turns=tuple(sorted(turns, key=lambda turn: turn.start_ms)))


@dataclass(frozen=True, slots=True)
class _Heard:
    word: Word
    turn: Turn


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of the text. speaker: who is named before it; None where nobody is."""

    text: str
    speaker: str | None


@dataclass(frozen=True, slots=True)
class _Block:
    """Words first:last of the text stand for start:end of those heard. same: they are the same."""

    start: int
    end: int
    first: int
    last: int
    same: bool = False


@dataclass(frozen=True, slots=True)
class _Placed:
    """A word with its time, and whose it is: the speaker and, for a heard one, the channel."""

    word: Word
    whose: tuple[str, int | None]


def _said(text: str, speakers: Sequence[str]) -> Iterator[_Said]:
    """The words of the text with their speakers, the names before them left out."""
    plain = _TIME_STAMP.sub("", text)
    speaker, place = None, 0
    for label in _labels(plain, speakers):
        yield from (_Said(word, speaker) for word in plain[place : label.start].split())
        speaker, place = label.speaker, label.end
    yield from (_Said(word, speaker) for word in plain[place:].split())


@dataclass(frozen=True, slots=True, order=True)
class _Label:
    """`Name:` in the text, from start to end."""

    start: int
    end: int
    speaker: str


def _labels(text: str, speakers: Sequence[str]) -> list[_Label]:
    known = {speaker.casefold(): speaker for speaker in speakers if speaker not in {"", UNKNOWN_SPEAKER}}
    names = "|".join(re.escape(name) for name in sorted(set(known.values()), key=len, reverse=True))
    inline = re.finditer(rf"(?<!\S)({names})[ \t]*:(?=\s|$)", text, re.IGNORECASE) if names else ()
    found = [_Label(match.start(), match.end(), known[match[1].casefold()]) for match in inline]
    taken = {label.end for label in found}
    new = (match for match in _NEW_SPEAKER.finditer(text) if match[1][0].isupper())
    return sorted(found + [_Label(one.start(), one.end(), one[1]) for one in new if one.end() not in taken])


def _plain(word: str) -> str:
    """What is compared: letters and digits; a word that has none is itself."""
    kept = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", word).casefold()))
    return kept or word


def _blocks(heard: Sequence[_Heard], said: Sequence[_Said]) -> Iterator[_Block]:
    """All words of the text in order: runs that are the same word for word, and what is between them."""
    distance = Indel if len(heard) * len(said) <= _MOST_PAIRS else Levenshtein
    edits = distance.opcodes([_plain(one.word.text) for one in heard], [_plain(one.text) for one in said])
    for same, group in groupby(edits, key=lambda edit: edit.tag == "equal"):
        parts = list(group)
        first, last = parts[0], parts[-1]
        block = _Block(first.src_start, last.src_end, first.dest_start, last.dest_end)
        if same or block.end - block.start == block.last - block.first:
            for place in range(block.last - block.first):
                start, written = block.start + place, block.first + place
                yield _Block(start, start + 1, written, written + 1, same)
        elif block.first < block.last:
            yield block


def _with_room(blocks: list[_Block], heard: Sequence[_Heard]) -> list[_Block]:
    """What was put in where there is no pause shares the time of the word before it, or else after it."""
    roomy: list[_Block] = []
    for block in blocks:
        cramped = roomy and not (_has_room(roomy[-1], heard) and _has_room(block, heard))
        roomy.append(_joined(roomy.pop(), block) if cramped else block)
    return roomy


def _joined(left: _Block, right: _Block) -> _Block:
    return _Block(left.start, right.end, left.first, right.last)


def _has_room(block: _Block, heard: Sequence[_Heard]) -> bool:
    if block.start < block.end:
        return True
    start, end = _gap(heard, block.start)
    return end - start >= _LEAST_MS * (block.last - block.first)


def _gap(heard: Sequence[_Heard], place: int) -> tuple[int, int]:
    """The time between two words heard; before the first and after the last there is room enough."""
    before = heard[place - 1].word.end_ms if place else 0
    after = heard[place].word.start_ms if place < len(heard) else before + 3_600_000
    return before, max(before, after)


class _Times:
    """Gives the words of a block their times and speakers."""

    def __init__(self, heard: Transcript) -> None:
        self._activity = heard.activity
        first = next(iter(heard.turns), None)
        self._last: tuple[str, int | None] = (
            (first.speaker, first.channel) if first else (UNKNOWN_SPEAKER, None)
        )

    def place(self, block: _Block, heard: Sequence[_Heard], said: Sequence[_Said]) -> Iterator[_Placed]:
        stood_for = heard[block.start : block.end]
        if block.same:
            [one], [original] = said, stood_for
            yield self._placed(one, replace(original.word, text=one.text), original.turn)
        elif stood_for:
            yield from self._shared(stood_for, said)
        else:
            yield from self._put_in(_gap(heard, block.start), said)

    def _shared(self, stood_for: Sequence[_Heard], said: Sequence[_Said]) -> Iterator[_Placed]:
        """The time of what was heard, by how much of it there is to say."""
        lengths = [one.word.end_ms - one.word.start_ms for one in stood_for]
        begins = list(accumulate(lengths, initial=0))
        for one, (start, end) in zip(said, _edges(said, begins[-1]), strict=True):
            first = min(bisect_right(begins, start), len(lengths)) - 1
            last = max(bisect_left(begins, end), first + 1) - 1
            start_ms = stood_for[first].word.start_ms + start - begins[first]
            end_ms = max(start_ms, stood_for[last].word.start_ms + end - begins[last])
            turn = stood_for[(first + last) // 2].turn
            yield self._placed(one, Word(one.text, start_ms, end_ms, _CERTAIN), turn)

    def _put_in(self, gap: tuple[int, int], said: Sequence[_Said]) -> Iterator[_Placed]:
        """In a pause, where somebody's voice was found in it; else at its beginning."""
        voices = [
            (max(part.start_ms, gap[0]), min(part.end_ms, gap[1]))
            for part in self._activity
            if part.start_ms < gap[1] and part.end_ms > gap[0]
        ]
        spoken = sum(_LETTER_MS * len(one.text) for one in said)
        start = min((first for first, _ in voices), default=gap[0])
        end = max((last for _, last in voices), default=min(gap[1], gap[0] + spoken))
        for one, (first, last) in zip(said, _edges(said, end - start), strict=True):
            yield self._placed(one, Word(one.text, start + first, start + last, _CERTAIN), None)

    def _placed(self, said: _Said, word: Word, turn: Turn | None) -> _Placed:
        if said.speaker is not None:
            self._last = (said.speaker, None)
        elif turn is not None:
            self._last = (turn.speaker, turn.channel)
        return _Placed(word, self._last)


def _edges(said: Sequence[_Said], length: int) -> list[tuple[int, int]]:
    """A length of time shared out by the letters of the words."""
    letters = list(accumulate((len(one.text) for one in said), initial=0))
    return list(pairwise(length * done // letters[-1] for done in letters))


def _turn(placed: Sequence[_Placed], heard: Transcript) -> Turn:
    """No word begins before the one before it, none ends before it begins."""
    speaker, channel = placed[0].whose
    words: list[Word] = []
    for one in placed:
        start = max(one.word.start_ms, words[-1].start_ms if words else 0)
        words.append(replace(one.word, start_ms=start, end_ms=max(start, one.word.end_ms)))
    return Turn(speaker, _channel(heard, speaker, words) if channel is None else channel, tuple(words))


def _channel(heard: Transcript, speaker: str, words: Sequence[Word]) -> int:
    """The speaker's own where there is one; else that of whoever was heard at the time."""
    own = next((turn.channel for turn in heard.turns if turn.speaker == speaker), None)
    if own is not None:
        return own
    at = words[0].start_ms
    return min(heard.turns, key=lambda turn: abs(turn.start_ms - at)).channel if heard.turns else 0
