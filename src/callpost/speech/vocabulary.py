"""Expected terms found again in what was recognised: what sounds like one is written as one.

Whisper is told of terms in its prompt (`prompt`), which has room for some dozens, and writes many of them as
it hears them ("Shenectady"). The second stage here knows nothing but the recognised words. What was given as
sounding like a term always becomes the term; what merely resembles one does where the recogniser was not sure
or wrote no word that there is. Everyday words that were clearly heard stay, whatever they resemble.
"""

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from callpost.model.configuration import ExpectedTerm
from callpost.model.transcript import Word
from callpost.speech.lexicon import Lexicon, lexicon
from callpost.speech.sounds import letters, sound

PROMPT_TOKENS = 223  # half of what the decoder holds: about 60 names
_MOST_WORDS = 4  # recognised in the place of one term
_PAUSE_MS = 400  # nobody pauses longer in a name
_FEWEST_SOUNDS = 6  # a shorter term resembles too much
_ALIKE = 0.65  # how like a term something must be that is no word and was hardly heard
_ALIKE_IF_SURE = 0.25  # more than that, where the recogniser was sure
_ALIKE_IF_WORD = 0.15  # more than that, where it wrote words that there are
_UNSURE = 0.5  # the confidence below which a word is doubted
_ALIKE_IF_SHORT = 0.05, 11  # more than that, for each sound that a term is shorter than so many
_BOLDER = 0.01  # less than that, for each step of weight
_SPANS_AT_ONCE = 500
_MOST_SPELLINGS = 3000  # that something may merely resemble: each costs time
_LONGEST = 64  # letters of one that are compared
_LETTER_SHARE = 1 / 3  # of the likeness; the rest is sound

_AFFIXES = re.compile(r"\W*(.*?)(['\u2019]s)?(\W*)", re.IGNORECASE)
_SPELT = re.compile(r"(\w\.){2,}\W*")  # letters one by one, the last with a point of its own


@dataclass(frozen=True, slots=True)
class _Heard:
    """One recognised word, taken apart: its letters, possessive ending, and the marks after it.

    ordinary: the language has such a word.
    """

    word: Word
    bare: str
    owner: str
    after: str
    ordinary: bool

    @property
    def doubted(self) -> bool:
        return not self.ordinary or self.word.confidence < _UNSURE


