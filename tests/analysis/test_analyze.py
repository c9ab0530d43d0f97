from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_calls import Say

from callpost.analysis.analyze import analyze
from callpost.model.configuration import (
    Configuration,
    DetectionLevel,
    DetectorRequest,
    MetricGroup,
    Redactor,
    SpottingGroup,
)
from callpost.model.transcript import Transcript, Turn, Word

PLAIN = Configuration(knowledge=False, number_formatting=False)


def test_only_what_was_asked_for_is_made(say: Say) -> None:
    results = analyze(say(("A", "My router is broken.")), PLAIN).results
    assert results.knowledge is None
    assert results.prediction is None
    assert results.warnings == ()


def test_a_section_that_fails_costs_no_other_and_not_the_transcript(say: Say) -> None:
    too_long_to_parse = "a" * 1_000_001
    call = say(("A", f"My router is broken {too_long_to_parse}"))
    results = analyze(call, replace(PLAIN, knowledge=True, classifiers=("sentiment",))).results
    assert results.transcript.turns == call.turns
    assert results.knowledge is None
    assert [problem.code for problem in results.warnings] == [40004]
    assert too_long_to_parse not in results.warnings[0].message
    assert results.prediction is not None
    assert len(results.prediction.classifiers) == 1


def test_a_language_without_a_section_gets_a_warning(say: Say) -> None:
    call = say(("A", "Mein Router ist kaputt."), language="de-DE")
    configuration = Configuration(
        language="de-DE", classifiers=("sentiment",), detectors=(DetectorRequest("PCI"),)
    )
    results = analyze(call, configuration).results
    assert results.knowledge is None
    assert {problem.code for problem in results.warnings} >= {40004, 50001, 50006}
    assert results.transcript.turns == call.turns


def test_what_cannot_be_looked_for_is_redacted_with_every_number(say: Say) -> None:
    call = say(("A", "Meine Karte ist 4111 1111 1111 1111, danke."), language="de-DE")
    detector = DetectorRequest("PCI", DetectionLevel.ENTIRE_REGION, Redactor("[redacted]", 270))
    analysis = analyze(call, replace(PLAIN, language="de-DE", detectors=(detector,)))
    assert "4111" not in analysis.results.transcript.turns[0].text
    assert "danke" in analysis.results.transcript.turns[0].text
    assert 50009 in {problem.code for problem in analysis.results.warnings}
    assert analysis.redactions


@pytest.mark.parametrize("name", ["sales-lead", "no such thing"])
def test_an_unknown_classifier_is_a_warning(name: str, say: Say) -> None:
    results = analyze(say(("A", "Hello.")), replace(PLAIN, classifiers=(name, "sentiment"))).results
    assert [problem.code for problem in results.warnings] == [50001]
    assert results.prediction is not None
    assert [verdict.name for verdict in results.prediction.classifiers] == ["sentiment"]


EVERYTHING = Configuration(
    classifiers=("sentiment", "voicemail"),
    detectors=tuple(DetectorRequest(name, redactor=Redactor("x", 0)) for name in ("PCI", "SSN", "Number")),
    spotting=(SpottingGroup("g", ("router", "")),),
    metrics=(MetricGroup.OVERTALK, MetricGroup.SENTIMENT, MetricGroup.TALK_TIME),
    speaker_sentiments=True,
    verb_noun_pairs=True,
    entities=True,
    profanity_filtering=True,
)


def test_an_empty_transcript_is_analysed() -> None:
    analysis = analyze(Transcript(), EVERYTHING)
    assert analysis.results.warnings == ()
    assert analysis.redactions == ()


def test_the_same_transcript_gives_the_same_results(say: Say) -> None:
    call = say(("A", "The router lost its connection."), ("C", "I want a refund for the router."))
    configuration = Configuration(classifiers=("sentiment",), detectors=(DetectorRequest("Number"),))
    assert analyze(call, configuration) == analyze(call, configuration)


SAMPLES = [
    "four",
    "4111-1111",
    "card",
    "oh",
    "May",
    "$5",
    "hundred",
    "double",
    "router",
    "[redacted]",
    "-",
    "'s",
    "\u00e9",
]


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Turns of two channels that may overlap, of any words at all."""
    turns = []
    for number in range(draw(st.integers(1, 4))):
        clock, words = draw(st.integers(0, 5000)), []
        for text in draw(st.lists(st.sampled_from(SAMPLES) | st.text(max_size=6), min_size=1, max_size=12)):
            end = clock + draw(st.integers(0, 800))
            words.append(Word(text, clock, end, 0.5))
            clock = end + draw(st.integers(0, 400))
        turns.append(Turn("AB"[number % 2], number % 2, tuple(words)))
    return Transcript(tuple(sorted(turns, key=lambda turn: turn.start_ms)))


@settings(deadline=None, max_examples=60)
@given(transcripts())
def test_no_transcript_makes_a_section_fail(transcript: Transcript) -> None:
    results = analyze(transcript, EVERYTHING).results
    assert results.warnings == ()
    assert results.knowledge is not None
    assert results.entities is not None
    assert len(results.transcript.turns) == len(transcript.turns)
