"""Numbers of a turn by what they mean: money, telephone numbers, times, and numbers as such.

Source: docs/how-to-guides/formatting.md (what is written in figures, and how) and entities.md.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from callpost.analysis.numbers import CENTS, CURRENCIES, Kind, Numeral, normalize, numerals

_HALVES = {"am": "AM", "a.m": "AM", "pm": "PM", "p.m": "PM"}
_CLOSING = (",", ".", "?", "!", ";", ":")


@dataclass(frozen=True, slots=True)
class Quantity:
    """Words first to last (inclusive) of a turn, and how they read in figures.

    type: money, phone, time, ordinal or number. cents: of money. value: where it is one number.
    """

    type: str
    first: int
    last: int
    figures: str
    cents: int | None = None
    value: float | None = None


def quantities(words: Sequence[str], is_phone: Callable[[int, int], bool]) -> list[Quantity]:
    """All of them, in order and apart.

    is_phone(first, digits): whether a string of so many digits that begins at a word is a telephone number.
    """
    spoken = [normalize(word) for word in words]
    found = [numeral for numeral in numerals(words) if numeral.sure or numeral.digits == "0"]
    return sorted(_read(words, spoken, found, is_phone), key=lambda quantity: quantity.first)


def _read(
    words: Sequence[str],
    spoken: Sequence[str],
    found: Sequence[Numeral],
    is_phone: Callable[[int, int], bool],
) -> Iterator[Quantity]:
    place = 0
    while place < len(found):
        run = _run(found, place)
        quantity = _money(found, place, spoken) or _time(found, place, spoken) or _phone(run, is_phone)
        if quantity is not None:
            yield quantity
            place = next(
                (at for at in range(place, len(found)) if found[at].first > quantity.last), len(found)
            )
        elif run:
            segment = _segment(run, words)
            yield from _digits(segment)
            place += len(segment)
        else:
            yield from _single(found[place], spoken)
            place += 1


def _run(found: Sequence[Numeral], place: int) -> Sequence[Numeral]:
    """The numerals from `place` on that are read out one after the other."""
    end = place
    while end < len(found) and found[end].kind in {Kind.DIGITS, Kind.CARDINAL}:
        if end > place and found[end].first != found[end - 1].last + 1:
            break
        end += 1
    return found[place:end]


def _segment(run: Sequence[Numeral], words: Sequence[str]) -> Sequence[Numeral]:
    """The run as far as the first punctuation."""
    for place, numeral in enumerate(run):
        if words[numeral.last].endswith(_CLOSING):
            return run[: place + 1]
    return run


def _money(found: Sequence[Numeral], place: int, spoken: Sequence[str]) -> Quantity | None:
    """$138.65, one hundred thirty eight dollars and sixty five cents, fifty cents."""
    numeral = found[place]
    if numeral.kind is not Kind.MONEY or numeral.value is None:
        return None
    unit = "" if numeral.written and numeral.written[0] in "$£€" else spoken[numeral.last + 1]
    if unit in CENTS:
        return _amount(numeral.first, numeral.last + 1, "$", round(numeral.value), whole=False)
    last, cents = numeral.last + bool(unit), round(numeral.value * 100)
    following = found[place + 1] if place + 1 < len(found) else None
    if unit and following is not None and _are_its_cents(following, last, spoken):
        cents, last = cents + round(following.value or 0), following.last + 1
    symbol = CURRENCIES.get(unit) or (numeral.written or "$")[0]
    return _amount(numeral.first, last, symbol, cents, whole="." not in (numeral.written or ""))


def _are_its_cents(numeral: Numeral, last: int, spoken: Sequence[str]) -> bool:
    between = spoken[last + 1 : numeral.first]
    unit = spoken[numeral.last + 1] if numeral.last + 1 < len(spoken) else ""
    return list(between) in ([], ["and"]) and unit in CENTS and (numeral.value or 0) < 100


def _amount(first: int, last: int, symbol: str, cents: int, *, whole: bool) -> Quantity:
    units, rest = divmod(cents, 100)
    figures = f"{symbol}{units:,}" if whole and not rest else f"{symbol}{units:,}.{rest:02}"
    return Quantity("money", first, last, figures, cents, cents / 100)


def _time(found: Sequence[Numeral], place: int, spoken: Sequence[str]) -> Quantity | None:
    """2:30, two thirty pm, five p.m., one o'clock."""
    numeral = found[place]
    if numeral.kind is Kind.TIME:
        return Quantity("time", numeral.first, numeral.last, numeral.written or "")
    if not (1 <= (numeral.value or 0) <= 12):
        return None
    hour, last, minutes = int(numeral.value or 0), numeral.last, None
    following = found[place + 1] if place + 1 < len(found) else None
    if (
        following
        and following.first == last + 1
        and len(following.digits) == 2
        and (following.value or 99) < 60
    ):
        minutes, last = int(following.value or 0), following.last
    unit = spoken[last + 1] if last + 1 < len(spoken) else ""
    if unit in _HALVES:
        clock = f"{hour}:{minutes:02}" if minutes is not None else str(hour)
        return Quantity("time", numeral.first, last + 1, f"{clock} {_HALVES[unit]}")
    if unit == "o'clock" and minutes is None:
        return Quantity("time", numeral.first, last + 1, f"{hour} o'clock")
    return None


def _phone(run: Sequence[Numeral], is_phone: Callable[[int, int], bool]) -> Quantity | None:
    """650-897-5170, 1-800-555-1212, 555-1212."""
    digits = "".join(numeral.digits for numeral in run)
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) not in {7, 10} or not is_phone(run[0].first, len(national)):
        return None
    parts = [national[-10:-7], national[-7:-4], national[-4:]]
    lead = ["1"] if len(digits) == 11 else []
    return Quantity("phone", run[0].first, run[-1].last, "-".join([*lead, *filter(None, parts)]))


def _digits(segment: Sequence[Numeral]) -> Iterator[Quantity]:
    """Digits read out one by one, and years, as one number; other numbers each by itself."""
    first, last = segment[0], segment[-1]
    single = all(len(numeral.digits.strip(numeral.digits[0])) == 0 for numeral in segment)
    year = len(segment) == 2 and first.digits in {"19", "20"} and len(last.digits) == 2
    unwritten = all(numeral.written is None for numeral in segment)
    if len(segment) > 1 and unwritten and (single or year or len(segment) > 2):
        figures = "".join(numeral.digits for numeral in segment)
        yield Quantity("number", first.first, last.last, figures, value=float(figures) if year else None)
    else:
        yield from (_number(numeral) for numeral in segment)


def _number(numeral: Numeral) -> Quantity:
    grouped = f"{int(numeral.value):,}" if numeral.value and numeral.value >= 10_000 else None
    figures = numeral.written or grouped or numeral.digits
    return Quantity("number", numeral.first, numeral.last, figures, value=numeral.value)


def _single(numeral: Numeral, spoken: Sequence[str]) -> Iterator[Quantity]:
    unit = spoken[numeral.last + 1] if numeral.last + 1 < len(spoken) else ""
    if numeral.kind is Kind.ORDINAL:
        figures = numeral.written or f"{numeral.digits}{_ending(int(numeral.digits))}"
        yield Quantity("ordinal", numeral.first, numeral.last, figures, value=numeral.value)
    elif unit == "percent" and numeral.written is None:
        yield Quantity("number", numeral.first, numeral.last + 1, f"{numeral.digits}%", value=numeral.value)
    else:
        yield _number(numeral)


def _ending(value: int) -> str:
    if value % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
