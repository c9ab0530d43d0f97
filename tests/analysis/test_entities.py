import pytest
from spoken_calls import Say, spoken

from callpost.analysis.entities import entities
from callpost.analysis.reading import Reading
from callpost.model.results import Entity


def found(said: str) -> list[tuple[str, str, str | None]]:
    with Reading(spoken(("A", said))) as reading:
        return [(entity.type, entity.text, entity.formatted) for entity in entities(reading)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("We charged you two hundred forty dollars.", ("money", "two hundred forty dollars", "$240.00")),
        (
            "Call me at four one five eight zero nine nine.",
            ("phone", "four one five eight zero nine nine", "4158099"),
        ),
        (
            "My phone number is six five zero eight nine seven five one seven zero.",
            ("phone", "six five zero eight nine seven five one seven zero", "650-897-5170"),
        ),
        (
            "I was born on March third, nineteen sixty two.",
            ("date", "March third, nineteen sixty two", "March 3, 1962"),
        ),
        ("It broke on the fifteenth of May.", ("date", "the fifteenth of May", "May 15")),
        ("Somebody will come next Tuesday.", ("date", "next Tuesday", None)),
        ("Somebody will come tomorrow.", ("date", "tomorrow", None)),
        ("We open at two thirty pm.", ("time", "two thirty pm", "2:30 PM")),
        ("I bought seventeen routers.", ("number", "seventeen", "17")),
        ("My name is Margaret Wilson.", ("person", "Margaret Wilson", None)),
        ("I live in San Francisco.", ("location", "San Francisco", None)),
        ("I have an account with Harbour Bank.", ("organization", "Harbour Bank", None)),
    ],
)
def test_entities_are_found_with_their_type(said: str, expected: tuple[str, str, str | None]) -> None:
    assert expected in found(said)


@pytest.mark.parametrize(
    "said", ["You may go. This one is fine.", "Let us march on, for one.", "Hello, hi, thanks."]
)
def test_words_that_look_like_entities_are_none(said: str) -> None:
    assert found(said) == []


def test_money_is_counted_in_cents_and_entities_carry_times(say: Say) -> None:
    call = say(("A", "It is fifteen dollars and twenty cents."))
    said = call.turns[0].words
    money = Entity(
        "money", "fifteen dollars and twenty cents", said[2].start_ms, said[6].end_ms, "$15.20", 1520
    )
    with Reading(call) as reading:
        assert entities(reading) == (money,)


def test_a_redacted_word_is_no_entity() -> None:
    assert found("I am [redacted] from [redacted] Street.") == []
