"""How much memory the recogniser's process takes as a long recording goes through it, and how fast it goes.

    python -m benchmarks.recognition_memory [--minutes 60] [--model base]

The recording is the sample call again and again, stereo. The peak is the kernel's own account of the process
(VmHWM), model included; if it stops growing, the length of a recording does not decide it.
"""

import argparse
import asyncio
import time
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from faster_whisper.audio import decode_audio

from callpost.model.configuration import Ingest
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import RecognitionRequest

_CALL = Path(__file__).parent.parent / "examples" / "call.wav"
_RATE = 8000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--model", default="base")
    wanted = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as name:
        folder = Path(name)
        recording = long_recording(folder / "long.wav", wanted.minutes)
        asyncio.run(_follow(recording, wanted.minutes, wanted.model, folder / "models"))


def long_recording(target: Path, minutes: int) -> Path:
    """The sample call again and again, stereo, 8 kHz."""
    channels = [samples[::2] for samples in decode_audio(str(_CALL), split_stereo=True)]
    once = (np.stack(channels, axis=1) * 32767).astype("<i2").tobytes()
    with wave.open(str(target), "wb") as file:
        file.setparams((2, 2, _RATE, 0, "NONE", ""))
        for _ in range(-(-minutes * 60 * _RATE * 4 // len(once))):
            file.writeframes(once)
    return target


async def _follow(recording: Path, minutes: int, model: str, folder: Path) -> None:
    async with RecognizerProcess(model, folder) as recognizer:
        began, printed, before = time.monotonic(), -1, 0.0

        def progress(done: float) -> None:
            nonlocal printed, before
            if done < before:
                print(f"progress fell from {before:.3f} to {done:.3f}")
            before = done
            reached = int(done * minutes)
            if reached >= printed + 5 or printed < 0 or done == 1:
                printed = reached
                peak = _peak_mb(recognizer.pid)
                print(
                    f"{done * minutes:6.1f} min   {time.monotonic() - began:6.0f} s   {peak:5.0f} MB",
                    flush=True,
                )

        request = RecognitionRequest(recording, Ingest(), "en-US", None)
        heard = await recognizer.transcribe(request, progress)
    words = sum(len(turn.words) for turn in heard.transcript.turns)
    print(f"{heard.length_ms / 60_000:.1f} min of sound, {words} words")


def _peak_mb(pid: int | None) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
