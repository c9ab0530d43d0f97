"""What happens to a classifier that is to be trained: its examples gathered, learned from, and forgotten.

A worker that dies leaves the job to another one, which starts anew; only the last statement makes a version
usable.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog

from callpost.analysis import examples, text_features
from callpost.errors import Problem, Rejected
from callpost.model.classifiers import ClassifierVersion, Example, Trained, TrainingRequest
from callpost.model.media import MediaStatus
from callpost.pipeline import learning
from callpost.store import classifiers, queue, reports
from callpost.store.classifiers import Training
from callpost.store.database import Connection, Database
from callpost.store.objects import Objects

log = structlog.get_logger()

_MOST_STARTS = 5
_AT_ONCE = 8
_INTERNAL_ERROR = 90001
_NOT_READY = 80405


async def accept(
    database: Database, organization_id: UUID, request: TrainingRequest, now: datetime
) -> ClassifierVersion:
    """Take a classifier to be trained: ONE transaction writes its next version and the job.

    Raises Rejected: 80405 for recordings that are not there, or not finished.
    """
    async with database.transaction() as connection:
        await require_finished(connection, organization_id, request.examples)
        version = await classifiers.begin(connection, organization_id, request, now)
        await queue.enqueue_training(connection, version.training_id)
    return version


async def require_finished(connection: Connection, organization_id: UUID, wanted: Sequence[Example]) -> None:
    """Raises Rejected (80405) with the place of each example whose recording has no transcript."""
    media_ids = {example.media_id for example in wanted if example.media_id}
    statuses = await classifiers.statuses(connection, organization_id, list(media_ids))
    problems = [
        _not_ready(index, example.media_id, statuses.get(example.media_id))
        for index, example in enumerate(wanted)
        if example.media_id and statuses.get(example.media_id) is not MediaStatus.FINISHED
    ]
    if problems:
        raise Rejected(problems)


def _not_ready(index: int, media_id: UUID, status: MediaStatus | None) -> Problem:
    what = f"There is no media {media_id}."
    if status is not None:
        what = f"The media {media_id} is {status}; only finished ones have a transcript to learn from."
    return Problem(_NOT_READY, what, examples.place(index, "mediaId"))


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains classifiers. limit_s: how long one may take to learn."""

    database: Database
    objects: Objects
    limit_s: int = 600

    async def train(self, training_id: UUID) -> None:
        """Take one version from training to ready or failed; one that has ended is left alone.

        Raises whatever may be over by the next try: a lost database, object store or process.
        """
        async with self.database.connection() as connection:
            training = await classifiers.start(connection, training_id)
        if training is None:
            return
        try:
            trained = await self._trained(training)
        except Rejected as refusal:
            await self._end(training_id, refusal.problems)
        else:
            await self._end(training_id, trained)

    async def _trained(self, training: Training) -> Trained:
        if training.starts > _MOST_STARTS:
            message = f"The classifier could not be trained in {_MOST_STARTS} tries."
            raise Rejected(Problem(_INTERNAL_ERROR, message))
        async with self.database.connection() as connection:
            await require_finished(connection, training.organization_id, training.examples)
        texts = await self._texts(training.examples)
        if problems := tuple(await asyncio.to_thread(lambda: list(examples.check_texts(texts)))):
            raise Rejected(problems)
        labels = [example.label for example in training.examples]
        return await learning.learn(texts, labels, limit_s=self.limit_s)

    async def _texts(self, wanted: Sequence[Example]) -> list[str]:
        turn = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._text(index, each, turn)) for index, each in enumerate(wanted)]
        found = [task.result() for task in tasks]
        if problems := [one for one in found if isinstance(one, Problem)]:
            raise Rejected(problems)
        return [one for one in found if isinstance(one, str)]

    async def _text(self, index: int, example: Example, turn: asyncio.Semaphore) -> str | Problem:
        if example.media_id is None:
            return example.transcript or ""
        try:
            async with turn:
                report = await reports.load(self.objects, example.media_id)
        except KeyError:  # deleted since
            return _not_ready(index, example.media_id, None)
        if report.results is None:
            return _not_ready(index, example.media_id, report.media.status)
        return text_features.text(report.results.transcript)

    async def _end(self, training_id: UUID, outcome: Trained | Sequence[Problem]) -> None:
        now = datetime.now(UTC)
        async with self.database.connection() as connection:
            if isinstance(outcome, Trained):
                await classifiers.finish(connection, training_id, outcome, now)
            else:
                await classifiers.fail(connection, training_id, outcome, now)
        codes = [] if isinstance(outcome, Trained) else [problem.code for problem in outcome]
        log.info("classifier.trained", training_id=str(training_id), codes=codes)
