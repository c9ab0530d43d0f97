"""What a killed recogniser costs: a long recording goes on from its last finished part.

    python -m benchmarks.recognition_resume [--minutes 60] [--model base] [--part-minutes 5]

The recording is the sample call again and again, stereo. It is recognised once without a disturbance; then
its process is killed with SIGKILL half-way through, and another one goes on from the parts that were handed
over. Each time counts from the start of the process, so that the model is loaded within it. The transcripts
have to be the same to the last bit. To start anew would have cost all that was done before the kill.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.recognition_memory import long_recording

from callpost.model.configuration import Ingest
from callpost.model.transcript import Transcript
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import FinishedPart, RecognitionRequest, RecognizerLost


@dataclass
class Run:
    """One process at the recording. reached: 0..1, where it was when it ended."""

    seconds: float
    reached: float
    parts: list[FinishedPart]
    transcript: Transcript | None


@dataclass(frozen=True)
class Bench:
    recording: Path
    model: str
    models_folder: Path
    part_ms: int

    async def run(self, finished: Sequence[FinishedPart] = (), *, kill_at: float = 2.0) -> Run:
        """Recognise the recording from `finished` on; kill_at: 0..1, beyond that it is left alone."""
        run = Run(0.0, 0.0, [*finished], None)
        began = time.monotonic()

        async def keep(part: FinishedPart) -> None:
            run.parts.append(part)

        def progress(done: float) -> None:
            run.reached = done
            if done >= kill_at and recognizer.pid is not None:
                os.kill(recognizer.pid, signal.SIGKILL)

        given = tuple(part.data for part in finished)
        request = RecognitionRequest(self.recording, Ingest(), "en-US", None, finished=given)
        async with RecognizerProcess(self.model, self.models_folder, part_ms=self.part_ms) as recognizer:
            try:
                run.transcript = (await recognizer.transcribe(request, progress, keep)).transcript
            except RecognizerLost:
                if kill_at > 1:
                    raise
            run.seconds = time.monotonic() - began
        return run


async def _measure(bench: Bench, minutes: int) -> bool:
    await bench.run(kill_at=0.0)  # the model is unpacked and in the page cache
    whole = await bench.run()
    killed = await bench.run(kill_at=0.5)
    rest = await bench.run(killed.parts)
    twice_s = killed.reached * minutes * 60 - len(killed.parts) * bench.part_ms / 1000
    lost_s = killed.seconds + rest.seconds - whole.seconds
    kept_bytes = sum(len(part.data) for part in rest.parts)
    print(f"undisturbed                     {whole.seconds:8.1f} s for {minutes} min of sound")
    print(
        f"killed at {killed.reached:4.0%}                  {killed.seconds:8.1f} s, {len(killed.parts)} parts"
    )
    print(f"the rest, by another process    {rest.seconds:8.1f} s")
    print(f"all parts together              {kept_bytes / 1000:8.1f} kB")
    print(f"{'lost':31} {'going on':>9} {'anew':>9}")
    print(f"{'  sound recognised twice, s':31} {twice_s:9.0f} {killed.reached * minutes * 60:9.0f}")
    print(f"{'  wall time, s':31} {lost_s:9.1f} {killed.seconds:9.1f}")
    same = rest.transcript == whole.transcript
    print("The transcripts are the same." if same else "The transcripts DIFFER.")
    return same


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--model", default="base")
    parser.add_argument("--part-minutes", type=float, default=5.0)
    wanted = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as name:
        folder = Path(name)
        recording = long_recording(folder / "long.wav", wanted.minutes)
        bench = Bench(recording, wanted.model, folder / "models", round(wanted.part_minutes * 60_000))
        return 0 if asyncio.run(_measure(bench, wanted.minutes)) else 1


if __name__ == "__main__":
    sys.exit(main())
