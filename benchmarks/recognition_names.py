"""How many of 16 rare names are recognised without being expected, and with.

    python -m benchmarks.recognition_names [--models base tiny.en] [--sets rare-piper rare-flite ...]

Two lists of names, each spoken by two pairs of voices over the telephone: names/make.py made the recordings
of names/rare.toml, with which the rules of callpost.speech.vocabulary were written, and of names/unseen.toml,
with which they were not. A name counts when the transcript has it letter by letter, whatever the case. The
other terms are names that nobody says: each one found in the transcript is an invention. "prompt" is what
Whisper makes of its prompt alone, "written" what comes of it with the second stage. docs/configuration.md
has the figures of November 2026.
"""

import argparse
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jiwer
from benchmarks.recognition_text import spoken
from faster_whisper import WhisperModel

from callpost.model.configuration import ExpectedTerm, Ingest
from callpost.model.transcript import Word
from callpost.speech import models, transcription
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.vocabulary import Vocabulary
from callpost.speech.whisper import Whisper

_NAMES = Path(__file__).parent / "names"
_SETS = ("rare-piper", "rare-flite", "unseen-piper", "unseen-flite")
_OTHERS = [
    "Abernathy",
    "Bellweather",
    "Calloway",
    "Dravencourt",
    "Eskandari",
    "Fenwicke",
    "Gwendolyn",
    "Hyperline",
    "Ionetta",
    "Juxtacom",
    "Kowalczyk",
    "Lumirex",
    "Mbeki",
    "Nakashima",
    "Orpheum",
    "Pellagio",
    "Quorvex",
    "Rasmussen",
    "Strathmore",
    "Tevaris",
    "Ugochukwu",
    "Valtrex",
    "Wojciech",
    "Xanthippe",
    "Yggdra",
    "Zbigniew",
]

Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["base", "tiny.en"])
    parser.add_argument("--sets", nargs="+", default=_SETS)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as folder:
        for model in options.models:
            path = str(models.locate(model, Path(folder)))
            loaded = WhisperModel(path, compute_type="int8", cpu_threads=1, num_workers=2)
            for name in options.sets:
                _compare(f"{model:8}{name:13}", loaded, name)


def _compare(label: str, loaded: WhisperModel, name: str) -> None:
    lines = tomllib.loads((_NAMES / f"{name.partition('-')[0]}.toml").read_text())["lines"]
    names = [ExpectedTerm(line["name"]) for line in lines]
    sounding = [ExpectedTerm(line["name"], tuple(line["sounds_like"])) for line in lines]
    others = [ExpectedTerm(other) for other in _OTHERS]
    expected = {"none": [], "16": names, "42": names + others, "42, sounding": sounding + others}
    for terms, given in expected.items():
        began = time.process_time()
        channels = _recognised(Whisper(loaded, "en", given), _NAMES / f"{name}.ogg")
        took = time.process_time() - began
        print(f"{label} {terms:13} prompt   {_found(channels, lines)}   {took:4.1f} cpu s", flush=True)
        vocabulary = Vocabulary(given, "en-US")
        written = [vocabulary.written(words) for words in channels]
        if given:
            print(f"{label} {terms:13} written  {_found(written, lines)}", flush=True)


def _recognised(whisper: Whisper, path: Path) -> list[list[Word]]:
    """The words of each channel as Whisper hears them: no terms are looked for in them yet."""
    engine = transcription.Engine(whisper, ThreadPoolExecutor(2), ThreadPoolExecutor(2), 2)
    request = RecognitionRequest(path, Ingest(), "en-US", None)
    turns = transcription.transcribe(request, engine, lambda *_: None).transcript.turns
    return [[word for turn in turns if turn.channel == channel for word in turn.words] for channel in (0, 1)]


def _found(channels: Sequence[Sequence[Word]], lines: list[Line]) -> str:
    heard = [spoken(" ".join(word.text for word in words)) for words in channels]
    truth = [spoken(" ".join(line["text"] for line in lines if line["who"] == who)) for who in "AC"]
    words = " ".join(heard).split()
    found = sum(spoken(line["name"]) in words for line in lines)
    invented = sum(spoken(other) in words for other in _OTHERS)
    return f"{found:2} of {len(lines)}   {invented} invented   WER {100 * jiwer.wer(truth, heard):5.1f} %"


if __name__ == "__main__":
    main()
