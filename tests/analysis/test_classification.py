import pytest
from spoken_calls import Say

from callpost.analysis import catalogue, sentiment
from callpost.analysis.classification import classify
from callpost.model.transcript import Transcript


def label(name: str, transcript: Transcript) -> str:
    model = catalogue.find(catalogue.CLASSIFIERS, name)
    assert model is not None
    verdict = classify(model, transcript)
    assert 0.4 <= verdict.score <= 1
    return verdict.predicted_label


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("I am so frustrated. This is unacceptable. The worst service I ever had.", "negative"),
        ("You have been wonderful. I really appreciate it. That is great news.", "positive"),
        ("My account number is four. I would like to pay my bill, please. Yes. Okay.", "neutral"),
    ],
)
def test_the_mood_of_a_call(line: str, expected: str, say: Say) -> None:
    assert label("sentiment", say(("Agent", "How can I help you today?"), ("Caller", line))) == expected


def test_the_words_of_the_trade_are_no_praise() -> None:
    assert abs(sentiment.score("How can I help you? I would like to speak to customer care, please.")) < 0.3
    assert sentiment.score("I am frustrated.") < -0.4


def test_an_announcement_is_a_voicemail(say: Say) -> None:
    call = say(
        ("unknown", "You have reached Joe. I can't take your call. Please leave a message after the tone.")
    )
    assert label("voicemail", call) == "voicemail"


def test_talk_about_messages_is_a_conversation(say: Say) -> None:
    lines = [("Agent", "Hello, how are you?"), ("Caller", "I left you a voicemail.")] * 4
    assert label("voicemail", say(*lines)) == "conversation"


def test_models_are_found_by_name_or_identifier() -> None:
    for model in (*catalogue.CLASSIFIERS, *catalogue.DETECTORS):
        models = catalogue.CLASSIFIERS if model in catalogue.CLASSIFIERS else catalogue.DETECTORS
        assert catalogue.find(models, model.name.upper()) is model
        assert catalogue.find(models, model.id) is model
    assert catalogue.find(catalogue.DETECTORS, "PCI-Klingon") is None
