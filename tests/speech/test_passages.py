"""Windows joined into passages, and the words of a passage given back to its windows."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callpost.speech import alignment, circles, passages
from callpost.speech.alignment import AlignedWord
from callpost.speech.passages import Passage
from callpost.speech.windows import Window

RATE = 16_000


def windows_of(*lengths: float, source: int = 0, pause: float = 5.0) -> list[Window]:
    """Windows of so many seconds, full of speech."""
    found, start = [], 0
    for length in lengths:
        samples = np.zeros(round(length * RATE), np.int16)
        found.append(Window(source, start, samples, ((start, start + len(samples)),)))
        start += len(samples) + round(pause * RATE)
    return found


@given(st.lists(st.floats(0.3, 10), max_size=40), st.lists(st.floats(0.3, 10), max_size=40))
def test_every_window_is_in_one_passage_of_its_own_channel_in_order(
    left: list[float], right: list[float]
) -> None:
    windows = windows_of(*left) + windows_of(*right, source=1)
    joined = passages.joined(windows)
    assert sorted(number for passage in joined for number in passage.numbers) == list(range(len(windows)))
    for passage in joined:
        assert len({window.source for window in passage.windows}) == 1
        assert all(one.start < other.start for one, other in pairwise(passage.windows))
        assert [windows[number] for number in passage.numbers] == list(passage.windows)
        assert len(passage) <= passages.LONGEST


def test_passages_of_a_channel_are_few_and_of_about_the_same_length() -> None:
    joined = passages.joined(windows_of(*[3] * 12))  # three would be as few with 15 + 15 + 6
    assert [len(passage) / RATE for passage in joined] == [12, 12, 12]


def test_a_passage_is_no_longer_than_its_text_may_be() -> None:
    joined = passages.joined(windows_of(3, 3, 3, 9), longest=8 * RATE)
    assert [len(passage) / RATE for passage in joined] == [6, 3, 9]
    assert circles.pace("en").longest > passages.LONGEST
    assert 5 * RATE < circles.pace("hi").longest < 10 * RATE


def test_a_passage_is_the_sound_of_its_windows() -> None:
    first, second = windows_of(1, 2)
    first = replace(first, samples=np.full(RATE, 7, np.int16))
    [passage] = passages.joined([first, second])
    assert passage.starts == [0, RATE]
    assert np.array_equal(passage.samples, np.concatenate([first.samples, second.samples]))


def heard(*words: tuple[str, int, int]) -> list[AlignedWord]:
    return [AlignedWord(text, start, end, 0.9) for text, start, end in words]


def placed(passage: Passage, words: list[AlignedWord]) -> list[list[str]]:
    return [[word.text for word in found] for found in alignment.placed(passage, words)]


@pytest.fixture
def passage() -> Passage:
    [passage] = passages.joined(windows_of(2, 2, 2))
    return passage


def test_words_go_to_the_windows_they_were_said_in_with_the_times_of_the_recording(passage: Passage) -> None:
    words = heard(("Hello.", 200, 1800), ("Good", 2100, 2800), ("day.", 2800, 3700), ("Bye.", 4300, 5900))
    assert placed(passage, words) == [["Hello."], ["Good", "day."], ["Bye."]]
    times = [(word.start_ms, word.end_ms) for window in alignment.placed(passage, words) for word in window]
    assert times == [(200, 1800), (7100, 7800), (7800, 8700), (14_300, 15_900)]


def test_a_word_that_slipped_over_a_joint_goes_back_to_its_sentence(passage: Passage) -> None:
    slipped = heard(("I", 300, 900), ("see.", 1900, 2250), ("Good.", 2250, 3700), ("Bye.", 4300, 5900))
    assert placed(passage, slipped) == [["I", "see."], ["Good."], ["Bye."]]
    early = heard(("I", 300, 900), ("see.", 900, 1700), ("Good", 1700, 2200), ("day.", 2200, 3700))
    assert placed(passage, early) == [["I", "see."], ["Good", "day."], []]


def test_a_sentence_that_goes_on_over_a_joint_is_cut_where_the_joint_is(passage: Passage) -> None:
    words = heard(("I", 300, 900), ("was", 900, 1700), ("saying", 2200, 3200), ("so.", 3200, 3900))
    assert placed(passage, words) == [["I", "was"], ["saying", "so."], []]


@given(st.lists(st.tuples(st.integers(0, 7000), st.integers(0, 900), st.booleans()), max_size=30))
def test_no_word_is_lost_and_none_leaves_its_window(spans: list[tuple[int, int, bool]]) -> None:
    [three] = passages.joined(windows_of(2, 2, 2))
    words = [
        AlignedWord("x." if ends else "x", start, start + more, 0.9) for start, more, ends in sorted(spans)
    ]
    found = alignment.placed(three, words)
    assert sum(map(len, found)) == len(words)
    for window, inside in zip(three.windows, found, strict=True):
        for word in inside:
            assert window.start // 16 <= word.start_ms <= word.end_ms <= window.end // 16


class Spanish:
    """Only what words are split with: Whisper's tokens as texts."""

    language_code = "es"

    def split_tokens_on_unicode(self, tokens: list[int]) -> tuple[list[str], list[list[int]]]:
        return [PIECES[token] for token in tokens], [[token] for token in tokens]


PIECES = [" la", " empresa", ".", " ¿", "En", " qué", " puedo", "?", " -", " $", "5"]


def test_a_mark_belongs_to_its_word_and_an_opening_one_to_the_word_it_opens() -> None:
    spans = alignment.split(Spanish(), list(range(len(PIECES))))
    assert [text for text, _, _ in spans] == ["la", "empresa.", "¿En", "qué", "puedo?-", "$5"]
    assert [(first, last) for _, first, last in spans][1:3] == [(1, 3), (3, 5)]
