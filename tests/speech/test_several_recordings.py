"""Several recordings at once in one process: each gets what it gets alone, and pays for itself alone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from speech_recordings import Samples, Write

from callpost.errors import UnreadableRecording
from callpost.model.configuration import ExpectedTerm, Ingest
from callpost.model.transcript import Transcript
from callpost.speech.process import RecognizerProcess, TimeLimit
from callpost.speech.recognizer import FinishedPart, Recognition, RecognitionRequest, RecognizerLost

PART_MS = 3000


@pytest.fixture
async def recognizer(models_folder: Path) -> AsyncIterator[RecognizerProcess]:
    async with RecognizerProcess("tiny.en", models_folder, part_ms=PART_MS) as opened:
        yield opened


@pytest.fixture
def requests(write: Write, opening: Samples) -> tuple[RecognitionRequest, RecognitionRequest]:
    """Of 12 and 9 seconds of the call."""
    one, other = opening[:, : 12 * 8000], opening[:, 8 * 8000 : 17 * 8000]
    paths = write("one.wav", one), write("other.wav", other)
    return RecognitionRequest(paths[0], Ingest(), "en-US", None), RecognitionRequest(
        paths[1], Ingest(), "en-US", None
    )


@dataclass
class Caller:
    """One recording under way. deadly: whoever keeps its first part kills the process, every time."""

    recognizer: RecognizerProcess
    request: RecognitionRequest
    deadly: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    progress: list[float] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    task: asyncio.Task[Recognition] = field(init=False)

    def __post_init__(self) -> None:
        self.task = asyncio.create_task(self.recognizer.transcribe(self.request, self._hear, self._keep))

    def _hear(self, done: float) -> None:
        self.progress.append(done)
        self.begun.set()
        if self.deadly and done > 0 and self.recognizer.pid is not None:
            os.kill(self.recognizer.pid, signal.SIGKILL)

    async def _keep(self, part: FinishedPart) -> None:
        self.parts.append(part.number)

    async def transcript(self) -> Transcript:
        return (await self.task).transcript


async def alone(recognizer: RecognizerProcess, request: RecognitionRequest) -> Transcript:
    return (await recognizer.transcribe(request, lambda _: None)).transcript


async def test_two_at_once_hear_what_each_hears_alone(
    recognizer: RecognizerProcess, requests: tuple[RecognitionRequest, RecognitionRequest]
) -> None:
    one, other = requests
    expected = [await alone(recognizer, one), await alone(recognizer, other)]
    pid = recognizer.pid
    callers = [Caller(recognizer, request) for request in (one, other)]
    assert [await caller.transcript() for caller in callers] == expected
    assert recognizer.pid == pid
    for caller in callers:
        assert caller.progress == sorted(caller.progress)
        assert caller.progress[-1] == 1.0


async def test_each_has_its_own_language_terms_and_model(
    recognizer: RecognizerProcess, requests: tuple[RecognitionRequest, RecognitionRequest]
) -> None:
    one, _ = requests
    wanted = [
        one,
        replace(one, terms=(ExpectedTerm("Harbour Home"),)),
        replace(one, model="base", language="en-GB"),
        replace(one, language="fr-FR"),
    ]
    plain, expecting, british, french = await asyncio.gather(
        *(Caller(recognizer, request).task for request in wanted), return_exceptions=True
    )
    assert isinstance(plain, Recognition)
    assert isinstance(expecting, Recognition)
    assert isinstance(british, Recognition)
    assert "Harbour" not in said(plain)
    assert "Harbour" in said(expecting)
    assert british.transcript.language == "en-GB"
    assert british.transcript.turns != plain.transcript.turns
    assert isinstance(french, UnreadableRecording)
    assert french.problem.code == 10401


def said(recognition: Recognition) -> str:
    return " ".join(turn.text for turn in recognition.transcript.turns)


async def test_one_that_kills_the_process_is_found_out_and_the_other_succeeds(
    recognizer: RecognizerProcess, requests: tuple[RecognitionRequest, RecognitionRequest]
) -> None:
    one, other = requests
    expected = await alone(recognizer, other)
    deadly, innocent = Caller(recognizer, one, deadly=True), Caller(recognizer, other)
    assert await innocent.transcript() == expected
    assert innocent.progress == sorted(innocent.progress)
    assert innocent.parts == sorted(set(innocent.parts)), "no part is made twice"
    with pytest.raises(RecognizerLost, match="signal 9"):
        await deadly.task


async def test_a_process_killed_from_outside_costs_nobody_a_recording(
    recognizer: RecognizerProcess, requests: tuple[RecognitionRequest, RecognitionRequest]
) -> None:
    callers = [Caller(recognizer, request) for request in requests]
    for caller in callers:
        await caller.begun.wait()
    assert recognizer.pid is not None
    os.kill(recognizer.pid, signal.SIGKILL)
    for caller in callers:
        assert (await caller.transcript()).turns


async def test_cancelling_one_leaves_the_other_alone(
    recognizer: RecognizerProcess, requests: tuple[RecognitionRequest, RecognitionRequest], call: Path
) -> None:
    pid = recognizer.pid
    long = Caller(recognizer, replace(requests[0], path=call))
    other = Caller(recognizer, requests[1])
    await asyncio.gather(long.begun.wait(), other.begun.wait())
    long.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long.task
    assert (await other.transcript()).turns
    assert recognizer.pid == pid


async def test_bad_media_beside_a_good_recording_disturb_nobody(
    recognizer: RecognizerProcess,
    requests: tuple[RecognitionRequest, RecognitionRequest],
    tmp_path: Path,
) -> None:
    pid, path = recognizer.pid, tmp_path / "letter.wav"
    path.write_text("Dear Sir or Madam")
    bad, good = Caller(recognizer, replace(requests[0], path=path)), Caller(recognizer, requests[1])
    with pytest.raises(UnreadableRecording):
        await bad.task
    assert (await good.transcript()).turns
    assert recognizer.pid == pid


async def test_one_beyond_its_time_is_tried_alone_before_it_is_lost(
    models_folder: Path, requests: tuple[RecognitionRequest, RecognitionRequest]
) -> None:
    limit = TimeLimit(base_s=0.001, per_minute_s=0)
    async with RecognizerProcess("tiny.en", models_folder, time_limit=limit) as recognizer:
        callers = [Caller(recognizer, request) for request in requests]
        for caller in callers:
            with pytest.raises(RecognizerLost, match="time limit"):
                await caller.task


async def test_closing_ends_all_for_good(
    models_folder: Path, requests: tuple[RecognitionRequest, RecognitionRequest]
) -> None:
    async with RecognizerProcess("tiny.en", models_folder) as recognizer:
        callers = [Caller(recognizer, request) for request in requests]
        for caller in callers:
            await caller.begun.wait()
    for caller in callers:
        with pytest.raises(RecognizerLost):
            await caller.task
    assert recognizer.pid is None
