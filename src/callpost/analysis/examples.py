"""Whether there is enough to learn a classifier from, and whether it can be learned honestly.

The codes continue VoiceBase's for definitions; the places are those of POST
/v3/definition/prediction/classifiers.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from callpost.analysis import text_features
from callpost.errors import Problem
from callpost.model.classifiers import Evaluation

BAD_EXAMPLE, TOO_FEW, TWICE, TOO_MANY = 80402, 80403, 80404, 80406

FEWEST_PER_LABEL = 10
MOST_LABELS = 50
_LEAST_LEARNED = 0.1
MOST_EXAMPLES = 5000
MOST_WORDS = 3_000_000
"""Of all examples together: some 300 hours of talk. Learning from them takes a minute or two."""


def check_labels(labels: Sequence[str]) -> Iterator[Problem]:
    """At least two, at most MOST_LABELS, each often enough for its figures to mean anything."""
    counts = Counter(labels)
    if len(labels) > MOST_EXAMPLES:
        yield Problem(TOO_MANY, f"There are {len(labels)} examples; {MOST_EXAMPLES} at most.", "examples")
    if len(counts) < 2:
        yield Problem(TOO_FEW, "A classifier needs examples of two labels at least.", "examples")
    if len(counts) > MOST_LABELS:
        message = f"There are {len(counts)} labels; {MOST_LABELS} at most."
        yield Problem(TOO_MANY, message, "examples")
        return
    for label, count in counts.items():
        if count < FEWEST_PER_LABEL:
            message = f"The label ({label}) has {count} of the {FEWEST_PER_LABEL} examples that it needs."
            yield Problem(TOO_FEW, message, place(labels.index(label), "label"))


def check_texts(texts: Sequence[str | None]) -> Iterator[Problem]:
    """Each says something of its own: the same call on both sides of a cross-validation would flatter it.

    None: a text that is not known yet.
    """
    seen: dict[str, int] = {}
    total = 0
    for index, text in enumerate(texts):
        if text is None:
            continue
        said = text_features.words(text)
        total += len(said)
        first = seen.setdefault(" ".join(said), index)
        if not said:
            yield Problem(BAD_EXAMPLE, "Nothing is said in this example.", place(index))
        elif first != index:
            yield Problem(TWICE, f"This is the same transcript as {place(first)}.", place(index))
    if total > MOST_WORDS:
        message = f"The examples have {total} words together; {MOST_WORDS} at most."
        yield Problem(TOO_MANY, message, "examples")


def doubts(evaluation: Evaluation) -> Iterator[Problem]:
    """Why a classifier should not be relied on: it finds its classes hardly more often than a guess would."""
    recalls = [measures.recall for measures in evaluation.classes]
    mean, guess = sum(recalls) / len(recalls), 1 / len(recalls)
    if mean < guess + _LEAST_LEARNED:
        message = (
            f"The classes are hardly told apart: mean recall is {mean:.2f}, and a guess has {guess:.2f}. "
            "Give more examples, of more different calls."
        )
        yield Problem(TOO_FEW, message)


def place(index: int, name: str | None = None) -> str:
    """Of an example, or of one of its properties."""
    return f"examples[{index}].{name}" if name else f"examples[{index}]"
