"""A classifier's way from its examples to a verdict on a recording, through stored transcripts."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from benchmarks.classifiers.generate import Call, calls
from desk import CONFIGURATION, Desk

from callpost.errors import Rejected
from callpost.model.classifiers import ClassifierVersion, Example, TrainingRequest, TrainingState
from callpost.model.configuration import Configuration, TrainedClassifier
from callpost.model.media import MediaStatus
from callpost.pipeline import learning, train
from callpost.pipeline.train import Trainer
from callpost.store import classifiers, reports

LABELS = {"cancellation": "leaves", "billing": "stays"}
CALLS = [call for call in calls(100, "AB", 1) if call.reason in LABELS]


def written(call: Call) -> Example:
    return Example(LABELS[call.reason], transcript=call.text)


async def recorded(desk: Desk, call: Call) -> Example:
    """An example by a recording that was processed to its end."""
    desk.recognizer.transcript = call.transcript
    media_id = await desk.accept(replace(CONFIGURATION, knowledge=False))
    await desk.processor.process(media_id)
    return Example(LABELS[call.reason], media_id=media_id)


async def ask(desk: Desk, examples: Sequence[Example]) -> ClassifierVersion:
    request = TrainingRequest("churn", "Will leave", "", tuple(examples))
    organization_id = desk.organization.organization_id
    return await train.accept(desk.database, organization_id, request, datetime.now(UTC))


async def outcome(desk: Desk, version: int = 1) -> ClassifierVersion:
    async with desk.database.connection() as connection:
        found = await classifiers.versions(connection, desk.organization.organization_id, "churn")
    return next(one for one in found if one.version == version)


def asking_for(version: ClassifierVersion) -> Configuration:
    trained = TrainedClassifier(version.classifier_id, version.name, version.display_name, version.version)
    return replace(CONFIGURATION, classifiers=(trained, "sentiment"))


async def test_recordings_teach_what_recordings_are_judged_by(desk: Desk) -> None:
    """Half of the examples by finished recordings, half by text; then a recording, and the same once more."""
    half = len(CALLS) // 2
    examples = [await recorded(desk, call) for call in CALLS[:half]] + [
        written(call) for call in CALLS[half:]
    ]
    version = await ask(desk, examples)
    await Trainer(desk.database, desk.objects).train(version.training_id)
    ready = await outcome(desk)
    assert (ready.state, ready.problems) == (TrainingState.READY, ())
    assert ready.evaluation is not None
    assert ready.evaluation.accuracy > ready.evaluation.majority
    assert await stored_examples(desk, version.training_id) is None

    unseen = [call for call in calls(60, "AB", 2) if call.reason in LABELS]
    verdicts = []
    for call in unseen:
        desk.recognizer.transcript = call.transcript
        media_id = await desk.accept(asking_for(ready))
        await desk.processor.process(media_id)
        prediction = (await desk.results(media_id)).prediction
        assert prediction is not None
        verdicts.append(prediction.classifiers[0])
        assert prediction.classifiers[0].version == "1"
    right = [
        verdict.predicted_label == LABELS[call.reason] for verdict, call in zip(verdicts, unseen, strict=True)
    ]
    assert sum(right) / len(right) > ready.evaluation.majority

    await desk.again(media_id, asking_for(ready))
    await desk.processor.process(media_id)
    again = (await desk.results(media_id)).prediction
    assert again is not None
    assert again.classifiers[0] == verdicts[-1]


async def stored_examples(desk: Desk, training_id: UUID) -> bytes | None:
    query = "select examples from classifier_versions where training_id = $1"
    kept: bytes | None = await desk.database.pool.fetchval(query, training_id)
    return kept


async def test_a_recording_that_waits_when_its_classifier_is_deleted_is_delivered_without_it(
    desk: Desk,
) -> None:
    version = await ask(desk, [written(call) for call in CALLS])
    media_id = await desk.accept(asking_for(version))
    async with desk.database.connection() as connection:
        assert await classifiers.delete(connection, desk.organization.organization_id, "churn")
    await desk.processor.process(media_id)
    prediction = (await desk.results(media_id)).prediction
    assert prediction is not None
    assert [verdict.name for verdict in prediction.classifiers] == ["sentiment"]
    assert [error.code for error in prediction.errors] == [50001]
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
    await Trainer(desk.database, desk.objects).train(version.training_id)  # nothing is left to be trained


async def test_the_same_call_twice_is_found_among_recordings_too(desk: Desk) -> None:
    first, second = await recorded(desk, CALLS[0]), await recorded(desk, CALLS[0])
    version = await ask(desk, [first, second, *(written(call) for call in CALLS[1:])])
    await Trainer(desk.database, desk.objects).train(version.training_id)
    failed = await outcome(desk)
    assert failed.state is TrainingState.FAILED
    assert [(problem.code, problem.place) for problem in failed.problems] == [(80404, "examples[1]")]


async def test_a_recording_that_is_deleted_before_the_training_fails_it_with_its_place(desk: Desk) -> None:
    example = await recorded(desk, CALLS[0])
    version = await ask(desk, [example, *(written(call) for call in CALLS[1:])])
    assert example.media_id is not None
    await desk.objects.delete(reports.folder(example.media_id))
    await Trainer(desk.database, desk.objects).train(version.training_id)
    problems = [(problem.code, problem.place) for problem in (await outcome(desk)).problems]
    assert problems == [(80405, "examples[0].mediaId")]


async def test_recordings_of_others_teach_nobody(desk: Desk) -> None:
    example = await recorded(desk, CALLS[0])
    request = TrainingRequest("churn", "churn", "", (example,))
    with pytest.raises(Rejected, match="There is no media"):
        await train.accept(desk.database, uuid4(), request, datetime.now(UTC))


async def test_what_takes_too_long_is_refused_and_leaves_no_process_behind() -> None:
    texts = [call.text * 20 for call in calls(400, "AB", 1)]
    labels = [str(number % 2) for number in range(len(texts))]
    with pytest.raises(Rejected, match="longer than 1 s"):
        await learning.learn(texts, labels, limit_s=1)
    assert children() == []


async def test_a_training_that_is_cut_short_begins_anew_and_leaves_nothing_half_done(desk: Desk) -> None:
    version = await ask(desk, [written(call) for call in CALLS])
    trainer = Trainer(desk.database, desk.objects)
    running = asyncio.create_task(trainer.train(version.training_id))
    async with asyncio.timeout(30):
        while not children():
            await asyncio.sleep(0.02)
    os.kill(children()[0], signal.SIGKILL)
    with pytest.raises(learning.LearningFailed):
        await running
    assert (await outcome(desk)).state is TrainingState.TRAINING
    cancelled = asyncio.create_task(trainer.train(version.training_id))
    async with asyncio.timeout(30):
        while not children():
            await asyncio.sleep(0.02)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    assert children() == []
    assert (await outcome(desk)).state is TrainingState.TRAINING
    await trainer.train(version.training_id)
    assert (await outcome(desk)).state is TrainingState.READY


async def test_a_worker_that_is_killed_takes_its_learning_with_it() -> None:
    program = (
        "import asyncio\n"
        "from benchmarks.classifiers.generate import calls\n"
        "from callpost.pipeline import learning\n"
        "texts = [call.text * 20 for call in calls(400, 'AB', 1)]\n"
        "asyncio.run(learning.learn(texts, ['a', 'b'] * 200, limit_s=300))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2]) as worker:
        async with asyncio.timeout(60):
            while not children(worker.pid):
                await asyncio.sleep(0.05)
        worker.kill()
    async with asyncio.timeout(10):
        while children(worker.pid):
            await asyncio.sleep(0.05)


async def test_what_never_succeeds_is_given_up(desk: Desk) -> None:
    version = await ask(desk, [written(call) for call in CALLS])
    await desk.database.pool.execute("update classifier_versions set starts = 5")
    await Trainer(desk.database, desk.objects).train(version.training_id)
    assert [problem.code for problem in (await outcome(desk)).problems] == [90001]


def children(parent: int | None = None) -> list[int]:
    """Process ids of the processes that learn for `parent`, this process unless said otherwise."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                command = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"callpost.pipeline.learning" in command and str(parent or os.getpid()).encode() in command:
                found.append(int(folder.name))
    return found