@dataclass(frozen=True, slots=True)
class _Spelling:
    """One way in which a term is heard. bare: its letters."""

    bare: str
    sound: str
    text: str
    weight: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Recognised words, first up to before last, in the place of which a term may have been said."""

    first: int
    last: int
    bare: str
    sound: str
    required: float


@dataclass(frozen=True, slots=True)
class _Found:
    """A term in the place of words. text: None where they stay. margin: by how much it is more than alike."""

    first: int
    last: int
    text: str | None
    margin: float = 0.0


class Vocabulary:
    """Expected terms of one language ("en-US"), ready to be found. Safe to share between threads."""

    def __init__(self, terms: Sequence[ExpectedTerm], language: str) -> None:
        self._lexicon = lexicon(language) if terms else Lexicon(None)
        expected = [one for term in terms for one in self._expected(term)]
        self._given = {_bare(given): term.text for term in reversed(expected) for given in term.sounds_like}
        self._own = {_bare(term.text): term.text for term in reversed(expected) if _bare(term.text)}
        self._longest = max(map(len, (*self._given, *self._own)), default=0)
        long = (one for one in _spellings(expected) if len(one.sound) >= _FEWEST_SOUNDS)
        self._spellings = list(islice(long, _MOST_SPELLINGS))
        self._sounds = [one.sound for one in self._spellings]
        self._letters = [one.bare for one in self._spellings]
        self._bolder = np.array([_boldness(one) for one in self._spellings], np.float32)

    def written(self, words: Sequence[Word]) -> list[Word]:
        """The words of one channel, in order of time, with the terms that were said written as terms."""
        if not self._own:
            return list(words)
        heard = [_heard(word, self._lexicon) for word in words]
        found = list(self._certain(heard))
        taken = {at for one in found for at in range(one.first, one.last)}
        found += self._likely(heard, taken)
        return _replaced(heard, found)

    def _expected(self, term: ExpectedTerm) -> Iterator[ExpectedTerm]:
        """The term, or the rare words of a script."""
        if not term.script:
            yield term
            return
        for word in term.text.split():
            body, _, _ = _taken_apart(word)
            if body and not _is_ordinary(body, self._lexicon):
                yield ExpectedTerm(body, weight=term.weight)

    def _certain(self, heard: Sequence[_Heard]) -> Iterator[_Found]:
        """Where a term, or what was given as sounding like one, was recognised letter by letter."""
        at = 0
        while at < len(heard):
            found = max(self._certain_at(heard, at), key=lambda one: one.last, default=None)
            if found is not None:
                yield found
            at = found.last if found else at + 1

    def _certain_at(self, heard: Sequence[_Heard], at: int) -> Iterator[_Found]:
        before = ""
        for last in range(at + 1, len(heard) + 1):
            joined = before + heard[last - 1].bare
            before = joined + letters(heard[last - 1].owner)
            if len(joined) > self._longest or (last - at > 1 and _pause(heard[last - 2], heard[last - 1])):
                return
            text = self._own.get(joined)
            if text is not None and len(text.split()) == last - at:
                everyday = all(one.ordinary for one in heard[at:last])
                yield _Found(at, last, None if everyday else text)
            elif joined in self._given:
                yield _Found(at, last, self._given[joined])

    def _likely(self, heard: Sequence[_Heard], taken: Container[int]) -> list[_Found]:
        """Where something resembles a term and may have been misheard; the most alike first, none twice."""
        spans = list(_spans(heard, taken)) if self._spellings else []
        parts = (spans[at : at + _SPANS_AT_ONCE] for at in range(0, len(spans), _SPANS_AT_ONCE))
        found = [one for part in parts for one in self._alike(part)]
        kept: dict[int, _Found] = {}
        for one in sorted(found, key=lambda one: -one.margin):
            if not any(at in kept for at in range(one.first, one.last)):
                kept.update(dict.fromkeys(range(one.first, one.last), one))
        return list(dict.fromkeys(kept.values()))

    def _alike(self, spans: Sequence[_Span]) -> Iterator[_Found]:
        sounds = _likeness([span.sound for span in spans], self._sounds)
        spelled = _likeness([span.bare for span in spans], self._letters)
        required = np.array([span.required for span in spans], np.float32)
        alike = (1 - _LETTER_SHARE) * sounds + _LETTER_SHARE * spelled
        margins = alike - (required[:, None] - self._bolder)
        for span, best, row in zip(spans, margins.argmax(axis=1), margins, strict=True):
            if row[best] >= 0:
                yield _Found(span.first, span.last, self._spellings[best].text, float(row[best]))


def prompt(terms: Sequence[ExpectedTerm], tokens: Callable[[str], int]) -> str:
    """What Whisper is told before it listens: whole terms, from the first one on, as there is room for.

    tokens: how many a text takes.
    """
    kept = ""
    for term in terms:
        more = f"{kept}, {term.text}" if kept else term.text
        if tokens(more) > PROMPT_TOKENS:
            break
        kept = more
    return kept


def _heard(word: Word, words: Lexicon) -> _Heard:
    body, owner, after = _taken_apart(word.text)
    return _Heard(word, letters(body), owner, after, _is_ordinary(body, words))


def _is_ordinary(word: str, words: Lexicon) -> bool:
    return word.lower() in words or letters(word) in words


def _taken_apart(text: str) -> tuple[str, str, str]:
    """What a word consists of: its body, a possessive ending, the marks after it."""
    found = _AFFIXES.fullmatch(text)
    return (found[1], found[2] or "", found[3]) if found else (text, "", "")


def _bare(text: str) -> str:
    """The letters of a term, without the possessive ending that recognised words are compared without."""
    return letters(_taken_apart(text)[0])


def _spellings(terms: Sequence[ExpectedTerm]) -> Iterator[_Spelling]:
    """All terms as they are, then as they sound."""
    own = ((term, term.text) for term in terms)
    given = ((term, text) for term in terms for text in term.sounds_like)
    for term, text in chain(own, given):
        bare = _bare(text)[:_LONGEST]
        yield _Spelling(bare, sound(bare), term.text, term.weight)


def _spans(heard: Sequence[_Heard], taken: Container[int]) -> Iterator[_Span]:
    """All rows of a few doubted words without a pause or a mark between them."""
    for first in range(len(heard)):
        for last in range(first + 1, min(first + _MOST_WORDS, len(heard)) + 1):
            if last - 1 in taken or not heard[last - 1].doubted:
                break
            if last - first > 1 and _apart(heard[last - 2], heard[last - 1]):
                break
            bare = "".join(one.bare for one in heard[first:last])
            yield _Span(first, last, bare, sound(bare), _required(heard[first:last]))


def _apart(one: _Heard, other: _Heard) -> bool:
    return bool(one.after or one.owner) or _pause(one, other)


def _pause(one: _Heard, other: _Heard) -> bool:
    return other.word.start_ms - one.word.end_ms > _PAUSE_MS


def _boldness(term: _Spelling) -> float:
    """How much less like it something may be, for its weight; negative where it is short."""
    each, long = _ALIKE_IF_SHORT
    return _BOLDER * term.weight - each * max(0, long - len(term.sound))


def _required(heard: Sequence[_Heard]) -> float:
    """How like a term these words must be, 0..1: the more, the less there is against them."""
    sure = max(0.0, sum(one.word.confidence for one in heard) / len(heard) - _UNSURE) / (1 - _UNSURE)
    everyday = any(one.ordinary for one in heard)
    return _ALIKE + _ALIKE_IF_SURE * sure + (_ALIKE_IF_WORD if everyday else 0.0)


def _likeness(some: Sequence[str], others: Sequence[str]) -> npt.NDArray[np.float32]:
    """How alike each of some is to each of others, 0..1; shape (some, others)."""
    return process.cdist(some, others, scorer=Levenshtein.normalized_similarity, dtype=np.float32)


def _replaced(heard: Sequence[_Heard], found: Sequence[_Found]) -> list[Word]:
    starts = {one.first: one for one in found if one.text is not None}
    words: list[Word] = []
    at = 0
    while at < len(heard):
        one = starts.get(at)
        words += _as_term(heard[at : one.last], one.text) if one and one.text else [heard[at].word]
        at = one.last if one else at + 1
    return words


def _as_term(heard: Sequence[_Heard], text: str) -> list[Word]:
    """The words of the term, in the time and with the marks of those that were recognised."""
    last = heard[-1]
    owner = "" if _taken_apart(text)[1] else last.owner
    spelt = _SPELT.fullmatch("".join(one.word.text for one in heard))
    after = last.after.replace(".", "", 1) if spelt else last.after
    parts = f"{text}{owner}{after}".split()
    confidence = sum(one.word.confidence for one in heard) / len(heard)
    voice = max((one.word for one in heard), key=lambda word: word.end_ms - word.start_ms).voice
    start, end = heard[0].word.start_ms, last.word.end_ms
    edges = [
        start + (end - start) * sum(map(len, parts[:n])) // len("".join(parts)) for n in range(len(parts) + 1)
    ]
    return [Word(part, *times, confidence, voice) for part, times in zip(parts, pairwise(edges), strict=True)]
