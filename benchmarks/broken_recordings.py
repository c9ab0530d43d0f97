"""Mutated recordings of every container through one recogniser process: does it stay up, and how fast?

    python -m benchmarks.broken_recordings [--count 400] [--seed 1] [--keep FOLDER]

Each case is a healthy recording of two seconds with a few changes, most of them in its first 512 bytes. It
must end in a result or in error 10201. A process that dies, an error of another kind and a case that takes
longer than its time limit are faults; then the program ends with 1. --keep: where to leave what was a fault.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from callpost.errors import UnreadableRecording
from callpost.model.configuration import Ingest
from callpost.speech.process import RecognizerProcess, TimeLimit
from callpost.speech.recognizer import RecognitionRequest, RecognizerLost

_CALL = Path(__file__).parents[1] / "examples" / "call.wav"
_SECONDS = 2
_HEAD = 512
_LIMIT_S = 120.0  # for a busy machine; it takes tenths of a second
_FORMS = {
    "wav": ("pcm_s16le", 8000),
    "mulaw.wav": ("pcm_mulaw", 8000),
    "adpcm.wav": ("adpcm_ima_wav", 8000),
    "mp3": ("libmp3lame", 8000),
    "m4a": ("aac", 8000),
    "ogg": ("libopus", 48_000),
    "vorbis.ogg": ("vorbis", 8000),
    "flac": ("flac", 8000),
    "webm": ("libopus", 48_000),
    "wma": ("wmav2", 8000),
    "aiff": ("pcm_s16be", 8000),
    "au": ("pcm_mulaw", 8000),
    "caf": ("pcm_s16le", 8000),
    "avi": ("pcm_mulaw", 8000),
    "ts": ("aac", 8000),
    "aac": ("aac", 8000),
    "flv": ("aac", 8000),
    "w64": ("pcm_s16le", 8000),
    "wv": ("wavpack", 8000),
}


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Bytes changed, mostly in the header; pieces cut out, doubled, or filled with extremes."""
    out = bytearray(content)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(min(len(out), _HEAD if chance.random() < 0.8 else len(out)))
        length = chance.choice((1, 1, 2, 4, 8, 64))
        match chance.randrange(5):
            case 0:
                out[at : at + length] = chance.randbytes(length)
            case 1:
                out[at : at + length] = b"\xff" * length
            case 2:
                out[at : at + length] = b"\0" * length
            case 3:
                del out[at : at + length]
            case _:
                out[at:at] = out[at : at + length]
    return bytes(out)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as folder:
        faults = asyncio.run(_measure(Path(folder), chosen.count, chosen.seed, chosen.keep))
    sys.exit(1 if faults else 0)


async def _measure(folder: Path, count: int, seed: int, keep: Path | None) -> int:
    chance, recordings = random.Random(seed), _recordings(folder)  # noqa: S311
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    limit = TimeLimit(base_s=_LIMIT_S)
    async with RecognizerProcess("tiny.en", folder / "models", time_limit=limit) as recognizer:
        for number in range(count):
            extension, content = recordings[number % len(recordings)]
            path = folder / f"case.{extension}"
            path.write_bytes(mutated(content, chance))
            began = time.monotonic()
            said = await _outcome(recognizer, path)
            slowest = max(slowest, time.monotonic() - began if number else 0)
            outcomes[said.partition(":")[0]] += 1
            if said.startswith("fault"):
                print(f"{extension}, case {number} of seed {seed}: {said}", flush=True)
                if keep:
                    _keep(path, keep / f"{seed}-{number}.{extension}")
    for name, found in outcomes.most_common():
        print(f"{found:5} {name}")
    print(f"The slowest took {slowest:.1f} s.")
    return outcomes["fault"]


def _keep(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())


def _recordings(folder: Path) -> list[tuple[str, bytes]]:
    found = []
    for extension, (codec, rate) in _FORMS.items():
        path = folder / f"healthy.{extension}"
        with av.open(str(_CALL)) as source, av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=rate, layout="stereo", options={"strict": "experimental"})
            if not codec.startswith("pcm_"):
                stream.bit_rate = 64_000
            for frame in source.decode(audio=0):
                if frame.time is not None and frame.time < _SECONDS:
                    frame.pts = None
                    out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        found.append((extension, path.read_bytes()))
    return found


async def _outcome(recognizer: RecognizerProcess, path: Path) -> str:
    request = RecognitionRequest(path, Ingest(), "en-US", None)
    try:
        heard = await recognizer.transcribe(request, lambda _: None)
    except UnreadableRecording as error:
        return "refused with 10201" if error.problem.code == 10201 else f"fault: {error.problem}"
    except RecognizerLost as error:
        return f"fault: {error}"
    return "result with a warning" if heard.warnings else "result"


if __name__ == "__main__":
    main()
