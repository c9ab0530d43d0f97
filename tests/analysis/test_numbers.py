from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callpost.analysis.numbers import Kind, numerals

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def digits(text: str) -> str:
    return "".join(numeral.digits for numeral in numerals(text.split()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("four one one one", "4111"),
        ("forty one eleven", "4111"),
        ("double five triple zero", "55000"),
        ("double oh seven", "007"),
        ("one oh five oh oh two", "105002"),
        ("forty-one", "41"),
        ("four-one-one-one", "4111"),
        ("4111-1111-1111-1111", "4111111111111111"),
        ("4111, 1111 1111. 1111", "4111111111111111"),
        ("(650) 897-5170.", "6508975170"),
        ("08/27", "0827"),
        ("eight hundred five five five one two one two", "8005551212"),
        ("twenty twenty seven", "2027"),
        ("two thousand and five", "2005"),
        ("nineteen sixty two", "1962"),
        ("one hundred and thirty eight", "138"),
        ("three million two hundred thousand", "3200000"),
        ("four one for one", "4141"),
        ("", ""),
        ("no numbers here", ""),
    ],
)
def test_digits_are_found_in_all_their_forms(text: str, expected: str) -> None:
    assert digits(text) == expected


@pytest.mark.parametrize("text", ["Oh, I see.", "I go to work for you", "he won a car", "too bad"])
def test_a_word_that_only_sounds_like_a_digit_is_none_by_itself(text: str) -> None:
    assert numerals(text.split()) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("five dollars", Kind.MONEY),
        ("$138.65", Kind.MONEY),
        ("sixty five cents", Kind.MONEY),
        ("three years", Kind.MEASURE),
        ("20%", Kind.MEASURE),
        ("sixteen digit", Kind.MEASURE),
        ("2:30", Kind.TIME),
        ("fifteenth", Kind.ORDINAL),
        ("twenty first", Kind.ORDINAL),
        ("21st", Kind.ORDINAL),
        ("1,234", Kind.CARDINAL),
        ("five hundred", Kind.CARDINAL),
        ("forty one", Kind.DIGITS),
    ],
)
def test_an_amount_is_told_from_digits_that_are_read_out(text: str, kind: Kind) -> None:
    (numeral,) = numerals(text.split())
    assert numeral.kind is kind


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a hundred", 100),
        ("one thousand two hundred thirty four", 1234),
        ("ninety nine", 99),
        ("12.50", 12.5),
    ],
)
def test_a_cardinal_has_its_value(text: str, value: float) -> None:
    (numeral,) = numerals(text.split())
    assert numeral.value == value


@given(st.text("0123456789", min_size=2, max_size=24))
def test_any_digits_read_out_one_by_one_are_heard(number: str) -> None:
    assert digits(" ".join(NAMES[int(digit)] for digit in number)) == number


@given(st.integers(0, 999_999))
def test_numerals_are_in_order_and_apart(value: int) -> None:
    found = numerals(f"I have {value:,} of them and {value} {value % 97}".split())
    assert all(left.last < right.first for left, right in pairwise(found))


@given(st.lists(st.text(max_size=8), max_size=20))
def test_any_words_at_all_are_read(words: list[str]) -> None:
    for numeral in numerals(words):
        assert 0 <= numeral.first <= numeral.last < len(words)
        assert numeral.digits
