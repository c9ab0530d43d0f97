import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import pytest
from faster_whisper import WhisperModel
from speech_recordings import Line, Samples, Transcribe, Write, add_tracks, read

from callpost.model.configuration import Ingest
from callpost.speech import models, transcription
from callpost.speech.recognizer import Recognition, RecognitionRequest
from callpost.speech.whisper import Whisper

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def call() -> Path:
    """The sample call: agent "A" left, customer "C" right."""
    return EXAMPLES / "call.wav"


@pytest.fixture(scope="session")
def script() -> list[Line]:
    return [Line(**line) for line in json.loads((EXAMPLES / "call.json").read_text())]


@pytest.fixture(scope="session")
def opening(call: Path) -> Samples:
    """The first three lines of the call, 17.2 s; 8 kHz, shape (2, samples)."""
    return read(call)[:, : int(17.2 * 8000)]


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def transcribe(models_folder: Path) -> Iterator[Transcribe]:
    """Recognise a file in this process; with the small model unless another is asked for."""
    loaded: dict[str, WhisperModel] = {}
    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(2) as searching:

        def run(
            path: Path,
            ingest: Ingest | None = None,
            *,
            model: str = "tiny.en",
            language: str = "en-US",
            **more: Any,
        ) -> Recognition:
            if model not in loaded:
                folder = str(models.locate(model, models_folder))
                loaded[model] = WhisperModel(folder, compute_type="int8", cpu_threads=1, num_workers=2)
            terms = more.pop("terms", ())
            whisper = more.pop("whisper", Whisper)(loaded[model], language.partition("-")[0], terms)
            request = RecognitionRequest(
                path, ingest or Ingest(), language, None, terms, voices=more.pop("voices", False)
            )
            engine = transcription.Engine(whisper, pool, searching, 2)
            return transcription.transcribe(request, engine, more.pop("report", lambda *_: None), **more)

        yield run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write int16 samples of shape (channels, samples) as a recording, one track."""

    def written(
        name: str, samples: Samples, codec: str = "pcm_s16le", *, rate: int = 8000, form: str | None = None
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", format=form) as container:
            add_tracks(container, [samples], codec, rate)
        return path

    return written
