"""Coarse words give way to "...".

Source: docs/how-to-guides/swearwords.md. The list is our own: words that are coarse wherever they stand, and
slurs; mild oaths ("damn", "hell", "crap") stay.
"""

import re
from dataclasses import replace

from callpost.analysis.numbers import normalize
from callpost.model.transcript import Transcript, Turn

_COARSE = re.compile(
    r"""(?: (?:mother|cluster)?-?fuck\w* | (?:bull|horse|dog|chicken|ape|dip)?-?shit(?!ake)\w*
    | (?:son-of-a-)?bitch\w* | (?:ass|arse|butt)-?(?:hole|hat|face|wipe)\w* | (?:dumb|jack|smart)-?ass(?:es)?
    | bastards? | cunt\w* | dick-?heads? | pricks? | cocks?(?:ucker|uckers)? | pussy | pussies | twats?
    | wank\w* | bollocks | bugger(?:s|ed|ing)? | slut\w* | whor(?:e|es|ing) | god-?damn\w* | douche\w*
    | piss(?:ed|ing|er|y)? | nigg(?:a|as|er|ers) | fag(?:s|got|gots)? | retard(?:s|ed)? | trann(?:y|ies)
    | chinks? | spics? | kikes? )(?:'s)?""",
    re.VERBOSE,
)


def filter_profanity(transcript: Transcript) -> Transcript:
    """The transcript with "..." in the place of coarse words; times stay. English."""
    turns = tuple(_filtered(turn) for turn in transcript.turns)
    return replace(transcript, turns=turns)


def _filtered(turn: Turn) -> Turn:
    words = tuple(
        replace(word, text="...") if _COARSE.fullmatch(normalize(word.text)) else word for word in turn.words
    )
    return replace(turn, words=words)
