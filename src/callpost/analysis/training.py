"""Learning a classifier from labelled texts: TF-IDF and logistic regression, by scikit-learn.

Why this method, and what it was compared with: docs/decisions. Only `pipeline.training_child` imports this:
scikit-learn takes a second to load, and nothing else needs it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from callpost.analysis import text_features, text_model
from callpost.analysis.text_model import TextModel
from callpost.model.classifiers import ClassMeasures, Evaluation, Trained

# Chosen on benchmarks/classifiers: with less freedom the scores were too low to be read as probabilities.
_FREEDOM = 100.0
_MOST_ROUNDS = 2000
# What only one call says is not learned, and so is in no model: a name, say.
_FEWEST_CALLS = 2
_MOST_TERMS = 50_000
_FOLDS = 5
_SEED = 0


def train(texts: Sequence[str], labels: Sequence[str]) -> Trained:
    """Learn from texts and their labels, as many of each; the same input gives the same model.

    Raises ValueError where no word is in two of the texts, or some label has one text only.
    """
    with threadpool_limits(1):  # the arrays are small: threads would spend their time waiting for each other
        return _train(texts, labels)


def _train(texts: Sequence[str], labels: Sequence[str]) -> Trained:
    counter = CountVectorizer(analyzer=text_features.terms, min_df=_FEWEST_CALLS, max_features=_MOST_TERMS)
    counts = counter.fit_transform(texts)
    evaluation = _evaluate(counts, labels)
    learner = _learner().fit(counts, labels)
    return Trained(text_model.dumps(_model(counter.get_feature_names_out(), learner)), evaluation)


def _learner() -> Pipeline:
    weights = LogisticRegression(
        C=_FREEDOM, class_weight="balanced", max_iter=_MOST_ROUNDS, random_state=_SEED
    )
    return Pipeline([("rarity", TfidfTransformer(sublinear_tf=True)), ("weights", weights)])


def _evaluate(counts: Any, labels: Sequence[str]) -> Evaluation:  # noqa: ANN401 - scipy has no types
    """Every example is judged once, by a model of the other folds, each with its share of every class."""
    sizes = Counter(labels)
    names = sorted(sizes)
    folds = min(_FOLDS, *sizes.values())
    split = StratifiedKFold(folds, shuffle=True, random_state=_SEED)
    predicted = cross_val_predict(_learner(), counts, labels, cv=split)
    confusion = confusion_matrix(labels, predicted, labels=names)
    right, called = confusion.diagonal(), confusion.sum(axis=0)
    classes = (
        ClassMeasures(
            name,
            sizes[name],
            round(float(right[place] / called[place]), 4) if called[place] else None,
            round(float(right[place] / sizes[name]), 4),
        )
        for place, name in enumerate(names)
    )
    return Evaluation(
        examples=len(labels),
        folds=folds,
        accuracy=round(float(right.sum() / len(labels)), 4),
        majority=round(max(sizes.values()) / len(labels), 4),
        classes=tuple(classes),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def _model(terms: Any, learner: Any) -> TextModel:  # noqa: ANN401
    """Of two classes scikit-learn keeps the second one's weights only; half of them each says the same."""
    rarity, weights = learner["rarity"].idf_, learner["weights"]
    coefficients, offsets = weights.coef_, weights.intercept_
    if len(weights.classes_) == 2:
        coefficients = numpy.vstack((-coefficients / 2, coefficients / 2))
        offsets = numpy.concatenate((-offsets / 2, offsets / 2))
    return TextModel(
        labels=tuple(map(str, weights.classes_)),
        terms=tuple(map(str, terms)),
        rarity=rarity.astype(numpy.float32),
        weights=coefficients.astype(numpy.float32),
        offsets=offsets.astype(numpy.float32),
    )
