"""Finding numbers that must not be kept: payment cards, social security numbers, or any number.

Source: docs/how-to-guides/pci-ssn-pii-detection.md. Recognisers garble digit strings (a card of 16 digits
comes out with 14 or 21), so length and what is being talked about decide; the check digit only adds to it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from callpost.analysis.cue_phrases import Subject
from callpost.analysis.cues import Cues, Near
from callpost.analysis.dialogue import Dialogue, Place, Spoken, dialogue
from callpost.analysis.digit_strings import DigitString, digit_strings
from callpost.analysis.numbers import Kind
from callpost.model.configuration import DetectionLevel
from callpost.model.transcript import Transcript

BUFFER_MS = 1_000
"""What is said so shortly before and after a number belongs to its region."""

_ONE_REGION_MS = 8_000
_CARD_TALK_MS = 90_000
_ECHO_MS = 20_000
_SAME_CARD_MS = 45_000
_DECOYS = (Subject.OTHER, Subject.PHONE, Subject.SOCIAL, Subject.BIRTH)


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of the recording that holds such a number, and which words it covers."""

    speaker: str
    start_ms: int
    end_ms: int
    places: frozenset[Place]


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rules look at; made once for all detectors of a recording."""

    dialogue: Dialogue
    cues: Cues
    strings: tuple[DigitString, ...]

    @classmethod
    def of(cls, transcript: Transcript) -> "Scene":
        spoken = dialogue(transcript)
        cues = Cues(spoken)
        return cls(spoken, cues, digit_strings(spoken, cues))

    def near(self, string: DigitString) -> Near:
        return self.cues.near(string.first, string.last)

    def card_talk(self, string: DigitString) -> bool:
        """Whether a card is spoken of within a minute and a half, by either."""
        words = self.dialogue.words
        return any(
            cue.subject is Subject.CARD
            and -_CARD_TALK_MS < words[cue.first].start_ms - string.end_ms < _CARD_TALK_MS / 3
            for cue in self.cues.found
        )


def detect(scene: Scene, detector: str, level: DetectionLevel) -> tuple[Region, ...]:
    """Regions by time. detector: a key of DETECTORS, or with -Spanish after it.

    The transcript is English or Spanish, before any formatting.
    """
    return tuple(_REGIONS[level](scene, DETECTORS[detector.removesuffix("-Spanish")](scene)))


def luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def _cards(scene: Scene) -> list[DigitString]:
    """Card numbers with their expiry dates and security codes, repetitions and echoes included."""
    numbers = [string for string in scene.strings if _is_card_number(string, scene.near(string))]
    numbers += [string for string in _in_pieces(scene) if string not in numbers]
    found = numbers + [
        string for string in scene.strings if _is_expiry(scene, string) or _is_code(scene, string)
    ]
    others = (part for string in scene.strings if string not in found for part in _by_turn(scene, string))
    found += [part for part in others if _repeats(part, numbers)]
    return sorted(set(found), key=lambda string: string.first)


def _is_card_number(string: DigitString, near: Near) -> bool:
    length, card, decoy = len(string.digits), near.distance(Subject.CARD), near.distance(*_DECOYS)
    likely = _looks_like_card(string.digits)
    if decoy is not None and (card is None or decoy + 3 <= card):
        return likely and card is not None and card <= decoy + 6
    if 12 <= length <= 40:
        return card is not None or likely or (14 <= length <= 24)
    return 7 <= length < 12 and card is not None and card <= 6 and length not in {7, 10}


def _looks_like_card(digits: str) -> bool:
    """A number of a known network with a right check digit, or one followed by a date and a code."""
    return any(
        luhn(digits[:length]) and digits[0] in "23456"
        for length in (len(digits), 16, 15)
        if 13 <= length <= 19 and length <= len(digits)
    )


def _in_pieces(scene: Scene) -> Iterator[DigitString]:
    """Strings of one speaker that only together are long enough, while the talk is of a card."""
    for speaker in dict.fromkeys(string.speaker for string in scene.strings):
        own = [string for string in scene.strings if string.speaker == speaker]
        for group in _groups(own, scene.cues):
            card = scene.near(group[0]).distance(Subject.CARD)
            if len(group) > 1 and card is not None and card <= 25 and _total(group) >= 12:
                yield from group


def _groups(own: Sequence[DigitString], cues: Cues) -> Iterator[list[DigitString]]:
    group: list[DigitString] = []
    for string in own:
        if group and not _same_number(group[-1], string, cues):
            yield group
            group = []
        group.append(string)
    if group:
        yield group


def _same_number(left: DigitString, right: DigitString, cues: Cues) -> bool:
    close = right.start_ms - left.end_ms < _SAME_CARD_MS / 3
    return close and all(cue.subject is Subject.CARD for cue in cues.within(left.last, right.first))


def _total(group: Iterable[DigitString]) -> int:
    return sum(len(string.digits) for string in group)


def _is_expiry(scene: Scene, string: DigitString) -> bool:
    near = scene.near(string)
    expiry, other = near.distance(Subject.EXPIRY), near.distance(*_DECOYS, Subject.CODE, Subject.CVV)
    if expiry is None or expiry > 18 or (other is not None and other < expiry):
        return False
    return _is_month_and_year(scene, string) and scene.card_talk(string)


def _is_month_and_year(scene: Scene, string: DigitString) -> bool:
    """0827, 827, 082027; 27 or 2027 after the name of a month; garbled: up to six digits."""
    digits = string.digits
    if _month_before(scene.dialogue, string.first) is not None:
        return len(digits) in {2, 4}
    return 3 <= len(digits) <= 6


def _month_before(spoken: Dialogue, first: int) -> int | None:
    """The position of a month's name right before a number (of the same speaker)."""
    speaker = spoken.words[first].speaker
    for position in range(first - 1, max(first - 4, -1), -1):
        word = spoken.words[position]
        if word.speaker == speaker and word.text not in {"of", "de", "del"}:
            return position if word.text in spoken.tongue.months else None
    return None


