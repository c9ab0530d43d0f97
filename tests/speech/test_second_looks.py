"""What the model skips at first is seen by the speech that has no words, and read window by window."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.recognition_text import spoken
from speech_recordings import Samples, Transcribe, Write

from callpost.model.transcript import Word
from callpost.speech import alignment
from callpost.speech.activity import Region
from callpost.speech.passages import Passage
from callpost.speech.whisper import Decoded, Encoded, Look, Text, Whisper
from callpost.speech.windows import Window

TEXT = Text([1], -0.1, 0.0, repeats=False, hurried=False, compression=1.0)


def window(*speech: Region) -> Window:
    """Speech in milliseconds."""
    regions = tuple((first * 16, last * 16) for first, last in speech)
    return Window(0, 0, np.zeros(regions[-1][1], np.int16), regions)


def word(start_ms: int, end_ms: int) -> Word:
    return Word("word", start_ms, end_ms, 1.0)


@pytest.mark.parametrize(
    ("words", "gaps"),
    [
        ([(0, 2000), (2900, 5000)], [60, 900, 60]),
        ([(0, 1000)], [60, 4060]),
        ([(4000, 5000)], [4060, 60]),
        ([], [5120]),
    ],
    ids=["all", "beginning", "end", "nothing"],
)
def test_speech_without_words_is_found(words: list[Region], gaps: list[int]) -> None:
    assert alignment.gaps(window((0, 5000)), [word(*edges) for edges in words]) == gaps


def test_silence_without_words_is_not_taken_for_speech() -> None:
    assert max(alignment.gaps(window((0, 1000), (4000, 5000)), [word(0, 1000), word(4000, 5000)])) < 100


def test_a_reading_that_leaves_a_second_of_speech_out_is_doubtful() -> None:
    passage = Passage((window((0, 2000)), window((0, 3000))), (0, 1))
    whole = Decoded(passage, TEXT, ((word(0, 2000),), (word(0, 1400), word(2000, 3000))))
    skipped = replace(whole, words=((word(0, 2000),), (word(0, 900),)))
    nothing = replace(whole, words=((), (word(0, 3000),)))
    assert [one.unheard for one in (whole, skipped, nothing)] == [0, 2, 2]
    assert [one.doubtful for one in (whole, skipped, nothing)] == [False, True, True]


def test_what_is_skipped_is_heard_after_all(write: Write, opening: Samples, transcribe: Transcribe) -> None:
    read_alone: list[int] = []

    class Skipping(Whisper):
        def look(self, encoded: Sequence[Encoded]) -> list[Look]:
            return [
                Look(look.encoded, replace(look.text, tokens=look.text.tokens[:6]))
                for look in super().look(encoded)
            ]

        def look_again(self, first: Decoded) -> list[Decoded]:
            again = super().look_again(first)
            read_alone.extend(number for one in again for number in one.passage.numbers)
            return again

    path = write("opening.wav", opening)
    usual, skipping = transcribe(path, model="base"), transcribe(path, model="base", whisper=Skipping)
    assert read_alone
    heard = [
        [spoken(turn.text).split() for turn in one.transcript.turns if turn.channel == 0]
        for one in (usual, skipping)
    ]
    assert [len(turn) for turn in heard[1]] == pytest.approx([len(turn) for turn in heard[0]], abs=3)
