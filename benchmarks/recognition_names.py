"""How many of 16 rare names are recognised without being expected, and with.

    python -m benchmarks.recognition_names [--models base tiny.en]

names.ogg was made as the sample call was (examples/README.md); names.json is its script, and says of each
line which name counts: when the transcript has it letter by letter, whatever the case. The other terms are
names that nobody says: each one found in the transcript is an invention. November 2026, of 16 names: base 1
without terms, 11 with the 16, 10 with 42; tiny.en 1, 13, 12; none invented.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import jiwer
from benchmarks.recognition_text import spoken
from faster_whisper import WhisperModel

from callpost.model.configuration import Ingest
from callpost.speech import models, transcription
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.whisper import Whisper

_HERE = Path(__file__).parent
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["base", "tiny.en"])
    script = json.loads((_HERE / "names.json").read_text())
    names = [line["name"] for line in script]
    with TemporaryDirectory(prefix="callpost-benchmark-") as folder:
        for model in parser.parse_args().models:
            path = str(models.locate(model, Path(folder)))
            loaded = WhisperModel(path, compute_type="int8", cpu_threads=1, num_workers=2)
            _measure(model, loaded, script, [])
            _measure(model, loaded, script, names)
            _measure(model, loaded, script, names + _OTHERS)


def _measure(model: str, loaded: WhisperModel, script: list[dict[str, str]], terms: list[str]) -> None:
    names = [spoken(line["name"]) for line in script]
    engine = transcription.Engine(Whisper(loaded, "en", terms), ThreadPoolExecutor(2), 2)
    request = RecognitionRequest(_HERE / "names.ogg", Ingest(), "en-US", None)
    began = time.process_time()
    turns = transcription.transcribe(request, engine, lambda *_: None).transcript.turns
    took = time.process_time() - began
    heard = [spoken(" ".join(turn.text for turn in turns if turn.channel == channel)) for channel in (0, 1)]
    truth = [spoken(" ".join(line["text"] for line in script if line["who"] == who)) for who in "AC"]
    words = " ".join(heard).split()
    found = sum(name in words for name in names)
    invented = sum(spoken(other) in words for other in _OTHERS)
    rate = f"WER {100 * jiwer.wer(truth, heard):5.1f} %   {took:4.1f} cpu s"
    print(f"{model:8} {len(terms):3} terms   {found:2} of {len(names)} names   {invented} invented   {rate}")


if __name__ == "__main__":
    main()
