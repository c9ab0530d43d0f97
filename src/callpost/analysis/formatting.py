"""Numbers in words become figures, with the times of the words they come from.

Source: docs/how-to-guides/formatting.md: "one hundred thirty eight dollars and sixty five cents" → "$138.65",
a telephone number is one word from its first digit to its last.
"""

from collections.abc import Iterator
from dataclasses import replace

from callpost.analysis.cue_phrases import Subject
from callpost.analysis.cues import Cues
from callpost.analysis.dialogue import dialogue
from callpost.analysis.lexicon import MONTH_WORDS
from callpost.analysis.numbers import normalize
from callpost.analysis.quantities import Quantity, quantities
from callpost.model.transcript import Transcript, Turn, Word

_TAIL = ".,?!;:"


class Quantities:
    """The quantities of every turn of a transcript, read once."""

    def __init__(self, transcript: Transcript) -> None:
        self._dialogue = dialogue(transcript)
        self._cues = Cues(self._dialogue)
        self._position = {word.place: position for position, word in enumerate(self._dialogue.words)}
        self.turns = tuple(tuple(self._of(number, turn)) for number, turn in enumerate(transcript.turns))

    def _of(self, number: int, turn: Turn) -> list[Quantity]:
        words = [word.text for word in turn.words]
        return quantities(words, lambda first, digits: self._is_phone((number, first), digits))

    def _is_phone(self, place: tuple[int, int], digits: int) -> bool:
        """Ten digits are one unless something else is spoken of; seven only where a telephone is."""
        position = self._position[place]
        near = self._cues.near(position, position)
        phone = near.distance(Subject.PHONE)
        other = near.distance(Subject.OTHER, Subject.SOCIAL, Subject.CARD)
        if phone is not None and (other is None or phone <= other):
            return True
        return digits == 10 and (other is None or other > 12)


def format_numbers(transcript: Transcript) -> Transcript:
    """The transcript with its numbers in figures. English."""
    found = Quantities(transcript).turns
    turns = tuple(
        replace(turn, words=tuple(_formatted(turn, list(items))))
        for turn, items in zip(transcript.turns, found, strict=True)
    )
    return replace(transcript, turns=turns)


def _formatted(turn: Turn, found: list[Quantity]) -> Iterator[Word]:
    place = 0
    for quantity in filter(lambda quantity: _is_written_in_figures(turn, quantity), found):
        yield from turn.words[place : quantity.first]
        yield _merged(turn.words[quantity.first : quantity.last + 1], quantity.figures)
        place = quantity.last + 1
    yield from turn.words[place:]


def _is_written_in_figures(turn: Turn, quantity: Quantity) -> bool:
    """Not "one", which is as often a pronoun, nor "first"; days of a month always."""
    said = normalize(turn.words[quantity.first].text)
    if quantity.type == "ordinal":
        neighbours = (quantity.first - 1, quantity.first - 2, quantity.last + 1, quantity.last + 2)
        dated = any(
            0 <= place < len(turn.words) and normalize(turn.words[place].text) in MONTH_WORDS
            for place in neighbours
        )
        return dated or (quantity.value or 0) >= 10
    return not (quantity.first == quantity.last and said == "one" and quantity.figures == "1")


def _merged(words: tuple[Word, ...], figures: str) -> Word:
    """One word for several: from the first one's start to the last one's end, with its punctuation."""
    last = words[-1]
    body = last.text.rstrip(_TAIL)
    tail = last.text[len(body) :]
    if figures.endswith(("AM", "PM")) and tail.startswith("."):
        tail = tail[1:] if body.casefold().endswith((".m", "m")) and "." in body else tail
    confidence = sum(word.confidence for word in words) / len(words)
    return Word(figures + tail, words[0].start_ms, max(word.end_ms for word in words), confidence)
