"""A section that fails costs no other: the transcript and the rest are there, and a warning says so."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TypeVar

import pytest
from spoken_calls import Say

from callpost.analysis.analyze import analyze
from callpost.analysis.attempts import Attempts
from callpost.model.configuration import (
    Configuration,
    DetectorRequest,
    MetricGroup,
    Redactor,
    SpottingGroup,
)
from callpost.model.results import Results
from callpost.model.transcript import Transcript

T = TypeVar("T")

EVERYTHING = Configuration(
    classifiers=("sentiment", "voicemail"),
    detectors=(DetectorRequest("PCI"), DetectorRequest("SSN"), DetectorRequest("Number")),
    spotting=(SpottingGroup("g", ("router",)),),
    metrics=tuple(MetricGroup),
    speaker_sentiments=True,
    verb_noun_pairs=True,
    entities=True,
    profanity_filtering=True,
)

SECTIONS = {
    "voice activity": ("transcript", 10603),
    "number formatting": ("transcript", 90005),
    "content filtering": ("transcript", 55000),
    "spotting": ("spotting", 40005),
    "knowledge discovery": ("knowledge", 40004),
    "verb-noun pairs": ("verb_noun_pairs", 10603),
    "sentiment by turn": ("speaker_sentiments", 10603),
    "entity extraction": ("entities", 10603),
    "the classifier sentiment": ("prediction", 50001),
    "the classifier voicemail": ("prediction", 50001),
    "the detector PCI": ("prediction", 50006),
    "the detector SSN": ("prediction", 50006),
    "the detector Number": ("prediction", 50006),
    **{f"the metric group {group}": ("metrics", 10603) for group in MetricGroup},
}


class Failing(Attempts):
    """One section breaks, or its memory runs out; all that were tried are remembered."""

    def __init__(self, what: str | None, fault: Exception | None = None) -> None:
        super().__init__("en-US")
        self.what = what
        self.fault = fault or RuntimeError("4111 1111")
        self.tried: list[str] = []

    def make(
        self, what: str, code: int, make: Callable[[], T], *, languages: tuple[str, ...] | None = ("en",)
    ) -> T | None:
        self.tried.append(what)
        return super().make(what, code, self._broken if what == self.what else make, languages=languages)

    def _broken(self) -> T:  # type: ignore[type-var]
        raise self.fault


@pytest.fixture
def call(say: Say) -> Transcript:
    return say(
        ("Agent", "Thank you for calling Harbor Home, how can I help you?"),
        ("Caller", "My damn router broke, and my card is 4539 1488 0343 6467."),
        ("Agent", "I am sorry, I will refund twenty dollars to Emily in Portland."),
    )


def test_all_sections_are_made_where_nothing_fails(call: Transcript) -> None:
    nothing = Failing(None)
    results = analyze(call, EVERYTHING, attempts=nothing).results
    assert set(nothing.tried) == set(SECTIONS)
    missing = {field.name for field in fields(Results) if getattr(results, field.name) is None}
    assert missing <= {"categories"}, "which are judged by the finished results"


@pytest.mark.parametrize("what", SECTIONS)
def test_one_that_fails_costs_no_other(call: Transcript, what: str) -> None:
    section, code = SECTIONS[what]
    whole = analyze(call, EVERYTHING).results
    results = analyze(call, EVERYTHING, attempts=Failing(what)).results
    told = [problem for problem in results.warnings if problem not in whole.warnings]
    assert [(problem.code, what in problem.message) for problem in told] == [(code, True)]
    assert "4111" not in str(told)
    for field in fields(Results):
        if field.name not in (section, "warnings"):
            assert getattr(results, field.name) == getattr(whole, field.name)
    assert len(results.transcript.turns) == 3
    assert results != whole


def test_what_runs_out_of_memory_is_left_out_too(call: Transcript) -> None:
    results = analyze(call, EVERYTHING, attempts=Failing("entity extraction", MemoryError())).results
    assert results.entities is None
    assert results.knowledge is not None


def test_a_detector_that_fails_and_was_to_redact_takes_every_number_out(call: Transcript) -> None:
    request = DetectorRequest("PCI", redactor=Redactor("[gone]", 270))
    wanted = replace(EVERYTHING, detectors=(request,))
    analysis = analyze(call, wanted, attempts=Failing("the detector PCI"))
    text = " ".join(turn.text for turn in analysis.results.transcript.turns)
    assert "4539" not in text
    assert "twenty" not in text
    assert analysis.redactions
    assert {problem.code for problem in analysis.results.warnings} >= {50006, 50009}


FOREIGN = {
    "fr-FR": "Merci de votre appel. Je suis en colère, le prix est de vingt dollars, c'est la fin. Damn.",
    "es-MX": "Gracias por llamar. Estoy enojado, el precio es de veinte dólares, no me sirve. Damn.",
    "de-DE": "Danke für den Anruf. Das kostet zwanzig Dollar, also die Hand drauf. Damn.",
}
LEFT_OUT = {
    "content filtering": 55000,
    "knowledge discovery": 40004,
    "verb-noun pairs": 10603,
    "sentiment by turn": 10603,
    "entity extraction": 10603,
    "the classifier sentiment": 50001,
    "the classifier voicemail": 50001,
    "the detector PCI": 50006,
    "the detector SSN": 50006,
    "the metric group sentiment": 10603,
}


@pytest.mark.parametrize("language", FOREIGN)
def test_no_english_rule_is_applied_to_another_language(say: Say, language: str) -> None:
    call = say(("Agent", FOREIGN[language]), language=language)
    groups = (SpottingGroup("g", ("prix", "precio", "anruf")),)
    results = analyze(call, replace(EVERYTHING, language=language, spotting=groups)).results
    told = {
        what: problem.code for problem in results.warnings for what in LEFT_OUT if what in problem.message
    }
    assert told == LEFT_OUT
    assert all(language in problem.message for problem in results.warnings if problem.code in (40004, 50001))
    assert results.transcript.turns == call.turns
    for section in ("knowledge", "verb_noun_pairs", "speaker_sentiments", "entities"):
        assert getattr(results, section) is None
    assert results.spotting is not None
    assert [len(group.keywords) for group in results.spotting] == [1]
    assert results.metrics is not None
    assert "sentiment" not in {group.name for group in results.metrics}
