"""What telephone lines carry when nobody speaks: 12 s of each, 8 kHz."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

_RATE = 8000
_TIME = np.arange(12 * _RATE) / _RATE


def _samples(sound: npt.NDArray[np.float64]) -> Samples:
    return np.clip(sound, -32_000, 32_000).astype(np.int16)


def tones(*hertz: float, on: float = 1, off: float = 0, loudness: float = 5000) -> Samples:
    """Tones together, so many seconds on and off: ringing, engaged, fax, keys."""
    sound = sum((np.sin(2 * np.pi * one * _TIME) for one in hertz), np.zeros(len(_TIME)))
    return _samples(loudness * sound * (_TIME % (on + off) < on))


def noise(loudness: float = 3000, beat: float = 0) -> Samples:
    """White noise; with a beat, swelling so often a second, about as speech does."""
    hiss = np.random.default_rng(1).normal(0, loudness, len(_TIME))
    return _samples(hiss * (1 - np.cos(2 * np.pi * beat * _TIME)) / 2 if beat else hiss)


def music() -> Samples:
    """Plucked chords, a tune and a drum."""
    sound = 4000 * (_plucked([262, 220, 175, 196], 1.6) + _plucked([392, 330, 440, 294, 349], 0.4))
    drum = np.random.default_rng(4).normal(0, 6000, len(_TIME)) * np.exp(-60 * (_TIME % 0.5))
    return _samples(sound + drum)


def _plucked(notes: Sequence[float], seconds: float) -> npt.NDArray[np.float64]:
    hertz = np.array(notes)[(_TIME / seconds).astype(int) % len(notes)]
    tune = sum(np.sin(2 * np.pi * hertz * overtone * _TIME) / overtone for overtone in (1, 2, 3, 4))
    return np.asarray(tune * np.exp(-2 * (_TIME % seconds)))


def humming() -> Samples:
    """A trembling note with overtones, as of strings or a voice: what passes most easily for speech."""
    phase = 2 * np.pi * np.cumsum(220 + 8 * np.sin(2 * np.pi * 5 * _TIME)) / _RATE
    sound = sum(np.sin(overtone * phase) / overtone for overtone in range(1, 7))
    return _samples(np.asarray(4500 * sound * (_TIME % 2 < 1.6)))


SOUNDS: dict[str, Callable[[], Samples]] = {
    "nothing": partial(tones),
    "mains hum": partial(tones, 50, loudness=3000),
    "ringing": partial(tones, 440, 480, on=2, off=4),
    "engaged": partial(tones, 480, 620, on=0.5, off=0.5),
    "fax": partial(tones, 1100, on=0.5, off=3),
    "keys": partial(tones, 770, 1336, on=0.1, off=0.3),
    "hiss": partial(noise, 300),
    "surf": partial(noise, beat=4),
    "music": music,
    "humming": humming,
}
