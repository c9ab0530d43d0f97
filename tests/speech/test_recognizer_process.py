"""The recognizer in its own process: what dies there costs one job, and nothing outlives the service."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from speech_recordings import Samples, Write, read

from callpost.errors import ConfigurationProblem, UnreadableRecording
from callpost.model.configuration import ChannelSpec, ExpectedTerm, Ingest, TrackSpec
from callpost.model.redaction import ToneRedaction
from callpost.speech.process import RecognizerProcess, TimeLimit
from callpost.speech.recognizer import Recognition, RecognitionRequest, RecognizerLost

STEREO = Ingest(tracks=(TrackSpec(0, (ChannelSpec("Agent"), ChannelSpec("Customer"))),))


@pytest.fixture
async def recognizer(models_folder: Path) -> AsyncIterator[RecognizerProcess]:
    async with RecognizerProcess("tiny.en", models_folder) as opened:
        yield opened


def request(
    path: Path, language: str = "en-US", model: str | None = None, terms: tuple[ExpectedTerm, ...] = ()
) -> RecognitionRequest:
    return RecognitionRequest(path, STEREO, language, model, terms)


def text(recognition: Recognition) -> str:
    return " ".join(turn.text for turn in recognition.transcript.turns)


async def pid_at_work(recognizer: RecognizerProcess, call: Path) -> tuple[int, asyncio.Task[Recognition]]:
    """Start on the sample call and wait until it is under way."""
    under_way = asyncio.Event()
    task = asyncio.create_task(recognizer.transcribe(request(call), lambda _: under_way.set()))
    async with asyncio.timeout(60):
        await under_way.wait()
    assert recognizer.pid is not None
    return recognizer.pid, task


async def gone(pid: int, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):  # the second: it went between opening and reading
            return True
        if status.rsplit(")", 1)[1].split()[0] == "Z":
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_recording_goes_in_and_its_transcript_comes_out(
    recognizer: RecognizerProcess, write: Write, opening: Samples
) -> None:
    seen: list[float] = []
    heard = await recognizer.transcribe(request(write("call.flac", opening, "flac")), seen.append)
    assert [turn.speaker for turn in heard.transcript.turns] == ["Agent", "Customer", "Agent"]
    assert "Harbor" in text(heard)
    assert (heard.content_type, heard.extension, heard.length_ms) == ("audio/flac", "flac", 17_200)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


async def test_what_sounds_like_an_expected_term_comes_out_as_the_term(
    recognizer: RecognizerProcess, write: Write, opening: Samples
) -> None:
    expected = (ExpectedTerm("HarborHome", ("harbor home", "harbour home"), weight=3),)
    heard = await recognizer.transcribe(request(write("call.wav", opening), terms=expected), lambda _: None)
    assert "HarborHome" in text(heard)


async def test_one_process_and_one_model_serve_many_recordings(
    recognizer: RecognizerProcess, write: Write, opening: Samples
) -> None:
    path = write("call.wav", opening)
    first = recognizer.pid
    one, other = await asyncio.gather(
        recognizer.transcribe(request(path), lambda _: None),
        recognizer.transcribe(request(path), lambda _: None),
    )
    assert text(one) == text(other)
    assert recognizer.pid == first


async def test_a_killed_process_costs_its_job_and_the_next_one_works(
    recognizer: RecognizerProcess, call: Path, write: Write, opening: Samples
) -> None:
    pid, task = await pid_at_work(recognizer, call)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RecognizerLost, match="signal 9"):
        await task
    heard = await recognizer.transcribe(request(write("call.wav", opening)), lambda _: None)
    assert "Harbor" in text(heard)
    assert recognizer.pid != pid


async def test_a_process_that_died_while_idle_is_replaced(
    recognizer: RecognizerProcess, write: Write, opening: Samples
) -> None:
    pid = recognizer.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await gone(pid)
    await asyncio.sleep(0.1)
    heard = await recognizer.transcribe(request(write("call.wav", opening)), lambda _: None)
    assert "Harbor" in text(heard)


async def test_a_cancelled_job_is_left_off_and_the_process_stays(
    recognizer: RecognizerProcess, call: Path, write: Write, opening: Samples
) -> None:
    pid, task = await pid_at_work(recognizer, call)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "Harbor" in text(await recognizer.transcribe(request(write("call.wav", opening)), lambda _: None))
    assert recognizer.pid == pid


async def test_a_job_that_cannot_be_left_off_is_ended_with_the_process(
    recognizer: RecognizerProcess, call: Path
) -> None:
    pid, task = await pid_at_work(recognizer, call)
    os.kill(pid, signal.SIGSTOP)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(pid)


async def test_signals_for_the_service_do_not_reach_the_work(
    recognizer: RecognizerProcess, write: Write, opening: Samples
) -> None:
    pid, task = await pid_at_work(recognizer, write("call.wav", opening))
    for stop in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, stop)
    assert "Harbor" in text(await task)


async def test_work_that_makes_no_progress_is_ended(models_folder: Path, call: Path) -> None:
    limit = TimeLimit(base_s=0.05, per_minute_s=0)
    async with RecognizerProcess("tiny.en", models_folder, time_limit=limit) as recognizer:
        with pytest.raises(RecognizerLost, match="time limit"):
            await recognizer.transcribe(request(call), lambda _: None)
        assert recognizer.pid is None


async def test_memory_beyond_the_limit_costs_the_job_and_not_the_service(
    models_folder: Path, call: Path
) -> None:
    async with RecognizerProcess("tiny.en", models_folder, memory_bytes=100 << 20) as recognizer:
        with pytest.raises(RecognizerLost):
            await recognizer.transcribe(request(call), lambda _: None)


@pytest.mark.parametrize(
    ("language", "model", "code"),
    [("fr-FR", None, 10401), ("xx-XX", "base", 10601)],
)
async def test_a_language_that_the_model_lacks_is_named_with_its_code(
    recognizer: RecognizerProcess, call: Path, language: str, model: str | None, code: int
) -> None:
    with pytest.raises(UnreadableRecording) as caught:
        await recognizer.transcribe(request(call, language, model), lambda _: None)
    assert caught.value.problem.code == code
    assert language in caught.value.problem.message


async def test_the_model_of_the_recordings_language_is_taken_where_it_names_none(
    models_folder: Path,
) -> None:
    path, own = Path(__file__).parent / "fixtures" / "spanish.opus", {"es": "base", "pt": "nowhere"}
    async with RecognizerProcess("tiny.en", models_folder, models_by_language=own) as recognizer:
        heard = await recognizer.transcribe(request(path, "es-US"), lambda _: None)
        assert heard.transcript.language == "es-US"
        assert "por llamar a nuestra empresa" in text(heard)
        with pytest.raises(UnreadableRecording) as caught:
            await recognizer.transcribe(request(path, "es-US", "tiny.en"), lambda _: None)
        assert caught.value.problem.code == 10401
        with pytest.raises(ConfigurationProblem, match="nowhere"):
            await recognizer.transcribe(request(path, "pt-BR"), lambda _: None)


async def test_bad_media_is_a_problem_of_the_recording_and_the_process_stays(
    recognizer: RecognizerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "letter.wav"
    path.write_text("Dear Sir or Madam")
    pid = recognizer.pid
    with pytest.raises(UnreadableRecording) as caught:
        await recognizer.transcribe(request(path), lambda _: None)
    assert caught.value.problem.code == 10201
    assert recognizer.pid == pid


async def test_a_missing_default_model_is_a_problem_of_the_set_up(
    models_folder: Path, call: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with RecognizerProcess("large-v3", models_folder) as recognizer:
        with pytest.raises(ConfigurationProblem, match="large-v3"):
            await recognizer.transcribe(request(call), lambda _: None)


async def test_a_model_asked_for_that_does_not_exist_is_refused_with_20001(
    recognizer: RecognizerProcess, call: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreadableRecording) as caught:
        await recognizer.transcribe(request(call, model="no such model"), lambda _: None)
    assert caught.value.problem.code == 20001


async def test_a_recording_can_be_redacted_while_another_is_recognised(
    recognizer: RecognizerProcess, call: Path, write: Write, opening: Samples, tmp_path: Path
) -> None:
    _, task = await pid_at_work(recognizer, call)
    target = tmp_path / "redacted.wav"
    written = await recognizer.redact(
        write("in.wav", opening), target, ToneRedaction(((1000, 2000),), 0, 0.0)
    )
    assert not task.done()
    assert written == ("audio/x-wav", "wav")
    assert np.abs(read(target)[:, 8000:16_000]).max() <= 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


PARENT = """
import asyncio, sys
from pathlib import Path
from callpost.model.configuration import Ingest
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import RecognitionRequest

async def main():
    recognizer = RecognizerProcess("tiny.en", Path(sys.argv[1]))
    await recognizer.open()
    told = False
    def progress(_):
        nonlocal told
        if not told:
            print(recognizer.pid, flush=True)
        told = True
    while True:
        await recognizer.transcribe(RecognitionRequest(Path(sys.argv[2]), Ingest(), "en-US", None), progress)

asyncio.run(main())
"""


async def test_the_process_dies_with_a_service_that_is_killed(models_folder: Path, call: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(models_folder), str(call)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
        parent.wait()
    assert await gone(pid)
