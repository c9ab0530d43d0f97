"""Speed and accuracy of recognition against faster-whisper's own two ways, in one run.

    python -m benchmarks.recognition [--quick] [--sets FOLDER] [--models base tiny.en]

Every contender has the same model (int8, CPU), the same two threads and word times on; each runs in a process
of its own, loads its model before the clock starts, and takes its turn in every round, of which the fastest
counts. Processor seconds stand beside wall seconds, as they say more where the machine has other work. A last
table adds the recordings up.

FOLDER holds recordings, each with a script of the same name: a list of {"who", "text"}, "who" being "A" for
the left channel or the only one, "C" for the right one. speech_sets/ makes such a folder.
"""

import argparse
import json
import multiprocessing
import os
import resource
import time
import wave
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import reduce
from multiprocessing.connection import Connection
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import jiwer
import numpy as np
import numpy.typing as npt
from benchmarks.recognition_text import spoken
from faster_whisper import BatchedInferencePipeline, WhisperModel
from faster_whisper.audio import decode_audio

from callpost.model.configuration import Ingest
from callpost.speech import models, transcription
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.whisper import Whisper

_EXAMPLES = Path(__file__).parent.parent / "examples"
_THREADS = 2
_BATCH = 8  # the best for BatchedInferencePipeline on two cores; 4 and 16 are no faster

Recognise = Callable[[Path], list[str]]
"""The text of each channel of a recording."""


@dataclass(frozen=True)
class Heard:
    """texts: by channel. wall_s, cpu_s: what it took. peak_mb: of the process so far, model included."""

    texts: list[str]
    wall_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Measured:
    """What a contender did with recordings of so many seconds and words. wrong: words."""

    seconds: float
    words: int
    wrong: float
    wall_s: float
    cpu_s: float
    peak_mb: float

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            self.seconds + other.seconds,
            self.words + other.words,
            self.wrong + other.wrong,
            self.wall_s + other.wall_s,
            self.cpu_s + other.cpu_s,
            max(self.peak_mb, other.peak_mb),
        )


@dataclass(frozen=True)
class Set:
    recording: Path
    script: Path

    @property
    def name(self) -> str:
        return self.recording.stem

    @property
    def truth(self) -> list[str]:
        """What is said on each channel; in pieces, as a number may end one line and begin the next."""
        lines = json.loads(self.script.read_text())
        channels = sorted({line["who"] for line in lines})
        return [" ".join(spoken(line["text"]) for line in lines if line["who"] == who) for who in channels]

    @property
    def seconds(self) -> float:
        return len(decode_audio(str(self.recording))) / 16_000


def callpost(model: Path) -> Recognise:
    """Two workers of one thread, as the service runs it."""
    whisper = Whisper(_loaded(model, threads=1, workers=_THREADS), "en")
    pool, searching = ThreadPoolExecutor(_THREADS), ThreadPoolExecutor(_THREADS)
    engine = transcription.Engine(whisper, pool, searching, _THREADS)

    def recognise(path: Path) -> list[str]:
        request = RecognitionRequest(path, Ingest(), "en-US", None)
        turns = transcription.transcribe(request, engine, lambda *_: None).transcript.turns
        channels = range(_channels(path))
        return [" ".join(turn.text for turn in turns if turn.channel == channel) for channel in channels]

    return recognise


def plain(model: Path, *, vad: bool = False) -> Recognise:
    """`WhisperModel.transcribe` as it comes."""
    loaded = _loaded(model, threads=_THREADS)

    def channel(samples: object) -> str:
        found, _ = loaded.transcribe(samples, language="en", word_timestamps=True, vad_filter=vad)
        return " ".join(segment.text for segment in found)

    return lambda path: [channel(samples) for samples in _decoded(path)]


def with_vad(model: Path) -> Recognise:
    return plain(model, vad=True)


