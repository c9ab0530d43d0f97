"""From tokens and their alignment with the sound to words with times and confidences."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from faster_whisper.tokenizer import Tokenizer

from callpost.model.transcript import Word
from callpost.speech.activity import Region
from callpost.speech.audio import SAMPLES_PER_MS
from callpost.speech.passages import Passage
from callpost.speech.windows import Window

_MS_PER_STEP = 20  # of the encoder's output
_SILENCE_MS = 200  # a shorter gap in the speech may be a consonant
_STRAY_MS = 250  # as far as the alignment errs; a smaller part of a word in another stretch of speech is
_STRAY_SHARE = 0.25  # taken for an error if it is a small share of the word, too
_MARGIN_MS = 60  # the detection of speech is that much late and early
_NEAR = 3  # words by which the alignment may have slipped over a joint
_NO_END_MS = 300  # what it takes to believe that a sentence goes on over a joint

_OPENING = "$£€¿¡([{«„“"  # belongs to what follows

Span = tuple[str, int, int]


class Alignment(Protocol):
    """CTranslate2's WhisperAlignmentResult, which it does not export.

    alignments: (token, step of the encoder's output), in order. text_token_probs: one per token, 0..1.
    """

    alignments: Sequence[tuple[int, int]]
    text_token_probs: Sequence[float]


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word on its way. start_ms, end_ms: from the start of the passage, as the alignment has it."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float

    @property
    def ends_sentence(self) -> bool:
        return self.text.endswith((".", "?", "!"))


def words(
    tokenizer: Tokenizer, tokens: Sequence[int], aligned: Alignment, passage: Passage
) -> tuple[tuple[Word, ...], ...]:
    """The words of each window, in order of time, in milliseconds from the start of the recording."""
    steps = _first_steps(aligned.alignments, len(tokens))
    heard = [
        AlignedWord(
            text,
            _MS_PER_STEP * steps[first],
            _MS_PER_STEP * steps[last],
            min(1.0, max(0.0, float(np.mean(aligned.text_token_probs[first:last])))),
        )
        for text, first, last in split(tokenizer, tokens)
    ]
    return placed(passage, heard)


def placed(passage: Passage, heard: Sequence[AlignedWord]) -> tuple[tuple[Word, ...], ...]:
    """The words of each window of a passage, at the times of the recording."""
    starts_ms = [start // SAMPLES_PER_MS for start in passage.starts]
    bounds = [0]
    for joint_ms in starts_ms[1:]:
        bounds.append(_boundary(heard, joint_ms, bounds[-1]))
    bounds.append(len(heard))
    return tuple(
        _in_window(heard[first:last], window, start_ms)
        for (first, last), window, start_ms in zip(pairwise(bounds), passage.windows, starts_ms, strict=True)
    )


def _boundary(heard: Sequence[AlignedWord], joint_ms: int, fewest: int) -> int:
    """How many words were said before the joint between two windows, at least the fewest.

    A word that lies on the wrong side costs its distance; a window mostly ends where a sentence does.
    """
    middles = [(word.start_ms + word.end_ms) // 2 for word in heard]
    likely = max(fewest, sum(middle < joint_ms for middle in middles))
    places = range(max(fewest, likely - _NEAR), min(len(heard), likely + _NEAR) + 1)

    def cost(place: int) -> int:
        strayed = sum(abs(middle - joint_ms) for middle in middles[min(place, likely) : max(place, likely)])
        return strayed + (0 if place == 0 or heard[place - 1].ends_sentence else _NO_END_MS)

    return min(places, key=lambda place: (cost(place), abs(place - likely)))


def _in_window(heard: Sequence[AlignedWord], window: Window, start_ms: int) -> tuple[Word, ...]:
    """Words of one window, which begins at start_ms in its passage."""
    begin_ms, end_ms = window.start // SAMPLES_PER_MS, window.end // SAMPLES_PER_MS
    spoken = _speech(window.speech)
    found = []
    for word in heard:
        edges = [
            min(end_ms, max(begin_ms, begin_ms + edge - start_ms)) for edge in (word.start_ms, word.end_ms)
        ]
        start, end = _clipped((edges[0], edges[1]), spoken)
        found.append(Word(word.text, start, end, word.confidence))
    return _ordered(found)


def _first_steps(pairs: Sequence[tuple[int, int]], tokens: int) -> list[int]:
    """At which step of the encoder's output each token begins, and the end after the last."""
    steps: dict[int, int] = {}
    for token, step in pairs:
        steps.setdefault(token, step)
    last = max((step for _, step in pairs), default=0)
    return [steps.get(token, last) for token in range(tokens + 1)]


def split(tokenizer: Tokenizer, tokens: Sequence[int]) -> list[Span]:
    """Words with the tokens they come from: (text, first token, token after the last).

    A word begins with a blank, so that "$138.65" and "twenty-seven" stay whole; a lone punctuation mark
    belongs to the word before it. Languages written without blanks are cut at every character.
    """
    pieces, groups = tokenizer.split_tokens_on_unicode(list(tokens))
    blanks = tokenizer.language_code not in {"zh", "ja", "th", "lo", "my", "yue"}
    spans: list[Span] = []
    at = 0
    for piece, group in zip(pieces, groups, strict=True):
        text, first, at = piece.strip(), at, at + len(group)
        mark = not any(character.isalnum() or character in _OPENING for character in text)
        if spans and (mark or (blanks and not piece.startswith(" "))):
            before, begin, _ = spans[-1]
            spans[-1] = (before + text, begin, at)
        elif text:
            spans.append((text, first, at))
    return [span for span in spans if any(character.isalnum() for character in span[0])]


def _speech(regions: Sequence[Region]) -> list[Region]:
    """The regions in milliseconds, short gaps closed, with a margin."""
    spoken: list[Region] = []
    for first, last in regions:
        start, end = first // SAMPLES_PER_MS - _MARGIN_MS, last // SAMPLES_PER_MS + _MARGIN_MS
        if spoken and start - spoken[-1][1] < _SILENCE_MS - 2 * _MARGIN_MS:
            spoken[-1] = (spoken[-1][0], end)
        else:
            spoken.append((start, end))
    return spoken


def gaps(window: Window, words: Sequence[Word]) -> list[int]:
    """The milliseconds of speech before, between and after the words of a window."""
    found = []
    for start, end in _speech(window.speech):
        inside = [word for word in words if word.end_ms > start and word.start_ms < end]
        edges = [start, *(edge for word in inside for edge in (word.start_ms, word.end_ms)), end]
        found += [max(0, last - first) for first, last in zip(edges[::2], edges[1::2], strict=True)]
    return found


def _clipped(edges: Region, spoken: Sequence[Region]) -> Region:
    """A word without the silence at its edges, over which the alignment likes to spread it.

    A stretch of speech that holds only a small part of the word belongs to its neighbour.
    """
    start, end = edges
    parts = [(max(start, first), min(end, last)) for first, last in spoken if last > start and first < end]
    least = min(_STRAY_MS, _STRAY_SHARE * sum(last - first for first, last in parts))
    kept = [(first, last) for first, last in parts if last - first >= least]
    return (kept[0][0], kept[-1][1]) if kept else edges


def _ordered(found: Sequence[Word]) -> tuple[Word, ...]:
    """No word begins before the one before it, none ends before it begins."""
    ordered: list[Word] = []
    floor = 0
    for word in found:
        floor = max(floor, word.start_ms)
        ordered.append(Word(word.text, floor, max(floor, word.end_ms), word.confidence))
    return tuple(ordered)
