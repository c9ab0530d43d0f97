"""Personal data beyond cards and social security numbers: the detector PII. English.

What it takes for personal follows the identifiers that US law wants removed before health data count as
anonymous (45 CFR 164.514(b)(2)(i)), as far as they are spoken: names of persons (the agent's too), places and
street addresses, dates of birth, telephone numbers, e-mail addresses, and longer numbers of any kind, which
may be an account's, a licence's or a policy's. Amounts, times of day and years are none.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from callpost.analysis import entities
from callpost.analysis.cue_phrases import Subject
from callpost.analysis.detection import BUFFER_MS, Region, Scene
from callpost.analysis.dialogue import Place
from callpost.analysis.digit_strings import DigitString
from callpost.analysis.entities import Stretch
from callpost.analysis.lexicon import words
from callpost.analysis.numbers import normalize, numerals
from callpost.analysis.reading import Reading
from callpost.model.configuration import DetectionLevel
from callpost.model.results import Entity
from callpost.model.transcript import Turn

_ALWAYS = {"person", "location", "phone"}
_NO_NUMBERS = {"money", "time"}
_YEARS = range(1900, 2100)
_BIRTH_WORDS = 25
_STREETS = words(
    """street road avenue drive lane boulevard court way place terrace highway square parkway circle crescent
    st rd ave dr ln blvd"""
)
_UNITS = words("apartment apt suite unit flat floor")
_STREET_WORDS = 4
_SPELT = words("dot underscore dash hyphen period")
_ENDINGS = words("com net org edu gov io co us uk")
_WRITTEN_EMAIL = re.compile(r"\S+@\S+\.\w+")

Found = Sequence[tuple[Stretch, Entity]]
"""The entities of one turn with the words they are made of."""


def detect(scene: Scene, reading: Reading, level: DetectionLevel) -> tuple[Region, ...]:
    """Regions by time, each of one speaker's words; for `entireRegion` with all that is said in the second
    before and after it.
    """
    exact = sorted(_regions(scene, reading), key=lambda region: region.start_ms)
    if level is not DetectionLevel.ENTIRE_REGION:
        return tuple(exact)
    return tuple(_widened(scene, region) for region in exact)


def _regions(scene: Scene, reading: Reading) -> Iterator[Region]:
    turns = reading.transcript.turns
    found = [*entities.by_turn(reading)]
    yield from _names_again(turns, found)
    births = _births(scene)
    numeric: set[Place] = set()
    for number, (turn, here) in enumerate(zip(turns, found, strict=True)):
        numeric |= {(number, at) for stretch, one in here if one.type in _NO_NUMBERS for at in _all(stretch)}
        personal = [
            stretch
            for stretch, one in here
            if one.type in _ALWAYS or (one.type == "date" and _is_birth(one, scene, turn, births))
        ]
        for stretch in (*personal, *_addresses(turn), *_emails(turn)):
            yield _region(turn, number, stretch)
    for string in scene.strings:
        places = _places(scene, string)
        if _is_identifying(string) and not numeric & places:
            yield Region(string.speaker, string.start_ms, string.end_ms, frozenset(places))


def _names_again(turns: Sequence[Turn], found: Sequence[Found]) -> Iterator[Region]:
    """A name that was recognised as one is one wherever it is said."""
    people = (
        (turn, stretch)
        for turn, here in zip(turns, found, strict=True)
        for stretch, entity in here
        if entity.type == "person"
    )
    names = {
        normalize(turn.words[at].text)
        for turn, stretch in people
        for at in _all(stretch)
        if _is_name(turn, at)
    }
    for number, turn in enumerate(turns):
        for at, word in enumerate(turn.words):
            if normalize(word.text) in names and _is_name(turn, at):
                yield _region(turn, number, (at, at))


def _is_name(turn: Turn, at: int) -> bool:
    text = turn.words[at].text
    return len(text) > 2 and text[0].isupper()


def _births(scene: Scene) -> list[int]:
    """Where a birth is spoken of, as positions among the words of the dialogue."""
    return [cue.first for cue in scene.cues.found if cue.subject is Subject.BIRTH]


def _is_birth(date: Entity, scene: Scene, turn: Turn, births: Sequence[int]) -> bool:
    """A date soon after a birth was spoken of, by either speaker, and in the same turn also before it."""
    said = scene.dialogue.words
    position = bisect_left(said, date.start_ms, key=lambda word: word.start_ms)
    return any(
        0 <= position - birth <= _BIRTH_WORDS
        or (said[birth].speaker == turn.speaker and turn.start_ms <= said[birth].start_ms <= turn.end_ms)
        for birth in births
    )


def _is_identifying(string: DigitString) -> bool:
    digits = string.digits
    return len(digits) > 4 or (len(digits) == 4 and int(digits) not in _YEARS)


def _addresses(turn: Turn) -> Iterator[Stretch]:
    """A house number, a few words and what streets are called; with the apartment, if there is one."""
    said = [normalize(word.text) for word in turn.words]
    found = list(numerals([word.text for word in turn.words]))
    starting = {numeral.first: numeral.last for numeral in found}
    for numeral in found:
        ahead = range(numeral.last + 2, min(numeral.last + 2 + _STREET_WORDS, len(said)))
        last = next((at for at in ahead if said[at] in _STREETS), None)
        if last is not None and not any(at in starting for at in range(numeral.last + 1, last)):
            unit = last + 2 if last + 1 < len(said) and said[last + 1] in _UNITS else None
            yield numeral.first, starting.get(unit, last) if unit is not None else last


def _emails(turn: Turn) -> Iterator[Stretch]:
    """Written as such, or spoken: "john dot smith at example dot com"."""
    said = [normalize(word.text) for word in turn.words]
    for at, word in enumerate(turn.words):
        if _WRITTEN_EMAIL.search(word.text):
            yield at, at
    for at in range(2, len(said) - 2):
        if said[at] == "at" and said[at + 2] == "dot" and said[min(at + 3, len(said) - 1)] in _ENDINGS:
            yield _local_part(said, at), at + 3


def _local_part(said: Sequence[str], at: int) -> int:
    """Where it begins: single letters and figures, and words on both sides of a spelt mark."""
    first = at - 1
    while first > 0 and (said[first - 1] in _SPELT or said[first] in _SPELT or _is_sign(said[first - 1])):
        first -= 1
    return first


def _is_sign(word: str) -> bool:
    return len(word) == 1 or word.isdigit()


def _region(turn: Turn, number: int, stretch: Stretch) -> Region:
    said = turn.words[stretch[0] : stretch[1] + 1]
    places = frozenset((number, at) for at in _all(stretch))
    return Region(turn.speaker, said[0].start_ms, max(word.end_ms for word in said), places)


def _all(stretch: Stretch) -> range:
    return range(stretch[0], stretch[1] + 1)


def _places(scene: Scene, string: DigitString) -> set[Place]:
    said = scene.dialogue.words
    return {said[position].place for numeral in string.numerals for position in numeral.positions}


def _widened(scene: Scene, region: Region) -> Region:
    start, end = max(region.start_ms - BUFFER_MS, 0), region.end_ms + BUFFER_MS
    around = frozenset(word.place for word in scene.dialogue.between(start, end))
    return Region(region.speaker, start, end, region.places | around)
