from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_calls import Say, spoken

from callpost.analysis.analyze import analyze
from callpost.analysis.formatting import format_numbers
from callpost.analysis.profanity import filter_profanity
from callpost.model.configuration import Configuration


@pytest.mark.parametrize(
    ("said", "written"),
    [
        (
            "The total of your bill comes to one hundred thirty eight dollars and sixty five cents",
            "The total of your bill comes to $138.65",
        ),
        (
            "please give me a call back at six five zero eight nine seven five one seven zero thank you.",
            "please give me a call back at 650-897-5170 thank you.",
        ),
        ("call one eight hundred five five five one two one two", "call 1-800-555-1212"),
        ("my phone number is five five five, one two one two.", "my phone number is 555-1212."),
        (
            "my account number is six five zero eight nine seven five one seven zero",
            "my account number is 6508975170",
        ),
        ("born on March third, nineteen sixty two.", "born on March 3rd, 1962."),
        ("the twenty first of June", "the 21st of June"),
        ("ten percent off", "10% off"),
        ("twenty dollars or fifty cents", "$20 or $0.50"),
        ("at two thirty pm, not at five o'clock", "at 2:30 PM, not at 5 o'clock"),
        ("five to seven days", "5 to 7 days"),
        ("four one one one, one two three four", "4111, 1234"),
        ("in twenty twenty seven", "in 2027"),
        ("one million two hundred thousand people", "1,200,000 people"),
        ("Oh, two of them", "Oh, 2 of them"),
        ("this one and the first one", "this one and the first one"),
        ("$138.65 at 2:30 on the 15th", "$138.65 at 2:30 on the 15th"),
        ("no numbers at all", "no numbers at all"),
    ],
)
def test_numbers_are_written_in_figures(said: str, written: str) -> None:
    assert format_numbers(spoken(("A", said))).turns[0].text == written


def test_a_figure_spans_the_words_it_was_said_in(say: Say) -> None:
    call = say(("A", "it is twenty dollars and five cents, okay"))
    words = {word.text: word for word in format_numbers(call).words()}
    said = call.turns[0].words
    assert (words["$20.05,"].start_ms, words["$20.05,"].end_ms) == (said[2].start_ms, said[6].end_ms)
    assert words["okay"] == said[7]


def test_formatting_is_on_by_default_and_can_be_switched_off(say: Say) -> None:
    call = say(("A", "that is twenty dollars"))
    assert analyze(call, Configuration(knowledge=False)).results.transcript.turns[0].text == "that is $20"
    plain = analyze(call, Configuration(knowledge=False, number_formatting=False)).results.transcript
    assert plain.turns == call.turns


SAMPLES = [
    "one",
    "two",
    "twenty",
    "oh",
    "hundred",
    "and",
    "dollars",
    "cents",
    "pm",
    "March",
    "for",
    "double",
    "4",
    "x",
]


@given(st.lists(st.sampled_from(SAMPLES)))
def test_any_numbers_keep_their_order_and_their_span(words: list[str]) -> None:
    call = spoken(("A", " ".join(words) or "x"))
    formatted = list(format_numbers(call).words())
    assert formatted[0].start_ms == call.turns[0].start_ms
    assert formatted[-1].end_ms == call.turns[0].end_ms
    assert all(left.end_ms <= right.start_ms for left, right in pairwise(formatted))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("this is fucking ridiculous, you bastard.", "this is ... ridiculous, you ..."),
        ("what the hell, damn it", "what the hell, damn it"),
        ("I passed the class in Scunthorpe", "I passed the class in Scunthorpe"),
        ("the assassin ate a shiitake cocktail", "the assassin ate a shiitake cocktail"),
    ],
)
def test_coarse_words_give_way_to_dots(said: str, kept: str) -> None:
    assert filter_profanity(spoken(("A", said))).turns[0].text == kept


def test_the_filter_reaches_every_section_that_quotes(say: Say) -> None:
    call = say(("A", "Your shitty router, the shitty router and the shit support."))
    configuration = Configuration(profanity_filtering=True, entities=True, verb_noun_pairs=True)
    assert "shit" not in repr(analyze(call, configuration).results)
