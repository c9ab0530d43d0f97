"""The floor under the detectors' figures; `python -m benchmarks.detection.measure` prints them all."""

import pytest
from benchmarks.detection.labelled import SENSITIVE, hand_written, made
from benchmarks.detection.measure import measure

from callpost.model.configuration import DetectionLevel


def test_the_set_is_large_enough() -> None:
    dialogues = [*hand_written(), *made()]
    labels = [number.label for dialogue in dialogues for number in dialogue.numbers]
    assert sum(label in SENSITIVE for label in labels) >= 200
    assert sum(label not in SENSITIVE for label in labels) >= 200


@pytest.mark.parametrize("level", list(DetectionLevel))
def test_recall_and_precision_hold_on_the_labelled_set(level: DetectionLevel) -> None:
    scores = measure([*hand_written(), *made()], level)
    assert scores.recall("card") >= 0.98
    assert scores.recall("expiry", "code", "ssn") >= 0.97
    assert scores.precision >= 0.97


def test_recall_holds_on_dialogues_of_another_seed() -> None:
    scores = measure(made(seed=7, each=20))
    assert scores.recall("card") >= 0.97
    assert scores.precision >= 0.95
