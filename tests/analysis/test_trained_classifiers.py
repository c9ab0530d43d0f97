"""Learning from labelled calls, and the stored form of what was learned."""

import struct
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from uuid import uuid4

import msgspec
import numpy
import pytest
from benchmarks.classifiers.generate import calls
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from spoken_calls import Say

from callpost.analysis import examples, text_features, text_model, training
from callpost.analysis.analyze import analyze
from callpost.analysis.text_model import TextModel, UnusableModel
from callpost.model.classifiers import Trained
from callpost.model.configuration import Configuration, TrainedClassifier
from callpost.model.transcript import Transcript

CALLS = calls(150, "AB", 1)
CHURN = TrainedClassifier(uuid4(), "churn", "Will leave", 3)


@pytest.fixture(scope="module")
def reasons() -> Trained:
    return training.train([call.text for call in CALLS], [call.reason for call in CALLS])


@pytest.fixture(scope="module")
def binary() -> Trained:
    labels = ["leaves" if call.reason == "cancellation" else "stays" for call in CALLS]
    return training.train([call.text for call in CALLS], labels)


def test_what_is_learned_is_better_than_a_guess_and_the_same_every_time(reasons: Trained) -> None:
    again = training.train([call.text for call in CALLS], [call.reason for call in CALLS])
    assert again == reasons
    assert reasons.evaluation.accuracy > reasons.evaluation.majority + 0.2
    unseen = calls(100, "AB", 2)
    model = text_model.loads(reasons.model)
    right = sum(max(likely, key=likely.__getitem__) == call.reason for call, likely in _judged(model, unseen))
    assert right / len(unseen) > reasons.evaluation.majority + 0.2


def _judged(model: TextModel, judged: list[object]) -> list[tuple[object, dict[str, float]]]:
    return [(call, dict(model.probabilities(call.text))) for call in judged]


@pytest.mark.parametrize("labels", [("reason",), ("outcome",)])
def test_the_stored_model_says_what_scikit_learn_says(labels: tuple[str]) -> None:
    wanted = [getattr(call, labels[0]) for call in CALLS]
    _require_same(wanted)


def test_two_classes_are_judged_as_scikit_learn_judges_them() -> None:
    _require_same(["leaves" if call.reason == "cancellation" else "stays" for call in CALLS])


def _require_same(labels: list[str]) -> None:
    """Against scikit-learn put together anew from its documentation, not by our own code."""
    texts = [call.text for call in CALLS]
    vectorizer = TfidfVectorizer(
        analyzer=lambda text: list(text_features.terms(text)), min_df=2, sublinear_tf=True
    )
    learner = LogisticRegression(C=100, class_weight="balanced", max_iter=2000, random_state=0)
    learner.fit(vectorizer.fit_transform(texts), labels)
    model = text_model.loads(training.train(texts, labels).model)
    unseen = [call.text for call in calls(30, "AB", 3)]
    expected = learner.predict_proba(vectorizer.transform(unseen))
    found = [[model.probabilities(text)[label] for label in learner.classes_] for text in unseen]
    assert numpy.allclose(found, expected, atol=1e-4)


def test_a_model_comes_back_as_it_was_stored(reasons: Trained) -> None:
    model = text_model.loads(reasons.model)
    assert text_model.dumps(model) == reasons.model
    assert model.labels == ("billing", "cancellation", "delivery", "sales", "technical")
    assert model.weights.shape == (5, len(model.terms))
    assert not model.weights.flags.writeable


def test_a_model_holds_no_number_and_nothing_that_only_one_call_says() -> None:
    texts = [f"my card is 4111 1111 1111 1{number:03} and I am upset" for number in range(10)]
    texts += [f"hello there, order {number} is fine" for number in range(10)]
    texts[3] += " says Rumpelstiltskin"
    stored = training.train(texts, ["a"] * 10 + ["b"] * 10).model
    assert b"rumpelstiltskin" not in stored
    assert not any(character.isdigit() for term in text_model.loads(stored).terms for character in term)


