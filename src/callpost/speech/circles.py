"""Text of a model that goes round in circles: known by its pace, and by what it repeats."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from callpost.speech.audio import RATE

_TOKENS_PER_SECOND = 7  # in English; nobody speaks faster for long
_LONGEST_PER_SECOND = 6  # where decoding stops at the latest
_HURRIED_CIRCLES = 6  # tokens per second at which a text said twice was not spoken twice
_USUAL_PER_SECOND = 5  # of somebody who speaks fast
_TOKENS_OF_GRACE = 6
_MOST_TOKENS = 224  # of one text: the other half of what Whisper can hold is for what was said before
_REPEATED = 6  # tokens in a row that were there before, a period earlier
_SHORTEST_PERIOD = 3
_SHORTEST_TAIL = 2

# Tokens of the first article of the Universal Declaration of Human Rights, against those of its English:
# Whisper's vocabulary is made for English, and spells many scripts byte by byte. What is said in a second is
# about as much in all languages (Coupé et al. 2019, doi:10.1126/sciadv.aaw2594).
_AGAINST_ENGLISH = {
    1.0: "en",
    1.2: "de es",
    1.3: "pt",
    1.4: "ru zh",
    1.5: "fr sv tr",
    1.6: "ca it nl",
    1.7: "da no pl",
    1.8: "cs fi id",
    1.9: "ar ko uk",
    2.0: "ro",
    2.1: "he hu",
    2.2: "vi",
    2.4: "ja",
    2.9: "el",
    3.7: "th",
    5.7: "hi",
    5.9: "ta",
}
_FACTORS = {code: factor for factor, codes in _AGAINST_ENGLISH.items() for code in codes.split()}
_UNKNOWN = 5.9  # a limit too high costs time, one too low costs words


@dataclass(frozen=True, slots=True)
class Pace:
    """How many tokens a voice says in a time. factor: those of a language against English."""

    factor: float = 1.0

    @property
    def longest(self) -> int:
        """How much speech, in samples, has a text that the model can write at once."""
        return int(_MOST_TOKENS / (_USUAL_PER_SECOND * self.factor) * RATE)

    def limit(self, seconds: float) -> int:
        """So many tokens are not said in this time."""
        return int(_LONGEST_PER_SECOND * self.factor * seconds) + _TOKENS_OF_GRACE

    def is_hurried(self, tokens: Sequence[int], seconds: float) -> bool:
        return len(tokens) > _TOKENS_PER_SECOND * self.factor * seconds + _TOKENS_OF_GRACE

    def uncircled(self, tokens: list[int], seconds: float) -> list[int]:
        """One turn of a text that begins anew, and is too long for its time to have been said twice."""
        if len(tokens) <= _HURRIED_CIRCLES * self.factor * seconds:
            return tokens
        turns = (end for end in range(1, len(tokens) - _REPEATED + 1) if tokens[end:] == tokens[:-end])
        return tokens[: next(turns, len(tokens))]


def pace(language: str) -> Pace:
    """That of a language, by Whisper's code."""
    return Pace(_FACTORS.get(language, _UNKNOWN))


def repeats(tokens: Sequence[int]) -> bool:
    """Whether the text says something twice on end: its last words, or a run of tokens anywhere."""
    return any(
        _tail_doubled(tokens, period) for period in range(_SHORTEST_TAIL, len(tokens) // 2 + 1)
    ) or any(_run_doubled(tokens, period) for period in range(_SHORTEST_PERIOD, len(tokens)))


def _tail_doubled(tokens: Sequence[int], period: int) -> bool:
    return tokens[-period:] == tokens[-2 * period : -period]


def _run_doubled(tokens: Sequence[int], period: int) -> bool:
    run = 0
    for token, earlier in zip(tokens[period:], tokens, strict=False):
        run = run + 1 if token == earlier else 0
        if run >= _REPEATED:
            return True
    return False


def compression(text: str) -> float:
    """How well the text compresses: far above 2 only where it repeats itself."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0
