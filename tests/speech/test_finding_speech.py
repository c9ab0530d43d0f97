"""Windows of speech: short enough, complete, and the same however the sound arrives."""

from itertools import pairwise

import numpy as np
import pytest
from speech_recordings import Samples

from callpost.speech import windows
from callpost.speech.activity import speech
from callpost.speech.batches import batched
from callpost.speech.whisper import BATCH
from callpost.speech.windows import Window, WindowFinder


@pytest.fixture(scope="module")
def sound(opening: Samples) -> Samples:
    """17.2 s of the agent, 16 kHz."""
    return np.repeat(opening[0], 2)


def found(sound: Samples, block: int) -> list[Window]:
    finder = WindowFinder(0)
    pushed = [finder.push(sound[at : at + block]) for at in range(0, len(sound), block)]
    return [window for some in [*pushed, finder.finish()] for window in some]


def test_windows_are_short_and_carry_the_sound_of_their_place(sound: Samples) -> None:
    for window in found(sound, len(sound)):
        assert len(window.samples) <= windows.LONGEST + 2 * 6400
        assert np.array_equal(window.samples, sound[window.start : window.end])
        assert all(window.start <= first < last <= window.end for first, last in window.speech)


@pytest.mark.parametrize("block", [1600, 16_000, 50_000])
def test_speech_is_found_however_the_sound_is_cut(sound: Samples, block: int) -> None:
    def speaking(some: list[Window]) -> np.ndarray:
        mask = np.zeros(len(sound), bool)
        for window in some:
            mask[window.start : window.end] = True
        return mask

    whole, parts = speaking(found(sound, len(sound))), speaking(found(sound, block))
    assert np.mean(whole == parts) > 0.95


def test_no_sound_is_in_two_windows(sound: Samples) -> None:
    some = sorted(found(sound, 16_000), key=lambda window: window.start)
    assert all(one.end <= other.start for one, other in pairwise(some))


def test_endless_speech_is_cut(sound: Samples) -> None:
    talking = np.concatenate([sound[start:end] for start, end in speech(sound, windows.LONGEST)] * 4)
    assert max(len(window.samples) for window in found(talking, len(talking))) <= windows.LONGEST + 2 * 6400


def test_every_passage_is_in_one_batch_and_each_thread_has_as_many_of_them() -> None:
    lengths = [int(length) for length in np.random.default_rng(3).integers(8_000, 160_000, 50)]
    batches = batched(lengths, threads=2)
    assert sorted(number for batch in batches for number in batch) == list(range(50))
    assert len(batches) <= 8
    assert max(map(len, batches)) <= BATCH
    order = sorted(range(50), key=lambda number: -lengths[number])
    assert [number for batch in batches for number in batch] == order
    costs = [len(batch) * lengths[batch[0]] for batch in batches]
    same_size = [7 * lengths[order[at]] for at in range(0, 50, 7)]
    assert max(costs) < 0.9 * max(same_size)


def test_no_windows_make_no_batches() -> None:
    assert batched([], threads=2) == []
