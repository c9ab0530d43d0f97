"""Classifiers that an organization trains: what they learn from, how well they do, what is kept of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from callpost.errors import Problem


@dataclass(frozen=True, slots=True)
class Example:
    """One call whose class is known: its text, or the recording that has it."""

    label: str
    transcript: str | None = None
    media_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """A classifier to be trained, or to be trained anew."""

    name: str
    display_name: str
    description: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class ClassMeasures:
    """How well one class is told from the others, 0..1. precision is None where it was never predicted."""

    label: str
    examples: int
    precision: float | None
    recall: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What stratified cross-validation says: each example judged by a model that has not seen it.

    majority: the accuracy of always naming the largest class. confusion: for each class, in the order of
    `classes`, how many of its examples were predicted as each class.
    """

    examples: int
    folds: int
    accuracy: float
    majority: float
    classes: tuple[ClassMeasures, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """What training yields. model: the stored form of `analysis.text_model.TextModel`."""

    model: bytes
    evaluation: Evaluation


class TrainingState(StrEnum):
    TRAINING = "training"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ClassifierVersion:
    """One training of a classifier. training_id: of its job. problems: why it failed."""

    classifier_id: UUID
    training_id: UUID
    name: str
    version: int
    display_name: str
    description: str
    state: TrainingState
    examples: int
    created_at: datetime
    ended_at: datetime | None = None
    evaluation: Evaluation | None = None
    problems: tuple[Problem, ...] = ()
