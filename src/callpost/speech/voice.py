"""How each word sounds: its volume, its pitch, and what else is strong in it.

Source: docs/how-to-guides/voice-features.md. Of the pitch it says "dominant peak"; telephone lines cut off
the fundamental of most voices, so that the strongest peak jumps between harmonics. Here it is the
fundamental, by autocorrelation (Boersma 1993), which is heard all the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from callpost.model.transcript import Peak, Voice, Word
from callpost.speech.audio import RATE, SAMPLES_PER_MS, Samples
from callpost.speech.windows import Window

_FRAME = 1024  # 64 ms: three periods of a low voice
_HOP = 512
_SIZE = 2 * _FRAME
_LOWEST, _HIGHEST = 60, 400  # Hz, of voices
_VOICED = 0.45  # Boersma's threshold for periodic sound
_SAME_OCTAVE = 0.9  # the shortest period that fits nearly as well is the fundamental
_APART = 60  # Hz between two peaks

_HANN = np.hanning(_FRAME).astype(np.float32)
_HANN_CORRELATION = np.fft.irfft(np.abs(np.fft.rfft(_HANN, _SIZE)) ** 2)
_LAGS = slice(RATE // _HIGHEST, RATE // _LOWEST + 1)

Spectrum = npt.NDArray[np.float64]


def with_voices(words: Sequence[Word], window: Window) -> Iterator[Word]:
    """The words of a window, each with how it sounds."""
    start_ms = window.start // SAMPLES_PER_MS
    for word in words:
        first, last = ((at - start_ms) * SAMPLES_PER_MS for at in (word.start_ms, word.end_ms))
        sound = window.samples[max(first, 0) : max(last, 0)]
        yield replace(word, voice=voice(sound)) if len(sound) else word


def voice(samples: Samples) -> Voice:
    """Of 16 kHz samples; no peaks where nothing in them is periodic (an "s", noise).

    volume: the mean amplitude over all frames and frequencies times the largest one, amplitudes as the
    discrete Fourier transform of 64 ms of full scale 1 gives them: around 10 for speech on a good line.
    """
    amplitudes = _amplitudes(samples)
    power = np.mean(amplitudes**2, axis=0)
    mean = np.sqrt(power)
    volume = float(amplitudes.mean() * amplitudes.max())
    pitch = _fundamental(power)
    peaks = _peaks(mean, pitch) if pitch is not None else ()
    return Voice(round(volume, 3), peaks)


def _amplitudes(samples: Samples) -> Spectrum:
    """Of each frame, the amplitude of each frequency; a short word fills one frame with silence."""
    sound = samples.astype(np.float32) / 32_768
    if len(sound) < _FRAME:
        sound = np.pad(sound, (0, _FRAME - len(sound)))
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_HOP]
    amplitudes: Spectrum = np.abs(np.fft.rfft(frames * _HANN, _SIZE, axis=1))
    return amplitudes


def _fundamental(power: Spectrum) -> float | None:
    """Hz; None where the sound is not periodic."""
    correlation = np.fft.irfft(power)
    if correlation[0] <= 0:
        return None
    normal = (correlation / correlation[0])[: _LAGS.stop + 1]
    normal /= (_HANN_CORRELATION / _HANN_CORRELATION[0])[: _LAGS.stop + 1]
    best = float(normal[_LAGS].max())
    if best < _VOICED:
        return None
    inner = normal[_LAGS]
    tops = np.flatnonzero(
        (inner >= normal[_LAGS.start - 1 : _LAGS.stop - 1])
        & (inner >= normal[_LAGS.start + 1 : _LAGS.stop + 1])
        & (inner >= _SAME_OCTAVE * best)
    )
    return RATE / (_LAGS.start + float(tops[0])) if len(tops) else None


def _peaks(mean: Spectrum, pitch: float) -> tuple[Peak, ...]:
    """The fundamental, and the strongest frequency beside it; energies relative to the strongest of all."""
    step = RATE / _SIZE
    frequencies = np.arange(len(mean)) * step
    near = np.abs(frequencies - pitch) < max(_APART / 2, step)
    apart = (frequencies >= _LOWEST) & (np.abs(frequencies - pitch) >= _APART)
    strongest = float(mean[near | apart].max())
    second = int(np.flatnonzero(apart)[np.argmax(mean[apart])])
    return (
        Peak(round(pitch, 3), round(float(mean[near].max()) / strongest, 3)),
        Peak(round(second * step, 3), round(float(mean[second]) / strongest, 3)),
    )
