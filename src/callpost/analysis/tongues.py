"""What the detectors have to know of a language: how its numbers are said, and what is said around them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callpost.analysis import cue_phrases, numbers, spanish
from callpost.analysis.lexicon import HESITATIONS, MONTH_WORDS, NODS, words
from callpost.analysis.numbers import Numeral


@dataclass(frozen=True, slots=True)
class Tongue:
    """normalize: a word as it is compared. numerals: of a turn's words. cues: see `cue_phrases.pattern`.

    tolerated: words that do not end a number that is being read out. months: the names of the months.
    articles: numbers that mean nothing by themselves ("one").
    """

    normalize: Callable[[str], str]
    numerals: Callable[[Sequence[str]], list[Numeral]]
    cues: re.Pattern[str]
    tolerated: frozenset[str]
    months: frozenset[str]
    articles: frozenset[str]


ENGLISH = Tongue(
    numbers.normalize,
    numbers.numerals,
    cue_phrases.pattern(cue_phrases.PHRASES),
    HESITATIONS
    | NODS
    | words(
        "dash hyphen slash space point dot sorry no not wait wrong correction mean actually scratch repeat"
    )
    | words("so and then that that's thats it it's its is i let me see again start over hold on my bad make")
    | words("the next last first two three four digits set group got all go ahead thank you"),
    MONTH_WORDS,
    words("one oh o to too for won ate tree"),
)

SPANISH = Tongue(
    spanish.normalize,
    spanish.numerals,
    cue_phrases.pattern(spanish.CUE_PHRASES),
    spanish.TOLERATED,
    spanish.MONTHS,
    words("un una uno primera primero"),
)


def of(language: str) -> Tongue:
    """The language of a transcript ("es-MX"); English for those that have no detectors."""
    return SPANISH if language.partition("-")[0].casefold() == "es" else ENGLISH
