"""The floor under the classifiers' quality; `python -m benchmarks.classifiers.measure` prints the figures."""

from collections import Counter

import pytest
from benchmarks.classifiers.measure import BUILT_IN, TASKS, built_in, trained


@pytest.mark.parametrize("task", TASKS)
def test_a_trained_classifier_is_better_than_always_naming_the_largest_class(task: str) -> None:
    found = trained(task, 200)
    assert found.evaluation.accuracy > found.evaluation.majority + 0.25
    assert found.unseen > found.evaluation.majority + 0.25


def test_what_cross_validation_promises_is_kept_on_other_calls() -> None:
    found = trained("reason", 200)
    assert abs(found.unseen - found.evaluation.accuracy) < 0.15


@pytest.mark.parametrize(("name", "source"), BUILT_IN)
def test_a_built_in_classifier_is_better_than_always_naming_the_largest_class(name: str, source: str) -> None:
    verdicts = built_in(name, source)
    largest = max(Counter(label for label, _ in verdicts).values())
    right = sum(label == verdict for label, verdict in verdicts)
    assert len(verdicts) > 60
    assert right / len(verdicts) > largest / len(verdicts) + 0.1
