"""The detector PII: on hand-made calls, word by word."""

import re
from pathlib import Path

import pytest
from spoken_calls import spoken

from callpost.analysis.analyze import analyze
from callpost.analysis.detection import Scene
from callpost.analysis.personal import detect
from callpost.analysis.reading import Reading
from callpost.model.configuration import Configuration, DetectionLevel, DetectorRequest, Redactor
from callpost.model.transcript import Transcript

Places = set[tuple[int, int]]

CALLS = Path(__file__).with_name("personal_calls.txt").read_text().split("\n== ")[1:]


def labelled(call: str) -> tuple[Transcript, Places]:
    """A call, and which of its words are personal."""
    lines, personal = [], set()
    for number, line in enumerate(call.strip().splitlines()[1:]):
        speaker, text = line.split(": ", 1)
        place = 0
        for piece in re.split(r"(\[[^]]*\]\S*)", text):
            count = len(piece.split())
            if piece.startswith("["):
                personal |= {(number, at) for at in range(place, place + count)}
            place += count
        lines.append((speaker, re.sub(r"[\[\]]", "", text)))
    return spoken(*lines), personal


def found(transcript: Transcript, level: DetectionLevel = DetectionLevel.NUMBERS_ONLY) -> Places:
    with Reading(transcript) as reading:
        regions = detect(Scene.of(transcript), reading, level)
    return {place for region in regions for place in region.places}


def test_personal_data_is_found_and_little_else() -> None:
    truth, hits, taken = 0, 0, 0
    for call in CALLS:
        transcript, personal = labelled(call)
        places = found(transcript)
        truth, hits, taken = truth + len(personal), hits + len(places & personal), taken + len(places)
    assert hits / truth >= 0.95
    assert hits / taken >= 0.9


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.splitlines()[0])
def test_no_call_loses_more_than_a_name_and_nothing_is_taken_from_one_without(call: str) -> None:
    transcript, personal = labelled(call)
    missed = personal - found(transcript)
    assert len(missed) <= 1
    if not personal:
        assert not found(transcript)


def test_a_name_is_found_wherever_it_is_said() -> None:
    transcript = spoken(("Caller", "My name is Emily Parker."), ("Agent", "Thanks, Emily! Parker with a P?"))
    assert {(1, 1), (1, 2)} <= found(transcript)


def test_the_entire_region_takes_what_is_around_too() -> None:
    transcript, _ = labelled(CALLS[0])
    exact, around = found(transcript), found(transcript, DetectionLevel.ENTIRE_REGION)
    assert exact < around


def test_what_is_personal_is_redacted_from_every_section() -> None:
    transcript, _ = labelled(CALLS[2])
    request = DetectorRequest("PII", DetectionLevel.NUMBERS_ONLY, Redactor("[redacted]", 270))
    results = analyze(transcript, Configuration(detectors=(request,), entities=True)).results
    said = " ".join(turn.text for turn in results.transcript.turns)
    assert "miller" not in said
    assert "Where should I send the receipt?" in said
    assert results.prediction is not None
    assert [entry.name for entry in results.prediction.detectors] == ["PII"]
    assert "miller" not in repr(results)
