"""What of the time of a call is not recognition: decoding, captions, storing and planning.

    python -m benchmarks.recognition_share [--minutes 10] [--model base]

The recording is the sample call again and again, stereo. The analysis, which `benchmarks.analysis` measures,
stands beside the rest. Storing is into a folder, flushed to the disk; the database is not counted.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from uuid import uuid4

from benchmarks.recognition_memory import long_recording
from faster_whisper import WhisperModel

from callpost.analysis.analyze import analyze
from callpost.delivery import rendering
from callpost.model.configuration import Callback, CallbackType, Configuration, Ingest, TranscriptFormat
from callpost.model.delivery import EndpointPolicy
from callpost.model.media import Media, MediaStatus
from callpost.model.results import Report
from callpost.pipeline import publish
from callpost.speech import audio, ingest, models, transcription
from callpost.speech.recognizer import Recognition, RecognitionRequest
from callpost.speech.whisper import Whisper
from callpost.store import reports
from callpost.store.objects import Objects

T = TypeVar("T")

_URL = "https://hooks.example.com/results"
_CALLBACKS = (
    Callback(_URL),
    *(Callback(_URL, CallbackType.TRANSCRIPT, format=form) for form in TranscriptFormat),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--model", default="base")
    wanted = parser.parse_args()
    with TemporaryDirectory(prefix="callpost-benchmark-") as name:
        folder = Path(name)
        recording = long_recording(folder / "long.wav", wanted.minutes)
        model = str(models.locate(wanted.model, folder / "models"))
        _print(_measured(recording, model, Objects(str(folder / "objects"))))


def _measured(recording: Path, model: str, objects: Objects) -> dict[str, float]:
    """Wall seconds of each step."""
    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        try:
            return work()
        finally:
            seconds[step] = time.perf_counter() - began

    whisper = WhisperModel(model, compute_type="int8", cpu_threads=1, num_workers=2)
    timed("decoding", lambda: _decode(recording))
    heard = timed("recognition", lambda: _recognise(recording, whisper))
    seconds["recognition"] -= seconds["decoding"]  # which is part of it
    analysis = timed("analysis, with its models loaded", lambda: analyze(heard.transcript, Configuration()))
    now, media_id = datetime.now(UTC), uuid4()
    media = Media(media_id, uuid4(), "callpost", MediaStatus.FINISHED, now, length_ms=heard.length_ms)
    report = Report(media, analysis.results)
    rendered = timed("captions and JSON", lambda: rendering.prepared(report, _CALLBACKS, _URL))
    rules = publish.PublishRules(EndpointPolicy())
    timed("planning", lambda: publish.plan(report, _CALLBACKS, rules))
    original = reports.stream_key(media_id, "original")
    timed("storing the recording", lambda: asyncio.run(objects.put_file(original, recording)))
    timed("storing the results", lambda: asyncio.run(reports.save(objects, report, rendered)))
    return seconds


def _decode(recording: Path) -> None:
    with audio.opened(recording) as opened:
        plan = ingest.plan([track.channels for track in opened.tracks], Ingest())
        for _ in opened.blocks(plan.sources, transcription.BLOCK):
            pass


def _recognise(recording: Path, whisper: WhisperModel) -> Recognition:
    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(2) as searching:
        engine = transcription.Engine(Whisper(whisper, "en"), pool, searching, 2)
        request = RecognitionRequest(recording, Ingest(), "en-US", None)
        return transcription.transcribe(request, engine, lambda *_: None)


def _print(seconds: dict[str, float]) -> None:
    whole = sum(seconds.values())
    for step, took in seconds.items():
        print(f"{step:34} {took:8.3f} s {100 * took / whole:6.2f} %")
    apart = sum(took for step, took in seconds.items() if not step.startswith(("recognition", "analysis")))
    print(f"{'all but recognition and analysis':34} {apart:8.3f} s {100 * apart / whole:6.2f} %")


if __name__ == "__main__":
    main()
