"""Keywords against labels, beside counting words: `python -m benchmarks.knowledge.measure`.

Of the best ten keywords of a call, precision is the part that the labels name; recall the part of the labels
that is among them. A keyword and a label match where the words of one are the other's, number and case aside.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from callpost.analysis.knowledge import knowledge
from callpost.analysis.reading import Reading
from callpost.analysis.spotting import stem
from callpost.model.transcript import Transcript, Turn, Word

BEST = 10

_CALLS = Path(__file__).with_name("calls.txt")


@dataclass(frozen=True)
class Call:
    name: str
    transcript: Transcript
    labels: tuple[str, ...]


def calls() -> list[Call]:
    text = re.sub(r"^#.*$", "", _CALLS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = re.split(r"^== (.*)$", text, flags=re.MULTILINE)[1:]
    return [_call(name, body) for name, body in zip(parts[::2], parts[1::2], strict=True)]


def _call(name: str, body: str) -> Call:
    first, *lines = filter(None, map(str.strip, body.splitlines()))
    labels = tuple(label.strip() for label in first.removeprefix("keywords:").split(","))
    turns, clock = [], 0
    for line in lines:
        speaker, _, said = line.partition(": ")
        words = []
        for text in said.split():
            words.append(Word(text, clock, clock + 300, 0.9))
            clock += 350
        turns.append(Turn(speaker, int(speaker == "Caller"), tuple(words)))
    return Call(name, Transcript(tuple(turns)), labels)


def by_relevance(call: Call) -> list[str]:
    with Reading(call.transcript) as reading:
        return [keyword.keyword for keyword in knowledge(reading).keywords]


def by_frequency(call: Call) -> list[str]:
    """The baseline: nouns by how often they are said."""
    with Reading(call.transcript) as reading:
        tokens = [token for read in reading.turns for token in read.doc]
        nouns = [token for token in tokens if token.pos_ in {"NOUN", "PROPN"} and not token.is_stop]
        return [word for word, _ in Counter(token.lemma_.lower() for token in nouns).most_common()]


def scores(method: Callable[[Call], list[str]]) -> tuple[float, float]:
    """Mean precision and recall of the best ten."""
    precisions, recalls = [], []
    for call in calls():
        best = [_plain(keyword) for keyword in method(call)[:BEST]]
        labels = [_plain(label) for label in call.labels]
        precisions.append(sum(keyword in labels for keyword in best) / max(len(best), 1))
        recalls.append(sum(label in best for label in labels) / len(labels))
    return sum(precisions) / len(precisions), sum(recalls) / len(recalls)


def _plain(phrase: str) -> str:
    return " ".join(stem(word) for word in phrase.casefold().split())


def main() -> None:
    for name, method in (("callpost", by_relevance), ("frequency", by_frequency)):
        precision, recall = scores(method)
        print(f"{name}: precision {precision:.2f}, recall {recall:.2f} of the best {BEST}")
    for call in calls():
        print(f"  {call.name}: {', '.join(by_relevance(call)[:BEST])}")


if __name__ == "__main__":
    main()
