"""The search for speech leaves out most of the silence, and hears no less for it."""

from itertools import pairwise

import numpy as np
import pytest
from speech_recordings import Samples

from callpost.speech.activity import audible, speech
from callpost.speech.audio import RATE

_LONGEST = 9 * RATE
_EXACT = RATE // 10  # how well the search finds a beginning or an end


@pytest.fixture(scope="module")
def talk(opening: Samples) -> Samples:
    """17.2 s of the agent, 16 kHz."""
    return np.repeat(opening[0], 2)


def line(seconds: float, level: float = 20) -> Samples:
    """A line on which nobody speaks."""
    noise = np.random.default_rng(7).standard_normal(int(seconds * RATE))
    return (level * noise).astype(np.int16)


def mask(sound: Samples) -> np.ndarray:
    speaking = np.zeros(len(sound), bool)
    for start, end in speech(sound, _LONGEST):
        speaking[start:end] = True
    return speaking


def unheard(sound: Samples, talk: Samples, at: int) -> float:
    """Which share of the speech in `talk` is not found where the same stands in `sound`."""
    alone = mask(talk)
    return float(np.mean(~mask(sound)[at : at + len(talk)][alone]))


def test_long_silence_is_left_out_and_what_follows_is_found_in_its_place(talk: Samples) -> None:
    sound = np.concatenate([line(30), talk, line(30)])
    ((start, end),) = audible(sound)
    assert 28.5 * RATE < start < 30 * RATE
    assert 0 < end - 30 * RATE - len(talk) < RATE
    first, *_ = speech(sound, _LONGEST)
    assert abs(first[0] - 30 * RATE - speech(talk, _LONGEST)[0][0]) < _EXACT


def test_the_sound_between_two_talks_is_cut_out_and_no_region_lies_over_the_cut(talk: Samples) -> None:
    sound = np.concatenate([talk, line(20), talk])
    pieces = audible(sound)
    assert len(pieces) == 2
    assert all(one[1] < other[0] for one, other in pairwise(pieces))
    assert all(any(p[0] <= r[0] < r[1] <= p[1] for p in pieces) for r in speech(sound, _LONGEST))
    assert unheard(sound, talk, len(talk) + 20 * RATE) < 0.02


@pytest.mark.parametrize("loudness", [1000, 10_000])
def test_a_voice_after_ringing_is_heard(talk: Samples, loudness: int) -> None:
    at = np.arange(2 * RATE) / RATE
    tone = loudness * (np.sin(2 * np.pi * 440 * at) + np.sin(2 * np.pi * 480 * at))
    rings = np.concatenate([np.concatenate([tone.astype(np.int16), line(4)])] * 3)
    assert unheard(np.concatenate([rings, talk]), talk, len(rings)) < 0.1


@pytest.mark.parametrize("name", ["hum", "offset", "hiss"])
def test_what_covers_a_voice_does_not_hide_it(talk: Samples, name: str) -> None:
    at = np.arange(30 * RATE + len(talk)) / RATE
    loudness = float(np.sqrt(np.mean(talk[mask(talk)].astype(np.float64) ** 2)))
    cover = {
        "hum": 2 * loudness * np.sin(2 * np.pi * 50 * at),
        "offset": np.full(len(at), 8000.0),
        "hiss": np.random.default_rng(3).standard_normal(len(at)) * loudness / 2,
    }[name]
    sound = np.concatenate([line(15), talk, line(15)]) + cover
    noisy = np.clip(sound, -32768, 32767).astype(np.int16)
    assert sum(end - start for start, end in audible(noisy)) < len(noisy) - 20 * RATE
    assert unheard(noisy, talk, 15 * RATE) < 0.15


@pytest.mark.parametrize(
    "sound", [line(0), line(60), line(60, 0), line(60, 3000), line(5, 0)], ids=lambda sound: str(len(sound))
)
def test_nobody_speaks_on_an_open_line(sound: Samples) -> None:
    assert speech(sound, _LONGEST) == []


def test_a_muted_line_does_not_pass_for_the_noise_of_the_line(talk: Samples) -> None:
    sound = np.concatenate([line(30, 0), line(15), talk])
    assert audible(sound)[0][0] > 40 * RATE


def test_short_sound_is_heard_as_it_is(talk: Samples) -> None:
    short = talk[: 5 * RATE]
    assert audible(short) == [(0, len(short))]