def batched(model: Path, *, workers: int = 1) -> Recognise:
    """`BatchedInferencePipeline` as it comes; with two workers, each takes a channel."""
    pipeline = BatchedInferencePipeline(_loaded(model, threads=_THREADS // workers, workers=workers))
    pool = ThreadPoolExecutor(workers)

    def channel(samples: object) -> str:
        found, _ = pipeline.transcribe(samples, language="en", word_timestamps=True, batch_size=_BATCH)
        return " ".join(segment.text for segment in found)

    return lambda path: list(pool.map(channel, _decoded(path)))


def batched_workers(model: Path) -> Recognise:
    return batched(model, workers=_THREADS)


def _decoded(path: Path) -> Sequence[npt.NDArray[np.float32]]:
    """The sound of each channel."""
    decoded: Sequence[npt.NDArray[np.float32]] = (
        decode_audio(str(path), split_stereo=True) if _channels(path) == 2 else [decode_audio(str(path))]
    )
    return decoded


def _channels(path: Path) -> int:
    with av.open(str(path)) as container:
        return int(container.streams.audio[0].channels)


def _loaded(model: Path, *, threads: int, workers: int = 1) -> WhisperModel:
    return WhisperModel(str(model), compute_type="int8", cpu_threads=threads, num_workers=workers)


CONTENDERS = {
    "callpost": callpost,
    "transcribe": plain,
    "transcribe, VAD": with_vad,
    "batched": batched,
    "batched, 2 x 1": batched_workers,
}


class Contender:
    """A recogniser in a process of its own."""

    def __init__(self, name: str, model: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, name, model), daemon=True)
        self._process.start()

    def wait_until_ready(self) -> None:
        """One that still loads would slow the others down."""
        self._connection.recv()

    def hear(self, recording: Path) -> Heard:
        self._connection.send(recording)
        heard: Heard = self._connection.recv()
        return heard

    def close(self) -> None:
        self._connection.send(None)
        self._process.join()


def _serve(connection: Connection, name: str, model: Path) -> None:
    recognise = CONTENDERS[name](model)
    with TemporaryDirectory() as folder:
        recognise(
            _first_seconds(Path(folder) / "short.wav")
        )  # what is loaded at the first use does not count
    connection.send(None)
    while recording := connection.recv():
        wall, cpu = time.perf_counter(), time.process_time()
        texts = recognise(recording)
        took = time.perf_counter() - wall, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        connection.send(Heard([spoken(text) for text in texts], *took, peak))


def _first_seconds(target: Path) -> Path:
    left, right = decode_audio(str(_EXAMPLES / "call.wav"), split_stereo=True)
    samples = np.stack([left, right], axis=1)[: 6 * 16_000] * 32767
    with wave.open(str(target), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(samples.astype(np.int16).tobytes())
    return target


def _fastest(contenders: dict[str, Contender], recording: Path, rounds: int) -> dict[str, Heard]:
    best: dict[str, Heard] = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            heard, before = contender.hear(recording), best.get(name)
            if before is not None:
                wall, cpu = min(heard.wall_s, before.wall_s), min(heard.cpu_s, before.cpu_s)
                heard = replace(heard, wall_s=wall, cpu_s=cpu)
            best[name] = heard
    return best


def _measured(one: Set, heard: Heard) -> Measured:
    truth = one.truth
    words = sum(len(text.split()) for text in truth)
    wrong = jiwer.wer(truth, heard.texts) * words
    return Measured(one.seconds, words, wrong, heard.wall_s, heard.cpu_s, heard.peak_mb)


def _print(title: str, results: dict[str, Measured]) -> None:
    ours = results["callpost"]
    print(f"\n{title}: {ours.seconds:.0f} s, {ours.words} words")
    print(f"{'':16}  wall s  x real   cpu s  WER %  peak MB   callpost is faster by")
    for name, one in results.items():
        times = f"{one.wall_s:7.1f} {one.seconds / one.wall_s:7.1f} {one.cpu_s:7.1f}"
        rate = f"{100 * one.wrong / one.words:6.1f}"
        ratios = f"{one.wall_s / ours.wall_s:4.2f} (wall) {one.cpu_s / ours.cpu_s:4.2f} (cpu)"
        print(f"{name:16} {times} {rate} {one.peak_mb:8.0f}   {ratios}", flush=True)


def _compare(model: str, sets: Sequence[Set], folder: Path, rounds: int) -> None:
    tables: list[dict[str, Measured]] = []
    with ExitStack() as stack:
        contenders = {name: Contender(name, models.locate(model, folder)) for name in CONTENDERS}
        for contender in contenders.values():
            stack.callback(contender.close)
        for contender in contenders.values():
            contender.wait_until_ready()
        for one in sets:
            fastest = _fastest(contenders, one.recording, rounds)
            tables.append({name: _measured(one, heard) for name, heard in fastest.items()})
            _print(f"{model}, {one.name}, {len(one.truth)} channels", tables[-1])
    together = {name: reduce(add, (table[name] for table in tables)) for name in CONTENDERS}
    _print(f"{model}, all {len(sets)} recordings", together)


def _recording(script: Path) -> Path:
    return next(path for path in script.parent.glob(f"{script.stem}.*") if path != script)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="the sample call and base alone, one round")
    parser.add_argument("--sets", type=Path, metavar="FOLDER")
    parser.add_argument("--models", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--rounds", type=int, default=2)
    wanted = parser.parse_args()
    sets = [Set(_EXAMPLES / "call.wav", _EXAMPLES / "call.json")]
    if wanted.sets:
        sets += [Set(_recording(script), script) for script in sorted(wanted.sets.glob("*.json"))]
    # As the service sets it: the threads of numpy's BLAS would wait in circles beside the recognisers'.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    with TemporaryDirectory(prefix="callpost-benchmark-") as folder:
        for model in ["base"] if wanted.quick else wanted.models:
            _compare(model, sets, Path(folder), 1 if wanted.quick else wanted.rounds)


if __name__ == "__main__":
    main()
