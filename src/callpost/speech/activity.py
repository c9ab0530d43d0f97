"""Where somebody speaks: Silero's voice activity detection, which is spared most of the silence.

On a call one of two listens. The search costs as much there as where somebody speaks, and it does it harm:
after a long silence, as after the ringing before a call, it takes a voice for one late or not at all.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from faster_whisper.vad import VadOptions, get_speech_timestamps

from callpost.speech.audio import RATE, Samples

Region = tuple[int, int]

_STEP = 512  # samples; Silero's own at 16 kHz
_BEFORE = -(-RATE // _STEP)  # steps of quiet kept before what stands out: the search gets used to the line
_AFTER = _BEFORE // 2
_SHORT = 10 * RATE  # too short to tell the line's noise from what is on it
_SILENCE = 16  # of 32768; a peak below it (-66 dBFS) is no line at all
_FLOOR = 1  # percent of the steps, the quietest, are the line alone
_LOUD = 1.5  # times its level: 3.5 dB

Levels = npt.NDArray[np.float32]


def speech(audio: Samples, longest: int) -> list[Region]:
    """Where somebody speaks, in samples of 16 kHz, none longer than so many; without padding."""
    if not len(audio) or int(np.abs(audio.astype(np.int32)).max()) < _SILENCE:
        return []
    pieces = audible(audio)
    if not pieces:
        return []
    heard = np.concatenate([audio[start:end] for start, end in pieces]).astype(np.float32) / 32768
    options = VadOptions(min_silence_duration_ms=160, speech_pad_ms=0, max_speech_duration_s=longest / RATE)
    found = [(int(one["start"]), int(one["end"])) for one in get_speech_timestamps(heard, options)]
    return list(_placed(found, pieces))


def audible(audio: Samples) -> list[Region]:
    """What stands out of the line's noise, with some quiet around it; a short stretch of sound as it is."""
    if len(audio) < _SHORT:
        return [(0, len(audio))]
    sound = audio[: len(audio) // _STEP * _STEP].astype(np.float32)
    # Hum covers a voice in all that is heard, not in the higher frequencies; with hiss it is the other way.
    loud = _stands_out(sound) | _stands_out(np.diff(sound, prepend=sound[:1]))
    return _around(np.flatnonzero(loud), len(audio))


def _stands_out(sound: Levels) -> npt.NDArray[np.bool_]:
    """Of each step, whether it is louder than the quietest of them; where nothing is sent is no line."""
    steps = sound.reshape(-1, _STEP)
    levels = np.sqrt(np.einsum("ij,ij->i", steps, steps) / _STEP)
    sent = levels[levels >= 1]
    return levels > _LOUD * np.percentile(sent, _FLOOR) if len(sent) else np.zeros(len(levels), bool)


def _around(loud: npt.NDArray[np.intp], length: int) -> list[Region]:
    """Stretches that hold these steps and the quiet around them."""
    if not len(loud):
        return []
    gaps = np.flatnonzero(np.diff(loud) > _BEFORE + 1 + _AFTER)
    firsts, lasts = loud[[0, *(gaps + 1)]], loud[[*gaps, -1]]
    return [
        (max(0, int(first) - _BEFORE) * _STEP, min(length, (int(last) + 1 + _AFTER) * _STEP))
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _placed(found: Sequence[Region], pieces: Sequence[Region]) -> Iterator[Region]:
    """What was found in the pieces joined, where it is in the whole; what lies over a joint is two."""
    joint = 0
    for first, last in pieces:
        for start, end in found:
            inside = max(start, joint), min(end, joint + last - first)
            if inside[0] < inside[1]:
                yield inside[0] - joint + first, inside[1] - joint + first
        joint += last - first
