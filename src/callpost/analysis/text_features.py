"""What a trained classifier sees of a call: how often each word and each pair of words is said.

Every number is the same to it, so that no card number ever gets into a model. Pairs do not reach over lines.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from callpost.model.transcript import Transcript

NUMBER = "#"
_WORD = re.compile(r"(\d[\d.,:/-]*)|[^\W\d_]+(?:'[^\W\d_]+)*")


def text(transcript: Transcript) -> str:
    """A transcript as classifiers read it: a line for each turn, without its speaker."""
    return "\n".join(turn.text for turn in transcript.turns)


def words(line: str) -> list[str]:
    """The words of a line in lower case, without punctuation."""
    found = _WORD.finditer(line.casefold().replace("\u2019", "'"))
    return [NUMBER if word[1] else word[0] for word in found]


def terms(text: str) -> Iterator[str]:
    """Each word, and each two words that follow each other in a line, as often as they come."""
    for line in text.splitlines():
        said = words(line)
        yield from said
        yield from map(" ".join, pairwise(said))
