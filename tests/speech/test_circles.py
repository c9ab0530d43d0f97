"""Text that the model says twice although it was said once: known by its pace, and cut."""

import numpy as np
import pytest

from callpost.model.transcript import Word
from callpost.speech import circles
from callpost.speech.circles import Pace, repeats
from callpost.speech.passages import Passage
from callpost.speech.whisper import Decoded, Text, better
from callpost.speech.windows import Window

SPOKEN = Window(0, 0, np.zeros(32_000, np.int16), ((0, 32_000),))
SENTENCE = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]


@pytest.mark.parametrize(
    "again", [SENTENCE, SENTENCE[:7], SENTENCE * 3], ids=["twice", "begun anew", "often"]
)
def test_a_text_that_begins_anew_faster_than_anybody_speaks_is_cut_to_one_turn(again: list[int]) -> None:
    assert Pace().uncircled(SENTENCE + again, seconds=2.5) == SENTENCE


def test_what_there_is_time_to_say_twice_is_left_to_a_second_look() -> None:
    assert Pace().uncircled(SENTENCE * 2, seconds=4) == SENTENCE * 2
    assert repeats(SENTENCE * 2)


def test_quick_speech_that_says_nothing_twice_stays_whole() -> None:
    assert Pace().uncircled([*SENTENCE, 21, 22, 23, 11, 12], seconds=1) == [*SENTENCE, 21, 22, 23, 11, 12]
    assert not repeats(SENTENCE)


def test_a_language_that_takes_three_tokens_for_one_of_english_has_room_for_them() -> None:
    english, greek, unknown = circles.pace("en"), circles.pace("el"), circles.pace("xx")
    assert not greek.is_hurried(range(99), seconds=10)
    assert english.is_hurried(range(99), seconds=10)
    assert greek.uncircled(SENTENCE * 2, seconds=2.5) == SENTENCE * 2
    assert english.limit(10) < 99 < greek.limit(10) < unknown.limit(10)


def reading(length: int = 5, *, score: float = -0.5, repeats: bool = False, deaf: bool = False) -> Decoded:
    text = Text([1] * length, score, 0.0, repeats=repeats, hurried=False, compression=1.0)
    words = () if deaf else (Word("word", 0, 100, 1.0),)
    return Decoded(Passage((SPOKEN,), (0,)), text, (words,))


def test_of_two_readings_the_one_that_goes_round_in_circles_less_counts() -> None:
    sound, circling, circling_on = reading(), reading(repeats=True, score=-0.1), reading(9, repeats=True)
    assert better(circling, sound) is better(sound, circling) is sound
    assert better(circling_on, circling) is better(circling, circling_on) is circling


def test_of_two_readings_the_one_without_a_gap_counts_and_then_the_one_the_model_is_surer_of() -> None:
    whole, gap, sure = reading(score=-0.9), reading(score=-0.1, deaf=True), reading(score=-0.4)
    assert better(gap, whole) is better(whole, gap) is whole
    assert better(whole, sure) is better(sure, whole) is sure
