"""Eight recordings that wait at once, against the same eight one after another.

    python -m benchmarks.recognition_eight [--rounds 3] [--model base] [--recordings 8] [--sets FOLDER]

Each recording is 60 s of the sample call (repeated), from another place on; with --sets, from the stereo
recordings of that folder (speech_sets/ makes one). Both ways take turns in every round, in one process with
one model, as a worker has it; the fastest round of each counts. Waiting at once, all are under way together;
one after another, the next begins when the one before has ended. Whether
windows of several recordings share a batch shows in transcripts that differ a little: how many do is told.
"""

import argparse
import asyncio
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from faster_whisper.audio import decode_audio

from callpost.model.configuration import Ingest
from callpost.model.transcript import Transcript
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import RecognitionRequest

_CALL = Path(__file__).parent.parent / "examples" / "call.wav"
_RATE = 8000
_SECONDS = 60


def recordings(folder: Path, count: int, sets: Path | None) -> list[Path]:
    """`count` stereo recordings of 60 s, no two alike."""
    sources = [*sorted(sets.glob("*.ogg"))] if sets else [_CALL]
    return [_cut(sources[n % len(sources)], folder / f"{n}.wav", n) for n in range(count)]


def _cut(source: Path, target: Path, number: int) -> Path:
    channels = decode_audio(str(source), split_stereo=True)
    sound: npt.NDArray[np.float32] = np.stack([channel[::2] for channel in channels], axis=1)
    length = _SECONDS * _RATE
    first = number * 7 * _RATE % len(sound)
    cut = np.take(sound, range(first, first + length), axis=0, mode="wrap")
    with wave.open(str(target), "wb") as file:
        file.setparams((2, 2, _RATE, 0, "NONE", ""))
        file.writeframes((cut * 32767).astype("<i2").tobytes())
    return target


async def _hear(recognizer: RecognizerProcess, recording: Path) -> Transcript:
    request = RecognitionRequest(recording, Ingest(), "en-US", None)
    return (await recognizer.transcribe(request, lambda _: None)).transcript


async def at_once(recognizer: RecognizerProcess, given: Sequence[Path]) -> list[Transcript]:
    return await asyncio.gather(*(_hear(recognizer, one) for one in given))


async def one_by_one(recognizer: RecognizerProcess, given: Sequence[Path]) -> list[Transcript]:
    return [await _hear(recognizer, one) for one in given]


async def _measure(given: Sequence[Path], model: str, models_folder: Path, rounds: int) -> None:
    sound_s = len(given) * _SECONDS
    ways = {"one after another": one_by_one, "all at once": at_once}
    fastest = dict.fromkeys(ways, float("inf"))
    heard: dict[str, list[Transcript]] = {}
    async with RecognizerProcess(model, models_folder) as recognizer:
        await _hear(recognizer, given[0])  # the model is loaded before the clock starts
        for number in range(rounds):
            for name, way in ways.items():
                began = time.monotonic()
                heard[name] = await way(recognizer, given)
                took = time.monotonic() - began
                fastest[name] = min(fastest[name], took)
                print(f"round {number + 1}  {name:18} {took:7.1f} s  {sound_s / took:6.1f} x", flush=True)
    alone, together = heard.values()
    differing = sum(one != other for one, other in zip(alone, together, strict=True))
    for name, took in fastest.items():
        print(f"{name:18} {sound_s / took:6.1f} seconds of sound per second")
    print(f"ratio              {fastest['one after another'] / fastest['all at once']:6.2f}")
    print(f"transcripts that differ: {differing} of {len(given)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="base")
    parser.add_argument("--recordings", type=int, default=8)
    parser.add_argument("--sets", type=Path, default=None)
    wanted = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as name:
        folder = Path(name)
        given = recordings(folder, wanted.recordings, wanted.sets)
        asyncio.run(_measure(given, wanted.model, folder / "models", wanted.rounds))


if __name__ == "__main__":
    main()
