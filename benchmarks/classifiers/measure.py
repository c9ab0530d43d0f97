"""Classifiers against labels: `python -m benchmarks.classifiers.measure`.

Trained ones on made calls (wordings.txt), beside always naming the largest class: by cross-validation, as
customers see it; on calls of the same two people that were not learned from; and on calls in the words of a
person who was not heard at all. The two that come with callpost on turns and pickups written for this.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.classifiers.generate import Call, calls

from callpost.analysis import catalogue, text_model, training
from callpost.analysis.classification import classify
from callpost.model.classifiers import Evaluation
from callpost.model.transcript import Transcript, Turn, Word

SIZES = (60, 200, 600)
TASKS: dict[str, Callable[[Call], str]] = {
    "reason": lambda call: call.reason,
    "outcome": lambda call: call.outcome,
}

BUILT_IN = (("sentiment", "moods.txt"), ("voicemail", "pickups.txt"))

_FOLDER = Path(__file__).parent
_UNSEEN = 300


@dataclass(frozen=True)
class Measured:
    """unseen: accuracy on other calls of the same people; stranger: on calls of a person not learned from."""

    evaluation: Evaluation
    unseen: float
    stranger: float
    seconds: float


def trained(task: str, count: int, seed: int = 1) -> Measured:
    label = TASKS[task]
    known, one_person = calls(count, "AB", seed), calls(count, "A", seed)
    began = time.perf_counter()
    learned = training.train([call.text for call in known], [label(call) for call in known])
    seconds = time.perf_counter() - began
    of_one = training.train([call.text for call in one_person], [label(call) for call in one_person])
    return Measured(
        learned.evaluation,
        _accuracy(learned.model, calls(_UNSEEN, "AB", seed + 1), label),
        _accuracy(of_one.model, calls(_UNSEEN, "B", seed + 2), label),
        seconds,
    )


def _accuracy(stored: bytes, judged: Sequence[Call], label: Callable[[Call], str]) -> float:
    model = text_model.loads(stored)
    likely = (model.probabilities(call.text) for call in judged)
    right = (
        max(each, key=each.__getitem__) == label(call) for each, call in zip(likely, judged, strict=True)
    )
    return sum(right) / len(judged)


def built_in(name: str, source: str) -> list[tuple[str, str]]:
    """The label and the verdict of each text of a file."""
    model = next(model for model in catalogue.CLASSIFIERS if model.name == name)
    labelled = _moods(source) if name == "sentiment" else _pickups(source)
    return [(label, classify(model, transcript).predicted_label) for label, transcript in labelled]


def _moods(source: str) -> Iterator[tuple[str, Transcript]]:
    for line in _lines(source):
        label, _, text = line.partition(": ")
        yield label, _transcript([("Caller", text)])


def _pickups(source: str) -> Iterator[tuple[str, Transcript]]:
    text = "\n".join(_lines(source))
    for found in re.finditer(r"^(voicemail|conversation): (.*(?:\n-.*)*)", text, flags=re.MULTILINE):
        lines = found[2].split("\n")
        said = [("Callee", lines[0])]
        for line in lines[1:]:
            dashes, _, words = line.partition(" ")
            said.append(("Caller" if dashes == "--" else "Callee", words))
        yield found[1], _transcript(said)


def _lines(name: str) -> list[str]:
    text = (_FOLDER / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _transcript(said: Sequence[tuple[str, str]]) -> Transcript:
    """A turn for each speaker in a row, as recognition makes them."""
    turns, clock = [], 0
    for speaker, lines in groupby(said, key=lambda line: line[0]):
        words = []
        for text in " ".join(line for _, line in lines).split():
            words.append(Word(text, clock, clock + 300, 0.9))
            clock += 350
        turns.append(Turn(speaker, int(speaker == "Caller"), tuple(words)))
    return Transcript(tuple(turns))


def shares(verdicts: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Precision and recall of each class."""
    counted = Counter(verdicts)
    labels = sorted({label for label, _ in verdicts})
    found = {}
    for label in labels:
        right = counted[label, label]
        called = sum(count for (_, verdict), count in counted.items() if verdict == label)
        there = sum(count for (truth, _), count in counted.items() if truth == label)
        found[label] = (right / called if called else 0.0, right / there)
    return found


def main() -> None:
    print("trained classifiers: accuracy")
    print("  task     calls  largest class  cross-validated  other calls  a stranger's words  trained in")
    for task in TASKS:
        for count in SIZES:
            found = trained(task, count)
            print(
                f"  {task:8} {count:5}  {found.evaluation.majority:13.2f}  {found.evaluation.accuracy:15.2f}"
                f"  {found.unseen:11.2f}  {found.stranger:18.2f}  {found.seconds:8.1f} s"
            )
        print(f"\n  {task}, {count} calls, cross-validated")
        for measures in found.evaluation.classes:
            precision = "-" if measures.precision is None else f"{measures.precision:.2f}"
            print(
                f"    {measures.label:13} {measures.examples:4} calls  precision {precision}"
                f"  recall {measures.recall:.2f}"
            )
        print()
    for name, source in BUILT_IN:
        verdicts = built_in(name, source)
        accuracy = sum(label == verdict for label, verdict in verdicts) / len(verdicts)
        majority = max(Counter(label for label, _ in verdicts).values()) / len(verdicts)
        print(f"{name}: {len(verdicts)} labelled, accuracy {accuracy:.2f}, largest class {majority:.2f}")
        for label, (precision, recall) in shares(verdicts).items():
            print(f"    {label:13} precision {precision:.2f}  recall {recall:.2f}")


if __name__ == "__main__":
    main()
