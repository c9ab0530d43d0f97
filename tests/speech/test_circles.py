"""Text that the model says twice although it was said once: known by its pace, and cut."""

import pytest

from callpost.speech.whisper import repeats, uncircled

SENTENCE = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]


@pytest.mark.parametrize(
    "again", [SENTENCE, SENTENCE[:7], SENTENCE * 3], ids=["twice", "begun anew", "often"]
)
def test_a_text_that_begins_anew_faster_than_anybody_speaks_is_cut_to_one_turn(again: list[int]) -> None:
    assert uncircled(SENTENCE + again, seconds=2.5) == SENTENCE


def test_what_there_is_time_to_say_twice_is_left_to_a_second_look() -> None:
    assert uncircled(SENTENCE * 2, seconds=4) == SENTENCE * 2
    assert repeats(SENTENCE * 2)


def test_quick_speech_that_says_nothing_twice_stays_whole() -> None:
    assert uncircled([*SENTENCE, 21, 22, 23, 11, 12], seconds=1) == [*SENTENCE, 21, 22, 23, 11, 12]
    assert not repeats(SENTENCE)
