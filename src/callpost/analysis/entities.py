"""People, organizations, places, money, numbers, telephone numbers, times and dates.

Source: docs/how-to-guides/entities.md. Names come from the parsed text; the rest are rules over its numbers.
"""

import re
from collections.abc import Iterator, Sequence

from callpost.analysis.formatting import Quantities
from callpost.analysis.lexicon import MONTH_WORDS, WEEKDAYS, words
from callpost.analysis.numbers import normalize
from callpost.analysis.quantities import Quantity
from callpost.analysis.reading import Reading, ReadTurn
from callpost.model.results import Entity
from callpost.model.transcript import Turn

_NAMES = {
    "PERSON": "person",
    "ORG": "organization",
    "GPE": "location",
    "LOC": "location",
    "FAC": "location",
}
_COMPANIES = words(
    """wireless bank broadband airlines insurance inc llc corporation company group energy telecom mobile
    financial services communications electric pharmacy university hospital hotel shipping network cable"""
)
_RELATIVE = words("today tomorrow yesterday tonight")
_SHIFTS = words("last next this coming past")
_PERIODS = WEEKDAYS | words("week weekend month year")
_NO_NAME = words("hello hi hey okay thanks goodbye bye mhm uh um")

Stretch = tuple[int, int]
"""Words first to last (inclusive) of a turn."""


def entities(reading: Reading) -> tuple[Entity, ...]:
    """All of them, by time. English; the transcript is not formatted yet."""
    found = [entity for turn in by_turn(reading) for _, entity in turn]
    return tuple(sorted(found, key=lambda entity: (entity.start_ms, entity.end_ms)))


def by_turn(reading: Reading) -> Iterator[list[tuple[Stretch, Entity]]]:
    """The entities of each turn with the words they are made of."""
    numbers = Quantities(reading.transcript).turns
    return (list(_of_turn(read, items)) for read, items in zip(reading.turns, numbers, strict=True))


def _of_turn(read: ReadTurn, items: Sequence[Quantity]) -> Iterator[tuple[Stretch, Entity]]:
    dates = list(_dates(read.turn, items))
    taken = [stretch for stretch, _ in dates]
    for stretch, formatted in dates:
        yield stretch, _entity("date", read.turn, stretch, formatted)
    for item in items:
        if (
            item.type != "ordinal"
            and _is_apart((item.first, item.last), taken)
            and not _is_pronoun(read, item)
        ):
            taken.append((item.first, item.last))
            yield (item.first, item.last), _quantity(read.turn, item)
    for type_, stretch in _names(read):
        if _is_apart(stretch, taken):
            yield stretch, _entity(type_, read.turn, stretch, None)


def _quantity(turn: Turn, item: Quantity) -> Entity:
    """Money always with its cents, a short telephone number without a dash, as in the documentation."""
    figures = item.figures
    if item.cents is not None:
        figures = f"{figures.split('.')[0]}.{item.cents % 100:02}"
    elif item.type == "phone" and len(figures) == 8:
        figures = figures.replace("-", "")
    return _entity(item.type, turn, (item.first, item.last), figures, item.cents)


def _entity(
    type_: str, turn: Turn, stretch: Stretch, formatted: str | None, cents: int | None = None
) -> Entity:
    said = turn.words[stretch[0] : stretch[1] + 1]
    text = " ".join(word.text for word in said).strip(' .,?!;:"')
    end = max(word.end_ms for word in said)
    return Entity(type_, text, said[0].start_ms, end, formatted, cents)


def _is_apart(stretch: Stretch, taken: Sequence[Stretch]) -> bool:
    return all(stretch[1] < first or stretch[0] > last for first, last in taken)


def _is_pronoun(read: ReadTurn, item: Quantity) -> bool:
    return item.first == item.last and normalize(read.turn.words[item.first].text) == "one"


def _names(read: ReadTurn) -> Iterator[tuple[str, Stretch]]:
    for name in read.doc.ents:
        if name.label_ in _NAMES and not any(character in name.text for character in "[]0123456789"):
            first, last = read.word_of[name.start], read.word_of[name.end - 1]
            capitalized = any(token.text[0].isupper() for token in name)
            if capitalized and name.text.casefold() not in _NO_NAME:
                company = len(name) > 1 and name[-1].lower_ in _COMPANIES
                yield "organization" if company else _NAMES[name.label_], (first, last)


def _dates(turn: Turn, items: Sequence[Quantity]) -> Iterator[tuple[Stretch, str | None]]:
    """March third, nineteen sixty two; the fifteenth of May; next Tuesday; tomorrow."""
    said = [normalize(word.text) for word in turn.words]
    starting = {item.first: item for item in items}
    ending = {item.last: item for item in items}
    for place, word in enumerate(said):
        if word in MONTH_WORDS and turn.words[place].text[0].isupper():
            stretch = _calendar_date(said, place, starting, ending)
            if stretch != (place, place) or word != "may":
                yield stretch, _formatted_date(turn, stretch, items)
        elif word in _RELATIVE or (word in WEEKDAYS and not _shifted(said, place)):
            yield (place, place), None
        elif word in _PERIODS and _shifted(said, place):
            yield (place - 1, place), None
        elif (item := starting.get(place)) and re.fullmatch(r"\d{1,2}/\d{1,2}(/\d{2,4})?", item.figures):
            yield (place, place), None


def _shifted(said: Sequence[str], place: int) -> bool:
    return place > 0 and said[place - 1] in _SHIFTS


def _calendar_date(
    said: Sequence[str], month: int, starting: dict[int, Quantity], ending: dict[int, Quantity]
) -> Stretch:
    """The month with the day before or after it and the year after that."""
    first = last = month
    before = month - 2 if month > 0 and said[month - 1] == "of" else month - 1
    if (day := ending.get(before)) and _is_day(day):
        first = day.first - (day.first > 0 and said[day.first - 1] == "the")
    after = month + 1 + (month + 1 < len(said) and said[month + 1] == "the")
    if first == month and (day := starting.get(after)) and _is_day(day):
        last = day.last
    if (year := starting.get(last + 1)) and _is_year(year):
        last = year.last
    return first, last


def _is_day(item: Quantity) -> bool:
    return item.type in {"ordinal", "number"} and 1 <= (item.value or 0) <= 31


def _is_year(item: Quantity) -> bool:
    return item.type == "number" and item.figures.isdigit() and 1900 <= int(item.figures) <= 2100


def _formatted_date(turn: Turn, stretch: Stretch, items: Sequence[Quantity]) -> str | None:
    """March 3, 1962."""
    inside = [item for item in items if stretch[0] <= item.first and item.last <= stretch[1]]
    months = (normalize(turn.words[place].text) for place in range(stretch[0], stretch[1] + 1))
    month = next(word for word in months if word in MONTH_WORDS).capitalize()
    day = next((str(int(item.value or 0)) for item in inside if _is_day(item)), "")
    year = next((item.figures for item in inside if _is_year(item)), "")
    if not inside:
        return None
    return f"{month} {day}, {year}" if day and year else f"{month} {day}{year}"
