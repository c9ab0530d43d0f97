"""What was recognised is written as the terms that were expected, and nothing else is."""

import random

import pytest

from callpost.model.configuration import ExpectedTerm
from callpost.model.transcript import Word
from callpost.speech.vocabulary import Vocabulary

NAMES = ["Schenectady", "Xiomara", "Szczepanski", "Siobhan", "Kaldora", "Quillby", "Zentrix", "Poughkeepsie"]
NAMES += ["Bhattacharya", "Calloway"]
SURE, UNSURE = 0.97, 0.3


def terms(*texts: str) -> list[ExpectedTerm]:
    return [ExpectedTerm(text) for text in texts]


def said(text: str, confidence: float = SURE, *, pause_ms: int = 10) -> list[Word]:
    """The text as words of 300 ms; one that ends in `~` was hardly heard."""
    words = []
    for number, word in enumerate(text.split()):
        start = number * (300 + pause_ms)
        value = UNSURE if word.endswith("~") else confidence
        words.append(Word(word.rstrip("~"), start, start + 300, value))
    return words


def written(text: str, expected: list[ExpectedTerm], language: str = "en-US") -> str:
    return " ".join(word.text for word in Vocabulary(expected, language).written(said(text)))


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("ship it to Shenectady~ by Monday.", "ship it to Schenectady by Monday."),
        ("ship it to Shannick~ Tady~ by Monday.", "ship it to Schenectady by Monday."),
        ("I talked to Zimara~ about this", "I talked to Xiomara about this"),
        ("is Shepanski,~ and I live", "is Szczepanski, and I live"),
        ("is Japan~ ski~ and I live", "is Szczepanski and I live"),
        ("with Shabhan~ from the claims", "with Siobhan from the claims"),
        ("The Kalbora~ warranty", "The Kaldora warranty"),
        ("The Caldora warranty", "The Kaldora warranty"),
        ("The quilby plan", "The Quillby plan"),
        ("to Kapalkeepsie~ instead.", "to Poughkeepsie instead."),
        ("the Zintrix's~ light", "the Zentrix's light"),
    ],
)
def test_what_sounds_like_a_term_and_is_no_word_is_written_as_the_term(heard: str, meant: str) -> None:
    assert written(heard, terms(*NAMES)) == meant


@pytest.mark.parametrize(
    "heard",
    [
        "you can call away from home",
        "you can call~ away from home",
        "the color of the quilt",
        "we skipped the summary",
        "the center tricks of the trade",
        "that was Priya from the claims department",
        "Brian and Zoe and Shannon",
    ],
)
def test_everyday_words_that_resemble_a_term_stay(heard: str) -> None:
    assert written(heard, terms(*NAMES, "Bryon")) == heard.replace("~", "")


def test_nothing_in_ordinary_speech_is_taken_for_a_term_even_where_a_word_in_ten_is_doubted() -> None:
    text = (  # noqa: SIM905 - to be read
        "thank you for calling how may I help you today I would like to change the address on my account and "
        "check the balance of the last statement because the payment did not go through on Friday please hold"
    ).split()
    chance = random.Random(3)
    words = [
        word if chance.random() > 0.1 else f"{word}~"
        for _ in range(100)
        for word in chance.sample(text, len(text))
    ]
    assert written(" ".join(words), terms(*NAMES)) == " ".join(words).replace("~", "")


def test_a_term_takes_the_time_of_the_words_in_its_place_and_keeps_the_marks_after_them() -> None:
    heard = said("to Shannick~ Tady.~ Yes")
    found = Vocabulary(terms("Schenectady"), "en-US").written(heard)
    assert [word.text for word in found] == ["to", "Schenectady.", "Yes"]
    assert (found[1].start_ms, found[1].end_ms) == (heard[1].start_ms, heard[2].end_ms)
    assert found[1].confidence == pytest.approx(UNSURE)


def test_a_term_of_several_words_becomes_several_words_that_share_the_time() -> None:
    found = Vocabulary([ExpectedTerm("Harbour Home", ("harbor home",))], "en-US").written(
        said("at harbor home, yes")
    )
    assert [word.text for word in found] == ["at", "Harbour", "Home,", "yes"]
    assert [(word.start_ms, word.end_ms) for word in found] == [(0, 300), (310, 665), (665, 920), (930, 1230)]


def test_what_was_given_as_sounding_like_a_term_is_always_written_as_it() -> None:
    expected = [
        ExpectedTerm("VoiceBase", ("voice base", "boys bass")),
        ExpectedTerm("AFFO", ("A.F.F.O.",)),
        ExpectedTerm("gnocchi", ("nokey",)),
    ]
    assert written("I am with Voice Base.", expected) == "I am with VoiceBase."
    assert written("I am with boys, bass", expected) == "I am with VoiceBase"
    assert written("a voicebase's call", expected) == "a VoiceBase's call"
    assert written("the A. F. F. O. of 2024", expected) == "the AFFO of 2024"
    assert written("I ate no key today", expected) == "I ate gnocchi today"


def test_possessives_within_a_term_are_part_of_it() -> None:
    expected = [ExpectedTerm("Jo's Pizza", ("joe's pizza",)), ExpectedTerm("McDonald's", ("mick donald's",))]
    assert written("at Joe's pizza's door", expected) == "at Jo's Pizza's door"
    assert written("at Mick Donald's", expected) == "at McDonald's"


def test_what_was_given_does_not_reach_over_a_pause() -> None:
    vocabulary = Vocabulary([ExpectedTerm("VoiceBase", ("voice base",))], "en-US")
    heard = said("voice base", pause_ms=2000)
    assert vocabulary.written(heard) == heard


def test_what_resembles_a_given_sound_is_taken_for_the_term() -> None:
    assert written("ten milligrams of Lissinapril~", [ExpectedTerm("Zestril", ("lisinopril",))]).endswith(
        "Zestril"
    )


def test_a_term_that_was_recognised_is_written_as_it_is_spelt_and_not_taken_for_another() -> None:
    assert written("the syncwave~ app", terms("SyncWave", "Sinkwave")) == "the SyncWave app"
    assert written("at home depot", terms("Home Depot")) == "at home depot"
    assert written("the will of Will", terms("Will")) == "the will of Will"


def test_weight_makes_a_term_bolder() -> None:
    heard = "the Kalbo~ warranty"
    light, heavy = ([ExpectedTerm("Kaldora", weight=weight)] for weight in (0, 5))
    assert written(heard, light) == heard.replace("~", "")
    assert written(heard, heavy) == "the Kaldora warranty"


def test_of_a_script_the_rare_words_are_expected() -> None:
    script = [ExpectedTerm("Thank you for calling Kaldora, this is Siobhan.", script=True)]
    assert written("thank you for calling Calbora~ this is Shabhan~", script) == (
        "thank you for calling Kaldora this is Siobhan"
    )
    assert written("thanks~ for~ cooling~ us", script) == "thanks for cooling us"


def test_in_other_languages_only_what_was_hardly_heard_is_replaced() -> None:
    assert written("guten Tag Herr Schimanski", terms("Szymanski"), "de-DE") == "guten Tag Herr Schimanski"
    assert written("guten Tag Herr Schimanski~", terms("Szymanski"), "de-DE") == "guten Tag Herr Szymanski"
    assert written("добрый день", [ExpectedTerm("!"), ExpectedTerm("ночь")], "ru-RU") == "добрый день"


def test_without_terms_nothing_is_changed() -> None:
    assert Vocabulary([], "en-US").written(said("to Shenectady~")) == said("to Shenectady~")
