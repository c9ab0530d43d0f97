"""How words sound: their volume, and their pitch also where the line has cut it off."""

from pathlib import Path
from statistics import median

import numpy as np
import pytest
from speech_recordings import Line, Samples, Transcribe, heard

from callpost.model.transcript import Word
from callpost.speech.voice import voice, with_voices
from callpost.speech.windows import Window

RATE = 16_000


def tone(pitch: float, *harmonics: int, level: float = 0.2, seconds: float = 0.4) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * pitch * number * time) / number for number in harmonics]
    return (level * 32_768 * np.sum(waves, axis=0)).astype(np.int16)


@pytest.mark.parametrize("pitch", [70, 100, 150, 220, 350])
def test_the_pitch_is_heard_where_the_line_has_cut_it_off(pitch: float) -> None:
    pitch_heard, strongest = voice(tone(pitch, 3, 4, 5, 6, 7, 8)).peaks
    assert pitch_heard.frequency == pytest.approx(pitch, rel=0.02)
    assert pitch_heard.energy < 0.1
    assert strongest.frequency == pytest.approx(3 * pitch, abs=10)
    assert strongest.energy == 1.0


def test_the_pitch_is_the_strongest_where_it_is() -> None:
    first, second = voice(tone(200, 1, 2)).peaks
    assert (first.frequency, first.energy) == (200.0, 1.0)
    assert second.frequency == pytest.approx(400, abs=10)
    assert second.energy == pytest.approx(0.5, abs=0.1)


def test_twice_as_loud_is_four_times_the_volume() -> None:
    quiet, loud = (voice(tone(120, 1, 2, 3, level=level)).volume for level in (0.1, 0.2))
    assert loud == pytest.approx(4 * quiet, rel=0.02)


def test_what_is_not_periodic_has_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(0, 2000, RATE // 2).astype(np.int16)
    assert voice(noise).peaks == ()
    assert voice(noise).volume > 0
    assert voice(np.zeros(100, np.int16)).volume == 0
    assert voice(np.zeros(100, np.int16)).peaks == ()


def test_each_word_is_measured_where_it_is_in_its_window() -> None:
    sound = np.concatenate([tone(100, 1, 2), tone(200, 1, 2)])
    window = Window(0, 32_000, sound, ())
    words = (Word("low", 2000, 2400, 0.9), Word("high", 2400, 2800, 0.9), Word("none", 2800, 2800, 0.9))
    low, high, none = with_voices(words, window)
    assert low.voice is not None
    assert high.voice is not None
    assert round(high.voice.peaks[0].frequency / low.voice.peaks[0].frequency) == 2
    assert none.voice is None


def test_the_customer_of_the_sample_call_speaks_higher_by_as_much_as_was_made(
    call: Path, script: list[Line]
) -> None:
    """Both were spoken by one voice; the customer's pitch was raised by 22 %."""
    channels = dict(zip("AC", heard(call), strict=True))
    pitches: dict[str, list[float]] = {"A": [], "C": []}
    for line in script:
        for start in np.arange(line.start, line.end - 0.3, 0.3):
            found = voice(channels[line.who][int(start * RATE) : int((start + 0.3) * RATE)])
            pitches[line.who] += [peak.frequency for peak in found.peaks[:1]]
    assert median(pitches["C"]) / median(pitches["A"]) == pytest.approx(1.22, abs=0.05)


def test_the_recogniser_measures_where_it_is_asked_to(call: Path, transcribe: Transcribe) -> None:
    words = list(transcribe(call, voices=True).transcript.words())
    assert all(word.voice is not None for word in words if word.end_ms > word.start_ms)
    assert sum(bool(word.voice and word.voice.peaks) for word in words) > 0.6 * len(words)
