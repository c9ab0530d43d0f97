"""Classifiers that organizations train: their versions, each with its model, and what is to be learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg
import msgspec

from callpost.errors import Problem
from callpost.model.classifiers import (
    ClassifierVersion,
    Evaluation,
    Example,
    Trained,
    TrainingRequest,
    TrainingState,
)
from callpost.model.configuration import TrainedClassifier
from callpost.model.media import MediaStatus
from callpost.store.database import Connection, load_queries

_SQL = load_queries("classifiers")


@dataclass(frozen=True, slots=True)
class Training:
    """A training that is to be done. starts: how often it has begun, this time included."""

    organization_id: UUID
    examples: tuple[Example, ...]
    starts: int


async def begin(
    connection: Connection, organization_id: UUID, request: TrainingRequest, now: datetime
) -> ClassifierVersion:
    """Note a version that is to be trained: the first of its name, or the next one. Needs a transaction."""
    # The row stays locked, so that two trainings at once get two numbers.
    classifier_id = await connection.fetchval(_SQL["ensure"], uuid4(), organization_id, request.name, now)
    training_id = uuid4()
    await connection.execute(
        _SQL["begin"],
        training_id,
        classifier_id,
        request.display_name,
        request.description,
        len(request.examples),
        msgspec.json.encode(request.examples),
        now,
    )
    row = await connection.fetchrow(_SQL["training"], training_id)
    assert row is not None  # noqa: S101 - inserted above
    return _version(row)


async def start(connection: Connection, training_id: UUID) -> Training | None:
    """What is to be learned; None where that has ended, or the classifier was deleted."""
    row = await connection.fetchrow(_SQL["start"], training_id)
    if row is None:
        return None
    examples = msgspec.json.decode(row["examples"], type=tuple[Example, ...])
    return Training(row["organization_id"], examples, row["starts"])


async def finish(connection: Connection, training_id: UUID, trained: Trained, now: datetime) -> None:
    """Keep what was learned, and forget the examples. Nothing where it had ended, or was deleted."""
    evaluation = msgspec.json.encode(trained.evaluation)
    await connection.execute(_SQL["finish"], training_id, now, evaluation, trained.model)


async def fail(connection: Connection, training_id: UUID, problems: Sequence[Problem], now: datetime) -> None:
    """Note why nothing could be learned, and forget the examples."""
    await connection.execute(_SQL["fail"], training_id, now, problems)


async def latest(connection: Connection, organization_id: UUID) -> Sequence[ClassifierVersion]:
    """Of each classifier the newest version that is ready, else the newest; ordered by name."""
    return [_version(row) for row in await connection.fetch(_SQL["latest"], organization_id)]


async def versions(
    connection: Connection, organization_id: UUID, name_or_id: str
) -> Sequence[ClassifierVersion]:
    """All versions of a classifier, newest first; none where there is no such classifier."""
    return [_version(row) for row in await connection.fetch(_SQL["versions"], organization_id, name_or_id)]


async def ready(
    connection: Connection, organization_id: UUID, names_or_ids: Sequence[str]
) -> Sequence[TrainedClassifier]:
    """All versions of these classifiers that can be used, the newest of each first."""
    if not names_or_ids:
        return ()
    wanted = [name.strip() for name in names_or_ids]
    return [TrainedClassifier(*row) for row in await connection.fetch(_SQL["ready"], organization_id, wanted)]


async def models(
    connection: Connection, wanted: Sequence[TrainedClassifier]
) -> Mapping[tuple[UUID, int], bytes]:
    """The stored models, by classifier and version; those of deleted classifiers are missing."""
    identifiers = [classifier.classifier_id for classifier in wanted]
    rows = await connection.fetch(_SQL["models"], identifiers, [classifier.version for classifier in wanted])
    return {(row["classifier_id"], row["version"]): row["model"] for row in rows}


async def statuses(
    connection: Connection, organization_id: UUID, media_ids: Sequence[UUID]
) -> Mapping[UUID, MediaStatus]:
    """How far each of these recordings is; one that the organization does not have is missing."""
    rows = await connection.fetch(_SQL["statuses"], organization_id, media_ids)
    return {row["media_id"]: MediaStatus(row["status"]) for row in rows}


async def delete(connection: Connection, organization_id: UUID, name_or_id: str) -> bool:
    """Remove a classifier with all its versions; False where there is none."""
    return not (await connection.execute(_SQL["delete"], organization_id, name_or_id)).endswith(" 0")


def _version(row: asyncpg.Record) -> ClassifierVersion:
    evaluation = row["evaluation"]
    return ClassifierVersion(
        classifier_id=row["classifier_id"],
        training_id=row["training_id"],
        name=row["name"],
        version=row["version"],
        display_name=row["display_name"],
        description=row["description"],
        state=TrainingState(row["state"]),
        examples=row["example_count"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        evaluation=None if evaluation is None else msgspec.json.decode(evaluation, type=Evaluation),
        problems=msgspec.convert(row["problems"], tuple[Problem, ...]),
    )