def _is_code(scene: Scene, string: DigitString) -> bool:
    near = scene.near(string)
    certain, perhaps = near.distance(Subject.CVV), near.distance(Subject.CODE)
    code, other = near.distance(Subject.CVV, Subject.CODE), near.distance(*_DECOYS, Subject.EXPIRY)
    if code is None or code > 18 or (other is not None and other < code):
        return False
    if certain is not None and (perhaps is None or certain <= perhaps):
        return 2 <= len(string.digits) <= 5
    return len(string.digits) in {3, 4} and scene.card_talk(string)


def _by_turn(scene: Scene, string: DigitString) -> Iterator[DigitString]:
    """A string as it is spread over turns: of an echo in several turns each is compared by itself."""
    turns: dict[int, list[Spoken]] = {}
    for numeral in string.numerals:
        turns.setdefault(scene.dialogue.words[numeral.first].place[0], []).append(numeral)
    return (DigitString(tuple(numerals)) for numerals in turns.values())


def _repeats(string: DigitString, numbers: Sequence[DigitString]) -> bool:
    """The same digits again: the other speaker's echo, or a number that is read back later."""
    for number in numbers:
        away = max(number.start_ms - string.end_ms, string.start_ms - number.end_ms)
        enough = 8 if away > _ECHO_MS else 3 if away > _ECHO_MS / 5 else 2
        if string.digits in number.digits and len(string.digits) >= enough:
            return True
    return False


def _social_security_numbers(scene: Scene) -> list[DigitString]:
    return [string for string in scene.strings if _is_social(string, scene.near(string))]


