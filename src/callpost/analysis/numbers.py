"""Numbers in English speech: as words ("forty one eleven", "double five", "oh") and in figures.

The unit is the numeral: the fewest words that say one number or one group of digits. What is made of several
numerals, such as a card number, is put together in `digit_strings`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum, auto

_UNITS = {word: value for value, word in enumerate(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
} | {"nought": 0, "naught": 0, "niner": 9}  # fmt: skip
_TEENS = {word: value for value, word in enumerate(
    ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
     "nineteen"), start=10)
}  # fmt: skip
_TENS = {word: 10 * value for value, word in enumerate(
    ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2)
} | {"fourty": 40}  # fmt: skip
_SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_REPEATS = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_ORDINALS = {word: value for value, word in enumerate(
    ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
     "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth",
     "nineteenth", "twentieth"), start=1)
} | {"thirtieth": 30}  # fmt: skip
_OH = {"oh", "o"}
_SOUND_ALIKES = {
    "to": "2",
    "too": "2",
    "for": "4",
    "fore": "4",
    "won": "1",
    "ate": "8",
    "tree": "3",
    "sex": "6",
}

CURRENCIES = {
    "dollar": "$", "dollars": "$", "buck": "$", "bucks": "$", "pound": "£", "pounds": "£", "quid": "£",
    "euro": "€", "euros": "€",
}  # fmt: skip
CENTS = {"cent", "cents", "pence"}
MEASURES = {
    "percent", "times", "days", "day", "weeks", "week", "months", "month", "years", "year", "hours", "hour",
    "minutes", "minute", "seconds", "people", "items", "degrees", "miles", "inches", "feet", "foot", "gigs",
    "gigabytes", "megabytes", "megabits", "digit", "digits", "o'clock", "am", "pm", "a.m", "p.m", "points",
    "business", "percentage", "more", "other", "things", "kids", "children", "payments", "installments",
    "characters", "letters",
}  # fmt: skip
"""What follows a quantity; "digits" too: a sixteen-digit number is not itself a number being read out."""

_EDGES = " \t\n.,?!;:\"'()[]{}`#\u2026\u201c\u201d\u2018\u2019"
_LITERAL = re.compile(
    r"-?(?P<currency>[$£€])?(?P<body>\d+(?:[-\u2013./,:]\d+)*)(?P<suffix>%|st|nd|rd|th|am|pm)?-?",
    re.IGNORECASE,
)
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")


class Kind(StrEnum):
    """DIGITS are read out one or a few at a time; the others say how much, how many or which."""

    DIGITS = auto()
    CARDINAL = auto()
    ORDINAL = auto()
    MONEY = auto()
    MEASURE = auto()
    TIME = auto()


@dataclass(frozen=True, slots=True)
class Numeral:
    """Words first to last (inclusive) of a sequence, and the digits they say.

    value: of the whole, None where the digits are no quantity ("oh five", "08/27"). written: as in the words,
    where the recogniser wrote figures. sure: False for a word that only sounds like a digit ("oh", "for").
    """

    first: int
    last: int
    digits: str
    kind: Kind
    value: float | None = None
    written: str | None = None
    sure: bool = True


def normalize(text: str) -> str:
    """A word in lower case, without the punctuation around it."""
    return text.strip(_EDGES).replace("\u2019", "'").lower()


def numerals(words: Sequence[str]) -> list[Numeral]:
    """All numerals of a turn's words, in order and apart. words: as transcribed."""
    spoken = [normalize(word) for word in words]
    ended = closed(words)
    return list(confirmed(_scan(spoken, ended, words), ended))


def closed(words: Sequence[str]) -> list[bool]:
    """Whether a comma, a full stop or the like follows each of the words."""
    return [word.rstrip("\"')\u201d\u2019").endswith((",", ".", "?", "!", ";", ":")) for word in words]


def _scan(spoken: Sequence[str], closed: Sequence[bool], words: Sequence[str]) -> Iterator[Numeral]:
    place = 0
    while place < len(spoken):
        numeral = literal(spoken, place, words) or _spoken(spoken, closed, place)
        if numeral is None:
            place += 1
            continue
        yield _with_unit(numeral, spoken)
        place = numeral.last + 1


def confirmed(found: Iterable[Numeral], closed: Sequence[bool]) -> Iterator[Numeral]:
    """Words that only sound like digits count within a run of digits, "oh" at its ends too; not "Oh, …"."""
    for run in _runs(found):
        for place, numeral in enumerate(run):
            inside = 0 < place < len(run) - 1
            zero = numeral.digits == "0" and not (place == 0 and closed[numeral.last])
            if numeral.sure or ((inside or zero) and any(other.sure for other in run)):
                yield numeral


def _runs(found: Iterable[Numeral]) -> Iterator[list[Numeral]]:
    """Numerals that follow each other without a word between; an amount or a quantity stands alone."""
    run: list[Numeral] = []
    for numeral in found:
        read_out = numeral.kind in {Kind.DIGITS, Kind.CARDINAL}
        if run and not (read_out and numeral.first == run[-1].last + 1):
            yield run
            run = []
        run.append(numeral)
        if not read_out:
            yield run
            run = []
    if run:
        yield run


def literal(spoken: Sequence[str], place: int, words: Sequence[str]) -> Numeral | None:
    """Figures: 4111-1111, 08/27, 1,234.50, $138.65, 15th, 2:30."""
    found = _LITERAL.fullmatch(spoken[place])
    if found is None:
        return None
    body, suffix = found["body"], (found["suffix"] or "").lower()
    kind, value = _literal_kind(body, suffix, bool(found["currency"]))
    digits = re.sub(r"\D", "", body)
    return Numeral(place, place, digits, kind, value, written=normalize(words[place]))