def _with_a_flipped_bit(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def _of_a_later_format(data: bytes) -> bytes:
    return data.replace(b"callpost classifier\n\x01", b"callpost classifier\n\x02", 1)


def _with_a_number_too_few(data: bytes) -> bytes:
    model = text_model.loads(data)
    return text_model.dumps(replace(model, offsets=model.offsets[:-1]))


def _with_a_weight_that_is_no_number(data: bytes) -> bytes:
    model = text_model.loads(data)
    weights = model.weights.copy()
    weights[0, 0] = numpy.nan
    return text_model.dumps(replace(model, weights=weights))


def _with_a_term_twice(data: bytes) -> bytes:
    model = text_model.loads(data)
    return text_model.dumps(replace(model, terms=(model.terms[0], *model.terms[:-1])))


def _of_something_else(data: bytes) -> bytes:
    model = text_model.loads(data)
    return text_model.dumps(
        replace(model, labels=("only",), weights=model.weights[:1], offsets=model.offsets[:1])
    )


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda _: b"", "not a model"),
        (lambda _: b"\x80\x04K\x01.", "not a model"),  # a pickle
        (lambda data: data[:60], "damaged"),
        (_with_a_flipped_bit, "damaged"),
        (_of_a_later_format, "format 2"),
        (_with_a_number_too_few, "not as many"),
        (_with_a_weight_that_is_no_number, "no numbers"),
        (_with_a_term_twice, "not in order"),
        (_of_something_else, "not in order"),
    ],
)
def test_a_model_that_cannot_be_used_is_known_by_what_is_wrong(
    reasons: Trained, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    with pytest.raises(UnusableModel, match=reason):
        text_model.loads(spoil(reasons.model))


def test_a_recording_is_judged_in_the_words_that_are_delivered(binary: Trained, say: Say) -> None:
    call = say(("Agent", "How can I help you?"), ("Caller", "I want to cancel. Please close my account."))
    models = {(CHURN.classifier_id, CHURN.version): binary.model}
    asked = Configuration(classifiers=("voicemail", CHURN))
    prediction = analyze(call, asked, models=models).results.prediction
    assert prediction is not None
    assert [verdict.name for verdict in prediction.classifiers] == ["voicemail", "churn"]
    verdict = prediction.classifiers[1]
    assert (verdict.predicted_class, verdict.predicted_label) == (0, "leaves")
    assert 0.5 < verdict.score <= 1
    assert (verdict.classifier_id, verdict.version) == (str(CHURN.classifier_id), "3")
    assert (verdict.display_name, verdict.type) == ("Will leave", "binary")
    assert prediction.errors == ()


def test_a_trained_classifier_knows_every_language(binary: Trained, say: Say) -> None:
    call = say(("A", "Ich möchte kündigen."), language="de-DE")
    models = {(CHURN.classifier_id, CHURN.version): binary.model}
    prediction = analyze(call, Configuration(classifiers=(CHURN,)), models=models).results.prediction
    assert prediction is not None
    assert len(prediction.classifiers) == 1


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ({}, "was deleted"),
        ({(CHURN.classifier_id, CHURN.version): b"callpost classifier\n\x01" + bytes(99)}, "is damaged"),
    ],
)
def test_a_classifier_that_fails_costs_nothing_else(
    models: dict[tuple[object, int], bytes], reason: str, say: Say
) -> None:
    call = say(("A", "The flight to Denver was cancelled."))
    results = analyze(call, Configuration(classifiers=(CHURN, "sentiment")), models=models).results
    assert results.prediction is not None
    assert [verdict.name for verdict in results.prediction.classifiers] == ["sentiment"]
    (error,) = results.prediction.errors
    assert error.code == 50001
    assert "churn (version 3)" in error.message
    assert reason in error.message
    assert error in results.warnings
    assert results.knowledge is not None


def test_a_call_of_an_hour_is_judged_in_a_fraction_of_a_second(reasons: Trained) -> None:
    text = "\n".join(call.text for call in calls(100, "AB", 4))
    assert len(text.split()) > 9000
    model = text_model.loads(reasons.model)
    took = min(_seconds(lambda: model.probabilities(text)) for _ in range(3))
    assert took < 0.25


def _seconds(do: Callable[[], object]) -> float:
    began = perf_counter()
    do()
    return perf_counter() - began


def test_words_are_the_same_however_they_are_written() -> None:
    assert text_features.words("I don\u2019t owe $1,250.00, do I?") == ["i", "don't", "owe", "#", "do", "i"]
    assert list(text_features.terms("one two\nthree")) == ["one", "two", "one two", "three"]


def test_a_call_without_words_is_judged_by_the_offsets(binary: Trained) -> None:
    likely = text_model.loads(binary.model).probabilities("")
    assert sum(likely.values()) == pytest.approx(1)


def test_a_label_needs_enough_examples() -> None:
    labels = ["a"] * 10 + ["b"] * 9
    (problem,) = examples.check_labels(labels)
    assert (problem.code, problem.place) == (80403, "examples[10].label")
    assert list(examples.check_labels([*labels, "b"])) == []


def test_texts_that_have_nothing_in_common_teach_nothing() -> None:
    with pytest.raises(ValueError, match="no terms remain"):
        training.train([chr(0x4E00 + number) for number in range(20)], ["a", "b"] * 10)


def test_the_stored_numbers_are_little_endian_wherever_they_were_written(binary: Trained) -> None:
    content = binary.model[len(b"callpost classifier\n") + 1 + 32 :]
    labels, terms, rarity, weights, offsets = msgspec.msgpack.decode(content)
    model = text_model.loads(binary.model)
    assert list(struct.unpack(f"<{len(terms)}f", rarity)) == model.rarity.tolist()
    assert list(struct.unpack("<2f", offsets)) == model.offsets.tolist()
    assert len(weights) == 4 * len(labels) * len(terms)


def test_a_transcript_is_read_without_its_speakers(say: Say) -> None:
    transcript: Transcript = say(("Agent", "Hello there."), ("Caller", "Hi."))
    assert text_features.text(transcript) == "Hello there.\nHi."