def _is_social(string: DigitString, near: Near) -> bool:
    """Nine digits, or as many as a garbled number has, or its last four, where one is spoken of."""
    if any(re.fullmatch(r"\d{3}-\d{2}-\d{4}", numeral.written or "") for numeral in string.numerals):
        return True
    social = near.distance(Subject.SOCIAL)
    other = near.distance(Subject.CARD, Subject.PHONE, Subject.BIRTH, Subject.OTHER)
    if social is None or (other is not None and other + 2 < social):
        return False
    length = len(string.digits)
    return 7 <= length <= 13 or (length == 4 and social <= 20)


def _numbers(scene: Scene) -> list[DigitString]:
    """Every number that is said; not "one" by itself, which is as often a pronoun, nor "the first"."""
    return [DigitString((numeral,)) for numeral in scene.dialogue.numerals if _is_number(scene, numeral)]


def _is_number(scene: Scene, numeral: Spoken) -> bool:
    if numeral.kind is Kind.ORDINAL:
        return numeral.written is not None or int(numeral.digits) > 9
    alone = not any(numeral in string.numerals for string in scene.strings if len(string.numerals) > 1)
    said = " ".join(scene.dialogue.words[position].text for position in numeral.positions)
    return not (alone and said in scene.dialogue.tongue.articles)


DETECTORS: dict[str, Callable[[Scene], list[DigitString]]] = {
    "PCI": _cards,
    "SSN": _social_security_numbers,
    "Number": _numbers,
}
"""By the names of the documentation."""


def _entire_regions(scene: Scene, strings: Iterable[DigitString]) -> Iterator[Region]:
    """The whole passage: strings close to each other as one, with some of what was said around them."""
    passages: list[list[DigitString]] = []
    for string in sorted(strings, key=lambda string: string.start_ms):
        if passages and string.start_ms - max(part.end_ms for part in passages[-1]) < _ONE_REGION_MS:
            passages[-1].append(string)
        else:
            passages.append([string])
    for passage in passages:
        yield _passage(scene, passage)


def _passage(scene: Scene, passage: Sequence[DigitString]) -> Region:
    month = _month_before(scene.dialogue, passage[0].first)
    first_ms = scene.dialogue.words[month].start_ms if month is not None else passage[0].start_ms
    start = max(first_ms - BUFFER_MS, 0)
    end = max(string.end_ms for string in passage) + BUFFER_MS
    covered = frozenset(word.place for word in scene.dialogue.between(start, end))
    longest = max(passage, key=lambda string: len(string.digits))
    return Region(longest.speaker, start, end, covered)


def _probable_numbers(scene: Scene, strings: Iterable[DigitString]) -> Iterator[Region]:
    """From the first number of a string to its last, whatever the speaker said between."""
    for string in strings:
        words = scene.dialogue.words[string.first : string.last + 1]
        own = frozenset(word.place for word in words if word.speaker == string.speaker)
        yield Region(string.speaker, string.start_ms, string.end_ms, own)


def _numbers_only(scene: Scene, strings: Iterable[DigitString]) -> Iterator[Region]:
    """Unbroken runs of numbers, and nothing between them."""
    for string in strings:
        runs: list[list[Spoken]] = []
        for numeral in string.numerals:
            if runs and not _own_words_between(scene.dialogue, runs[-1][-1], numeral):
                runs[-1].append(numeral)
            else:
                runs.append([numeral])
        yield from (_run(scene.dialogue, run) for run in runs)


def _own_words_between(spoken: Dialogue, left: Spoken, right: Spoken) -> bool:
    return any(word.speaker == left.speaker for word in spoken.words[left.last + 1 : right.first])


def _run(spoken: Dialogue, run: Sequence[Spoken]) -> Region:
    places = frozenset(spoken.words[position].place for numeral in run for position in numeral.positions)
    return Region(run[0].speaker, run[0].start_ms, run[-1].end_ms, places)


_REGIONS: dict[DetectionLevel, Callable[[Scene, Iterable[DigitString]], Iterator[Region]]] = {
    DetectionLevel.ENTIRE_REGION: _entire_regions,
    DetectionLevel.PROBABLE_NUMBERS: _probable_numbers,
    DetectionLevel.NUMBERS_ONLY: _numbers_only,
}
