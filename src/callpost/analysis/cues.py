"""Words that tell what a number is: of a card, an order, a telephone. English."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from callpost.analysis.dialogue import Dialogue


class Subject(Enum):
    """What a cue speaks of. CVV: a card's code for certain; CODE: perhaps a card's, perhaps a gate's.

    OTHER: numbers that are no card's, of orders, accounts, parcels.
    """

    CARD = auto()
    EXPIRY = auto()
    CVV = auto()
    CODE = auto()
    SOCIAL = auto()
    PHONE = auto()
    BIRTH = auto()
    OTHER = auto()


_PHRASES = {
    Subject.CARD: [
        r"(?:credit|debit|master|bank|american express|discover) cards?",
        r"cards?|card's|visas?|mastercard|amex|american express|maestro|diners|cc|debit|long number",
        r"(?:sixteen|16)(?: |-)digits?|(?:front of|across) (?:the|your|my) (?:front|card)",
    ],
    Subject.EXPIRY: [
        r"expir\w*(?: dates?)?|exp(?: date)?",
        r"(?:good|valid) (?:through|thru|until|till|to)",
    ],
    Subject.SOCIAL: [r"social security(?: (?:number|card))?|social|socials|ssn|s s n|soc"],
    Subject.CVV: [
        r"cvv\w?|cvc\w?|cvd|csc|c v v|c v c|c v 2|cv two|cv ?2",
        r"card (?:security|verification) (?:code|number)",
        r"(?:three|3|four|4)(?: |-)(?:digits?|numbers?)(?: \w+){0,2} (?:on|at|from) the (?:back|front|card)",
        r"back of (?:the|your|my) card",
    ],
    Subject.CODE: [
        r"security (?:code|number|digits)|verification (?:code|number|value)|back of it",
        r"(?:three|3|four|4)(?: |-)(?:digit|number) (?:\w+ ){0,2}(?:code|number)",
    ],
    Subject.PHONE: [
        r"phone|telephone|cell|cellphone|mobile|callback|landline|fax|extension|area code",
        r"(?:call|reach|text|ring|dial|contact) (?:me|you|us|him|her|them|back|at|on)",
        r"(?:called|calling) from",
    ],
    Subject.BIRTH: [r"birth|birthday|birthdate|dob|d o b|born"],
    Subject.OTHER: [
        r"orders?|tracking|confirmation|reference|ref|invoice|ticket|serial|policy|claim|member|membership",
        r"account(?! holder| owner| with| is| was| has)|routing|zip|zipcode|postcode|postal|sku|imei",
        r"iccid|vin|meter|booking|reservation|loyalty",
        r"upc|barcode|licen[sc]e|passport|iban|prescription|shipment|parcel|passcode|transaction|receipt|isbn",
        r"fedex|ups|coupon|voucher|promo|registration|mac address|sort code|frequent flyer",
        r"(?:case|part|model|product|batch|contract|customer|employee|student|patient) (?:number|id|code)",
        r"(?:sim|device|router|identification|id|pin|flight|transfer|package|group) (?:number|id|code)",
    ],
}
_PATTERN = "|".join(f"(?P<{subject.name}>{'|'.join(phrases)})" for subject, phrases in _PHRASES.items())
_CUE = re.compile(rf"(?<!\S)(?:{_PATTERN})(?!\S)")


@dataclass(frozen=True, slots=True)
class Cue:
    """The words first to last (inclusive) of the sequence."""

    subject: Subject
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest cue of each subject around a stretch: how many words away."""

    before: dict[Subject, int]
    after: dict[Subject, int]

    def distance(self, *subjects: Subject, after: int = 6) -> int | None:
        """To the nearest cue of these subjects. One that comes after counts as `after` words farther."""
        found = [self.before[subject] for subject in subjects if subject in self.before]
        found += [self.after[subject] + after for subject in subjects if subject in self.after]
        return min(found, default=None)


class Cues:
    """All cues of a dialogue, found once. Regions are given by positions in its sequence of words."""

    _REACH_WORDS = 45
    _REACH_MS = 40_000
    _AFTER_WORDS = 8

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self.found = tuple(_find(dialogue))
        self._firsts = [cue.first for cue in self.found]
        self._lasts = [cue.last for cue in self.found]

    def within(self, first: int, last: int) -> Iterable[Cue]:
        """Cues that begin after position `first` and before `last`."""
        return self.found[bisect_right(self._firsts, first) : bisect_left(self._firsts, last)]

    def near(self, first: int, last: int) -> Near:
        """The nearest cues before the word at `first` and after the word at `last`, as far as they reach."""
        return Near(self._before(first), self._after(last))

    def _before(self, first: int) -> dict[Subject, int]:
        words, nearest = self._dialogue.words, dict[Subject, int]()
        for cue in reversed(self.found[: bisect_left(self._lasts, first)]):
            away = self._dialogue.distance(cue.last, first)
            if away > self._REACH_WORDS or words[first].start_ms - words[cue.last].end_ms > self._REACH_MS:
                break
            nearest.setdefault(cue.subject, away)
        return nearest

    def _after(self, last: int) -> dict[Subject, int]:
        nearest = dict[Subject, int]()
        for cue in self.found[bisect_right(self._firsts, last) :]:
            away = self._dialogue.distance(last, cue.first)
            if away > self._AFTER_WORDS:
                break
            nearest.setdefault(cue.subject, away)
        return nearest


def _find(dialogue: Dialogue) -> Iterator[Cue]:
    """Cues among each speaker's own words, so that an interjection does not cut a phrase."""
    found = []
    for speaker in dict.fromkeys(word.speaker for word in dialogue.words):
        own = [number for number, word in enumerate(dialogue.words) if word.speaker == speaker]
        texts = [dialogue.words[number].text.replace(".", "") for number in own]
        found += [Cue(subject, own[first], own[last]) for subject, first, last in _matches(texts)]
    return iter(sorted(found, key=lambda cue: cue.first))


def _matches(texts: list[str]) -> Iterator[tuple[Subject, int, int]]:
    joined = " ".join(texts)
    starts = [0]
    for text in texts:
        starts.append(starts[-1] + len(text) + 1)
    for match in _CUE.finditer(joined):
        first = bisect_right(starts, match.start()) - 1
        last = bisect_right(starts, match.end() - 1) - 1
        yield Subject[match.lastgroup or ""], first, last
