"""Words invented where nobody speaks, beside faster-whisper's own two ways in the same run.

    python -m benchmarks.recognition_silence [--models base tiny.en] [--sounds hiss music] [--seconds 60]

Twelve seconds of each of what lines carry (most of them in line_sounds.py) are repeated with pauses, 8
kHz. Every word in a transcript is an invention. Printed are words a minute: callpost's, those of
`WhisperModel.transcribe` with and without its voice activity detection, and of `BatchedInferencePipeline`.
"""

import argparse
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
import numpy.typing as npt
from benchmarks import line_sounds
from faster_whisper import BatchedInferencePipeline, WhisperModel

from callpost.model.configuration import Ingest
from callpost.speech import models, transcription
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.whisper import Whisper

Samples = npt.NDArray[np.int16]

_RATE = 8000
_KEYS = [(697, 1209), (697, 1336), (697, 1477), (770, 1209), (770, 1336), (852, 1477), (941, 1336)]


def _keys() -> Samples:
    """A long number, dialled: each key 80 ms."""
    return sum((line_sounds.tones(*pair, on=0.08, off=0.92) // len(_KEYS) for pair in _KEYS), np.int16(0))


def _babble() -> Samples:
    """Ten voices at once, an office behind the caller: the sample call over itself, backwards and quiet."""
    with av.open(str(Path(__file__).parents[1] / "examples" / "call.wav")) as container:
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=_RATE)
        frames = [
            out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)
        ]
    backwards = np.concatenate(frames, axis=1)[:, ::-1].astype(np.float64)
    length = 12 * _RATE
    voices = [np.roll(row, 7919 * at)[:length] for at in range(5) for row in backwards]
    return (sum(voices) / len(voices)).astype(np.int16)


SOUNDS: Mapping[str, Callable[[], Samples]] = {
    **line_sounds.SOUNDS,
    "faint hiss": partial(line_sounds.noise, 30),
    "loud hiss": partial(line_sounds.noise, 3000),
    "British ringing": partial(line_sounds.tones, 400, 450, on=0.4, off=0.2),
    "congestion": partial(line_sounds.tones, 480, 620, on=0.25, off=0.25),
    "number dialled": _keys,
    "babble": _babble,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--sounds", nargs="+", choices=SOUNDS, default=list(SOUNDS))
    parser.add_argument("--seconds", type=int, default=60, help="of each sound")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as folder, ThreadPoolExecutor(2) as pool:
        for name in chosen.models:
            path = str(models.locate(name, Path(folder)))
            loaded = WhisperModel(path, compute_type="int8", cpu_threads=1, num_workers=2)
            _measure(name, loaded, pool, Path(folder), dict.fromkeys(chosen.sounds, chosen.seconds))


def _measure(
    name: str, loaded: WhisperModel, pool: ThreadPoolExecutor, folder: Path, sounds: Mapping[str, int]
) -> None:
    pipeline = BatchedInferencePipeline(loaded)
    engine = transcription.Engine(Whisper(loaded, "en", ()), pool, ThreadPoolExecutor(2), 2)
    print(f"{name}, words a minute   callpost   transcribe   transcribe with VAD   batched")
    totals = np.zeros(4)
    for sound, seconds in sounds.items():
        path = folder / "sound.wav"
        _write(path, SOUNDS[sound](), seconds)
        request = RecognitionRequest(path, Ingest(), "en-US", None)
        heard = transcription.transcribe(request, engine, lambda *_: None).transcript
        whisper = str(path)
        found = [
            sum(1 for _ in heard.words()),
            _words(loaded.transcribe(whisper, language="en")[0]),
            _words(loaded.transcribe(whisper, language="en", vad_filter=True)[0]),
            _words(pipeline.transcribe(whisper, language="en", batch_size=8)[0]),
        ]
        found = [round(words * 60 / seconds) for words in found]
        totals += found
        print(f"  {sound:18} {found[0]:12} {found[1]:12} {found[2]:21} {found[3]:9}", flush=True)
    mean = totals / len(sounds)
    print(f"  {'all, mean':18} {mean[0]:12.1f} {mean[1]:12.1f} {mean[2]:21.1f} {mean[3]:9.1f}")


def _words(segments: object) -> int:
    return sum(len(segment.text.split()) for segment in segments)  # type: ignore[attr-defined]


def _write(path: Path, samples: Samples, seconds: int) -> None:
    pause = np.zeros(_RATE // 2, np.int16)
    repeated = np.resize(np.concatenate([samples, pause]), seconds * _RATE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(repeated[None], format="s16", layout="mono")
        frame.sample_rate = _RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])


if __name__ == "__main__":
    main()