def _literal_kind(body: str, suffix: str, currency: bool) -> tuple[Kind, float | None]:
    value = _value(body)
    if currency:
        return Kind.MONEY, value
    if ":" in body or suffix in {"am", "pm"}:
        return Kind.TIME, None
    if suffix in {"st", "nd", "rd", "th"}:
        return Kind.ORDINAL, value
    if suffix == "%":
        return Kind.MEASURE, value
    if _THOUSANDS.fullmatch(body) or re.fullmatch(r"\d+\.\d+", body):
        return Kind.CARDINAL, value
    return Kind.DIGITS, value


def _value(body: str) -> float | None:
    plain = body.replace(",", "")
    return float(plain) if re.fullmatch(r"\d+(\.\d+)?", plain) else None


def _spoken(spoken: Sequence[str], closed: Sequence[bool], place: int) -> Numeral | None:
    word = spoken[place]
    if "-" in word:
        return _hyphenated(word, place)
    if word in _REPEATS and place + 1 < len(spoken):
        return _repeated(spoken, place)
    if word in _OH:
        return Numeral(place, place, "0", Kind.DIGITS, sure=False)
    if word in _SOUND_ALIKES:
        return Numeral(place, place, _SOUND_ALIKES[word], Kind.DIGITS, sure=False)
    return _Cardinal(spoken, closed, place).read()


def _hyphenated(word: str, place: int) -> Numeral | None:
    """forty-one, four-one-one-one, twenty-first: numerals of their own, joined."""
    parts = [part for part in word.split("-") if part]
    inner = list(_scan(parts, [False] * len(parts), parts))
    covered = sum(numeral.last - numeral.first + 1 for numeral in inner)
    if not inner or covered != len(parts):
        return None
    digits = "".join(numeral.digits for numeral in inner)
    only = inner[0] if len(inner) == 1 else None
    return Numeral(place, place, digits, only.kind if only else Kind.DIGITS, only.value if only else None)


def _repeated(spoken: Sequence[str], place: int) -> Numeral | None:
    """double five, triple oh."""
    word = spoken[place + 1]
    digit = str(_UNITS[word]) if word in _UNITS else "0" if word in _OH else word if word.isdecimal() else ""
    if len(digit) != 1:
        return None
    return Numeral(place, place + 1, digit * _REPEATS[spoken[place]], Kind.DIGITS)


class _Cardinal:
    """Reads one number in words from `place` on: units, tens and teens, hundreds, scales."""

    def __init__(self, spoken: Sequence[str], closed: Sequence[bool], place: int) -> None:
        self.spoken = spoken
        self.closed = closed
        self.first = self.place = place

    def read(self) -> Numeral | None:
        total, group = 0, self._below_thousand()
        if group is None:
            return self._ordinal(0)
        while (scale := _SCALES.get(self._next())) is not None:
            self.place += 1
            total, group = total + group * scale, 0
            if self._goes_on():
                self._skip_and()
                group = self._below_thousand() or 0
        total += group
        if self._next() in _ORDINALS and (ordinal := self._ordinal(total)):
            return ordinal
        kind = Kind.DIGITS if total < 100 else Kind.CARDINAL
        return Numeral(self.first, self.place - 1, str(total), kind, float(total))

    def _next(self) -> str:
        """The word to read next; a comma or a full stop before it ends the number."""
        if self.place >= len(self.spoken) or (self.place > self.first and self.closed[self.place - 1]):
            return ""
        return self.spoken[self.place]

    def _below_hundred(self) -> int | None:
        word = self._next()
        if word in _TENS:
            self.place += 1
            unit = _UNITS.get(self._next(), 0)
            self.place += unit > 0
            return _TENS[word] + unit
        value = _UNITS.get(word, _TEENS.get(word))
        self.place += value is not None
        return value

    def _below_thousand(self) -> int | None:
        if self._next() == "a" and self._peek(1) in {"hundred", *_SCALES}:
            self.place += 1
            value: int | None = 1
        else:
            value = self._below_hundred()
        if value and self._next() == "hundred":
            self.place += 1
            value *= 100
            if self._goes_on():
                self._skip_and()
                value += self._below_hundred() or 0
        return value

    def _goes_on(self) -> bool:
        """Whether what follows belongs to the number: not the first of single digits, as in "800 555"."""
        if self._next() == "and":
            return True
        return not (self._next() in _UNITS and self._peek(1) in {*_UNITS, *_OH})

    def _peek(self, ahead: int) -> str:
        return self.spoken[self.place + ahead] if self.place + ahead < len(self.spoken) else ""

    def _skip_and(self) -> None:
        """In "one hundred and five" the "and" belongs to the number only where the number goes on."""
        if self._next() == "and" and self._peek(1) in {*_UNITS, *_TEENS, *_TENS}:
            self.place += 1

    def _ordinal(self, total: int) -> Numeral | None:
        """fifteenth, twenty first; a lone "second" is as often a moment."""
        word = self._next()
        if word not in _ORDINALS or (total and (total % 10 or _ORDINALS[word] > 9)):
            return None
        self.place += 1
        value = total + _ORDINALS[word]
        return Numeral(self.first, self.place - 1, str(value), Kind.ORDINAL, float(value))


def _with_unit(numeral: Numeral, spoken: Sequence[str]) -> Numeral:
    """What follows tells an amount or a quantity from digits read out."""
    following = spoken[numeral.last + 1] if numeral.last + 1 < len(spoken) else ""
    if numeral.kind not in {Kind.DIGITS, Kind.CARDINAL} or not numeral.sure:
        return numeral
    if following in CURRENCIES or following in CENTS:
        return replace(numeral, kind=Kind.MONEY)
    return replace(numeral, kind=Kind.MEASURE) if following in MEASURES else numeral
