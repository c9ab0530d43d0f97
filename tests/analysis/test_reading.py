from concurrent.futures import ThreadPoolExecutor

import pytest
from spoken_calls import Say, spoken

from callpost.analysis import reading
from callpost.analysis.analyze import analyze
from callpost.model.configuration import Configuration
from callpost.model.transcript import Transcript


def test_tokens_know_the_words_they_are_part_of(say: Say) -> None:
    call = say(("A", "I can't pay the well-known company's bill."))
    with reading.Reading(call) as read:
        (turn,) = read.turns
        for token, word in zip(turn.doc, turn.word_of, strict=True):
            assert token.text in call.turns[0].words[word].text


def test_the_model_forgets_the_words_of_a_call(say: Say) -> None:
    strings = reading._model().vocab.strings  # noqa: SLF001 - what must not grow
    with reading.Reading(say(("A", "My name is Zyxwvut Qwertzuiop from Blablabland."))) as read:
        assert read.turns
        assert "Zyxwvut" in strings
    assert "Zyxwvut" not in strings


def test_a_turn_that_cannot_be_parsed_does_not_hold_the_model(say: Say) -> None:
    results = analyze(say(("A", "a" * 1_000_001)), Configuration(entities=True)).results
    assert results.entities is None
    assert analyze(say(("A", "My router is broken.")), Configuration()).results.knowledge is not None


def test_nothing_is_read_outside_the_block(say: Say) -> None:
    with pytest.raises(RuntimeError):
        assert reading.Reading(say(("A", "Hello."))).turns


def test_recordings_are_analysed_in_threads() -> None:
    def keywords(transcript: Transcript) -> list[str]:
        found = analyze(transcript, Configuration()).results.knowledge
        return [keyword.keyword for keyword in found.keywords] if found else []

    things = ("router", "modem", "printer")
    calls = [spoken(("A", f"The {thing} lost its connection, I want a new {thing}.")) for thing in things]
    alone = [keywords(call) for call in calls]
    assert all(thing in found for thing, found in zip(things, alone, strict=True))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(keywords, calls * 8)) == alone * 8
