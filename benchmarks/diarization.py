"""Who spoke when in a mono recording: diarization error rate, beside two ways to do without voices.

    python -m benchmarks.diarization [--sets FOLDER] [--meetings FOLDER] [--model tiny.en]

The sample call, its two channels alone, and the recordings of FOLDER, all mixed down to one channel. Beside
each recording lies what is said in it: a script as in speech_sets/, with the times of its lines (`start` and
`end`, in seconds), or an RTTM file (as in `tests/data` of pyannote.audio's source archive: half a minute each
of real meetings, of up to four people who often talk at once).

The error rate is missed speech, false alarms and speech given to the wrong speaker, over all speech of all
speakers, overlap included; 0.25 s around every edge of the truth do not count. The speech is the recogniser's
own; both baselines have the same: "one": all of it is one speaker's; "in turn": another speaker after each
pause. "% right" is the share of the recognised words that are in the script, too, and have the right speaker.
"""

import argparse
import json
import time
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from benchmarks.recognition_text import spoken
from faster_whisper import WhisperModel
from faster_whisper.audio import decode_audio
from scipy.optimize import linear_sum_assignment

from callpost.model.configuration import Ingest
from callpost.model.transcript import Transcript
from callpost.speech import diarization, models, speakers, transcription
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.whisper import Whisper
from callpost.speech.windows import WindowFinder

_EXAMPLES = Path(__file__).parent.parent / "examples"
_RATE = 16_000
_FRAMES = 100  # per second
_COLLAR_S = 0.25
_PAUSE_S = 0.5  # as between stretches of voice activity
_THREADS = 2

Segment = tuple[float, float, str]
"""Start and end in seconds, speaker."""
Samples = npt.NDArray[np.int16]
Frames = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Set:
    """A recording in mono. truth: who speaks when. words: in order, with who says them; empty if unknown."""

    name: str
    samples: Samples
    truth: list[Segment]
    words: list[tuple[str, str]]

    @property
    def seconds(self) -> float:
        return len(self.samples) / _RATE


@dataclass(frozen=True)
class Rate:
    """Shares of the speech in the truth."""

    missed: float
    false_alarm: float
    confusion: float

    @property
    def error(self) -> float:
        return self.missed + self.false_alarm + self.confusion


def error_rate(truth: Sequence[Segment], found: Sequence[Segment], seconds: float) -> Rate:
    """NIST's measure, with the assignment of names that is best for the system."""
    counted = np.ones(int(seconds * _FRAMES) + 1, bool)
    for edge in (edge for start, end, _ in truth for edge in (start, end)):
        counted[max(0, int((edge - _COLLAR_S) * _FRAMES)) : int((edge + _COLLAR_S) * _FRAMES)] = False
    said, heard = _frames(truth, len(counted))[:, counted], _frames(found, len(counted))[:, counted]
    together = said.astype(int) @ heard.T.astype(int)
    right = together[linear_sum_assignment(-together)].sum()
    there, claimed = said.sum(axis=0), heard.sum(axis=0)
    total = max(1, there.sum())
    return Rate(
        np.maximum(there - claimed, 0).sum() / total,
        np.maximum(claimed - there, 0).sum() / total,
        (np.minimum(there, claimed).sum() - right) / total,
    )


def _frames(segments: Sequence[Segment], length: int) -> Frames:
    names = sorted({name for _, _, name in segments})
    frames = np.zeros((len(names), length), bool)
    for start, end, name in segments:
        frames[names.index(name), round(start * _FRAMES) : round(end * _FRAMES)] = True
    return frames


def words_right(one: Set, transcript: Transcript) -> float | None:
    """Of the words that were recognised, the share with the right speaker; None where no text is known."""
    found = [(word, turn.speaker) for turn in transcript.turns for word in spoken(turn.text).split()]
    blocks = SequenceMatcher(
        None, [word for word, _ in one.words], [word for word, _ in found], autojunk=False
    ).get_matching_blocks()
    pairs = [
        (one.words[block.a + at][1], found[block.b + at][1]) for block in blocks for at in range(block.size)
    ]
    if not pairs:
        return None
    truth, heard = (sorted({pair[side] for pair in pairs}) for side in (0, 1))
    together = np.zeros((len(truth), len(heard)), int)
    for said, by in pairs:
        together[truth.index(said), heard.index(by)] += 1
    return float(together[linear_sum_assignment(-together)].sum() / len(pairs))


def scripted(recording: Path, script: Path) -> Set | None:
    """A recording with its script; None where that says no times."""
    lines = json.loads(script.read_text())
    if any("start" not in line for line in lines):
        return None
    lines.sort(key=lambda line: line["start"])
    words = [(word, line["who"]) for line in lines for word in spoken(line["text"]).split()]
    return Set(recording.stem, _mono(recording), [_segment(line) for line in lines], words)


def _segment(line: dict[str, object]) -> Segment:
    return float(str(line["start"])), float(str(line["end"])), str(line["who"])


def _whole(samples: npt.NDArray[np.float32]) -> Samples:
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def _mono(recording: Path) -> Samples:
    return _whole(decode_audio(str(recording)))


