"""Text as it is counted: "$89.50" and "eighty nine dollars and fifty cents" are the same words.

Spelling, contractions and numbers are made alike by Whisper's own normaliser for English (Radford et al.
2022, appendix C); numbers then count digit by digit, so that a long one weighs what it takes to say.
"""

import re
from functools import cache

from whisper_normalizer.english import EnglishTextNormalizer


def spoken(text: str) -> str:
    """Lower case, no punctuation, one spelling, each digit a word of its own ("3rd" is "3")."""
    text = re.sub(r"(?<![\d-])(\d)-(\d)(?![\d-])", r"\1 to \2", text)
    text = _normaliser()(re.sub(r"(?<=\d)-(?=\d)", " ", text))
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text)
    return " ".join(re.sub(r"\d", r" \g<0> ", re.sub(r"[$£€%.¢]", " ", text)).split())


@cache
def _normaliser() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()
