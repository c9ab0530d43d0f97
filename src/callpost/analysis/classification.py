"""Classifiers, those that come with callpost and those that were trained: one verdict on a recording each."""

import math
import re
from collections.abc import Callable
from itertools import pairwise

from callpost.analysis import sentiment, text_features
from callpost.analysis.catalogue import Model
from callpost.analysis.text_model import TextModel
from callpost.model.configuration import TrainedClassifier
from callpost.model.results import Classification
from callpost.model.transcript import Transcript

_FELT = 0.2
_NEUTRAL = 0.12

_VOICEMAIL = re.compile(
    r"""(?:after|at)\ the\ (?:tone|beep) | voice\ ?-?mail | voice\ ?mailbox | mailbox\ is\ full
    | (?:leave|record)\ (?:me\ |us\ )?(?:a|your|the)\ (?:\w+\ )?message | (?:is|are)\ not\ available
    | (?:can't|cannot|unable\ to)\ (?:take|answer|come\ to) | (?:you\ have|you've)\ reached
    | (?:get|call)\ (?:right\ )?back\ to\ you | to\ leave\ a\ callback | press\ pound | just\ hang\ up""",
    re.VERBOSE,
)


def classify(model: Model, transcript: Transcript) -> Classification:
    """The verdict of one of `catalogue.CLASSIFIERS`. English."""
    predicted, score = _CLASSIFIERS[model.name](transcript)
    return Classification(
        classifier_id=model.id,
        name=model.name,
        display_name=model.display_name,
        predicted_class=predicted,
        predicted_label=dict(model.classes)[predicted],
        score=round(score, 3),
        version=model.version,
        type=model.type,
    )


def classify_by(model: TextModel, asked: TrainedClassifier, transcript: Transcript) -> Classification:
    """The verdict of a trained classifier. Its classes are numbered in the order of their labels."""
    likely = model.probabilities(text_features.text(transcript))
    label = max(likely, key=likely.__getitem__)
    return Classification(
        classifier_id=str(asked.classifier_id),
        name=asked.name,
        display_name=asked.display_name,
        predicted_class=model.labels.index(label),
        predicted_label=label,
        score=round(likely[label], 3),
        version=str(asked.version),
        type="binary" if len(model.labels) == 2 else "multiclass",
    )


def _sentiment(transcript: Transcript) -> tuple[int, float]:
    """The mean of the sentences that say how someone feels; the call is neutral where few do."""
    scores = [sentiment.score(text) for turn in transcript.turns for text in sentiment.sentences(turn.text)]
    felt = [score for score in scores if abs(score) > _FELT]
    if not felt:
        return 1, 0.9
    mean = sum(felt) / len(felt)
    if abs(mean) <= _NEUTRAL:
        return 1, 1 - abs(mean) / _NEUTRAL / 2
    return (2 if mean > 0 else 0), min(0.99, 0.5 + abs(mean) - _NEUTRAL)


def _voicemail(transcript: Transcript) -> tuple[int, float]:
    """An announcement speaks of messages and tones, and nobody answers it."""
    opening = " ".join(turn.text for turn in transcript.turns[:4]).lower()
    phrases = len({found.group() for found in _VOICEMAIL.finditer(opening)})
    speakers = [turn.speaker for turn in transcript.turns]
    changes = sum(left != right for left, right in pairwise(speakers))
    likelihood = 1 / (1 + math.exp(-(2.2 * phrases - 1.5 - 0.6 * min(changes, 10))))
    return (1, likelihood) if likelihood >= 0.5 else (0, 1 - likelihood)


_CLASSIFIERS: dict[str, Callable[[Transcript], tuple[int, float]]] = {
    "sentiment": _sentiment,
    "voicemail": _voicemail,
}