def alone(one: Set, recording: Path) -> Iterator[Set]:
    """The two channels, each with the lines of its speaker."""
    channels = decode_audio(str(recording), split_stereo=True)
    for who, samples in zip("AC", channels, strict=True):
        yield Set(
            f"{one.name}, {who} alone",
            _whole(samples),
            [segment for segment in one.truth if segment[2] == who],
            [word for word in one.words if word[1] == who],
        )


def meetings(folder: Path) -> Iterator[Set]:
    """Every recording of which an RTTM file in the folder speaks, with at least a second of speech."""
    for file in sorted(folder.glob("*.rttm")):
        entries = [line.split() for line in file.read_text().splitlines()]
        for name in dict.fromkeys(entry[1] for entry in entries):
            own = [entry for entry in entries if entry[1] == name]
            truth = [(float(e[3]), float(e[3]) + float(e[4]), e[7]) for e in own]
            recording = folder / f"{name}.wav"
            if recording.exists():
                yield Set(name, _mono(recording), truth, [])


class Bench:
    """Recognises the sets with one model."""

    def __init__(self, model: str, folder: Path) -> None:
        place = str(models.locate(model, folder))
        loaded = WhisperModel(place, compute_type="int8", cpu_threads=1, num_workers=_THREADS)
        self._pool, searching = ThreadPoolExecutor(_THREADS), ThreadPoolExecutor(_THREADS)
        self._engine = transcription.Engine(Whisper(loaded, "en"), self._pool, searching, _THREADS)
        self._file = folder / "mono.wav"

    def hear(self, one: Set) -> Transcript:
        with wave.open(str(self._file), "wb") as file:
            file.setparams((1, 2, _RATE, 0, "NONE", ""))
            file.writeframes(one.samples.tobytes())
        request = RecognitionRequest(self._file, Ingest(diarize=True), "en-US", None)
        return transcription.transcribe(request, self._engine, lambda *_: None).transcript

    def cost(self, one: Set, transcript: Transcript) -> float:
        """Processor seconds that telling voices apart takes, per second of sound."""
        encoder, finder = diarization.installed(), WindowFinder(0)
        windows = [*finder.push(one.samples), *finder.finish()]
        words = list(transcript.words())
        began = time.process_time()
        speakers.Diarization(speakers.stretches(encoder, windows, self._pool, _THREADS), words)
        return (time.process_time() - began) / one.seconds


def _print(one: Set, transcript: Transcript, cost: float) -> None:
    found = [(part.start_ms / 1000, part.end_ms / 1000, part.speaker) for part in transcript.activity]
    rate = error_rate(one.truth, found, one.seconds)
    single = error_rate(one.truth, [(start, end, "") for start, end, _ in found], one.seconds)
    parts = [(start, end, str(number % 2)) for number, (start, end) in enumerate(_stretches(found))]
    turns = error_rate(one.truth, parts, one.seconds)
    right = words_right(one, transcript)
    people = f"{len({name for *_, name in one.truth})} {len({name for *_, name in found}):6}"
    ours = " ".join(f"{100 * x:6.1f}" for x in (rate.missed, rate.false_alarm, rate.confusion, rate.error))
    words = f"{100 * right:6.1f}" if right is not None else "     -"
    others = f"{100 * single.error:6.1f} {100 * turns.error:7.1f}"
    print(f"{one.name:22} {one.seconds:5.0f} {people} {ours} {others} {words} {cost:7.4f}", flush=True)


def _stretches(found: Sequence[Segment]) -> list[tuple[float, float]]:
    """Speech by the pauses in it, without regard to who speaks."""
    joined: list[tuple[float, float]] = []
    for start, end, _ in sorted(found):
        if joined and start <= joined[-1][1] + _PAUSE_S:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _sets(folder: Path | None, talks: Path | None) -> Iterator[Set]:
    call = scripted(_EXAMPLES / "call.wav", _EXAMPLES / "call.json")
    if call is not None:
        yield call
        yield from alone(call, _EXAMPLES / "call.wav")
    for script in sorted(folder.glob("*.json")) if folder is not None else ():
        recording = next(path for path in sorted(script.parent.iterdir()) if _belongs(path, script))
        if (one := scripted(recording, script)) is not None:
            yield one
    if talks is not None:
        yield from meetings(talks)


def _belongs(path: Path, script: Path) -> bool:
    return path != script and (path.stem == script.stem or path.stem.startswith(f"{script.stem}_"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", type=Path, metavar="FOLDER")
    parser.add_argument("--meetings", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default="tiny.en")
    wanted = parser.parse_args()
    print(f"{'':22} {'':5} {'people':8} {'% of the speech':^27} {'baselines':^14} {'words':>6} {'cpu s':>7}")
    columns = " ".join(f"{name:>6}" for name in ("missed", "false", "wrong", "error"))
    print(f"{'':22} {'s':>5} {'is found':8} {columns} {'one':>6} {'in turn':>7} {'% right':>6} {'per s':>7}")
    with TemporaryDirectory(prefix="callpost-benchmark-") as name:
        bench = Bench(wanted.model, Path(name))
        for one in _sets(wanted.sets, wanted.meetings):
            transcript = bench.hear(one)
            _print(one, transcript, bench.cost(one, transcript))


if __name__ == "__main__":
    main()
