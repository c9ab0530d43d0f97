"""Which words are everyday ones, and which somebody has to expect."""

import pytest

from callpost.speech.lexicon import lexicon


@pytest.mark.parametrize(
    "word", ["call", "stopped", "parties", "quickest", "making", "don't", "knives", "daniel"]
)
def test_words_of_the_language_are_ordinary_in_any_inflection(word: str) -> None:
    assert word in lexicon("en-US")


@pytest.mark.parametrize("word", ["shenectady", "zimara", "okonkwo", "omnivant", "calloway"])
def test_what_is_no_word_is_not(word: str) -> None:
    assert word not in lexicon("en-AU")


def test_of_a_language_without_a_list_every_word_is_ordinary() -> None:
    assert "zimara" in lexicon("de-DE")
