from base64 import b64decode
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from benchmarks.detection.labelled import SENSITIVE, Dialogue, Number, hand_written, made
from hypothesis import given
from hypothesis import strategies as st
from spoken_calls import Say

from callpost.analysis.analyze import analyze
from callpost.analysis.detection import Region
from callpost.analysis.redaction import MARGIN_MS, redact, tone_redactions
from callpost.model.configuration import Configuration, DetectionLevel, DetectorRequest, Redactor
from callpost.model.media import Media, MediaStatus
from callpost.model.transcript import Transcript
from callpost.render.analytics import media_document

CALL = (
    ("Agent", "Please read me your card number."),
    ("Caller", "Sure, it's 4929 8812, um, 7731 5566."),
    ("Agent", "4929 8812 7731 5566, thank you, and the expiration date?"),
    ("Caller", "Oh nine twenty nine."),
    ("Agent", "Thank you, that is all I need to know. My extension is 77."),
)


def request(level: DetectionLevel, **redactor: object) -> DetectorRequest:
    return DetectorRequest("PCI", level, Redactor(**redactor))  # type: ignore[arg-type] - a test's shorthand


def delivered(transcript: Transcript, configuration: Configuration) -> str:
    """Everything a customer gets, the renditions decoded."""
    results = analyze(transcript, configuration).results
    media = Media(UUID(int=1), UUID(int=2), "Harbour", MediaStatus.FINISHED, datetime(2026, 1, 2, tzinfo=UTC))
    document = media_document(media, results, include=None, api_url="https://a.example")
    formats = document["transcript"].pop("alternateFormats")
    return msgspec.json.encode(document).decode() + "".join(
        b64decode(part["data"]).decode() for part in formats
    )


@pytest.mark.parametrize("level", list(DetectionLevel))
def test_a_redacted_number_survives_nowhere(level: DetectionLevel, say: Say) -> None:
    configuration = Configuration(
        detectors=(request(level, replacement="[redacted]"),),
        classifiers=("sentiment",),
        speaker_sentiments=True,
        verb_noun_pairs=True,
        entities=True,
    )
    everything = delivered(say(*CALL), configuration)
    for secret in ("4929", "8812", "7731", "5566", "Oh nine", "twenty nine"):
        assert secret not in everything
    assert "[redacted]" in everything
    assert "extension" in everything


def test_words_keep_their_times_and_their_punctuation(say: Say) -> None:
    call = say(*CALL)
    configuration = Configuration(detectors=(request(DetectionLevel.NUMBERS_ONLY, replacement="[redacted]"),))
    redacted = analyze(call, configuration).results.transcript
    assert redacted.turns[1].text == "Sure, it's [redacted] [redacted], um, [redacted] [redacted]."
    assert [(w.start_ms, w.end_ms) for w in redacted.words()] == [
        (w.start_ms, w.end_ms) for w in call.words()
    ]


def test_without_a_redactor_the_transcript_stays(say: Say) -> None:
    call = say(*CALL)
    analysis = analyze(call, Configuration(detectors=(DetectorRequest("PCI"),), number_formatting=False))
    assert analysis.results.transcript.turns == call.turns
    assert analysis.redactions == ()
    assert analysis.results.prediction is not None
    assert analysis.results.prediction.detectors[0].detections


def test_the_audio_alone_can_be_redacted(say: Say) -> None:
    call = say(*CALL)
    configuration = Configuration(
        detectors=(request(DetectionLevel.NUMBERS_ONLY, tone_hz=270, gain=0.4),), number_formatting=False
    )
    analysis = analyze(call, configuration)
    (tone,) = analysis.redactions
    assert (tone.tone_hz, tone.gain) == (270, 0.4)
    assert analysis.results.transcript.turns == call.turns
    number = call.turns[1].words[2]
    assert any(
        start <= number.start_ms - MARGIN_MS and number.end_ms + MARGIN_MS <= end
        for start, end in tone.regions
    )


def test_where_two_redactors_meet_one_tone_sounds() -> None:
    def region(start: int, end: int) -> list[Region]:
        return [Region("A", start, end, frozenset())]

    found = tone_redactions(
        [(Redactor(tone_hz=270), region(1000, 3000)), (Redactor(tone_hz=0), region(2000, 5000))]
    )
    assert [(tone.tone_hz, tone.regions) for tone in found] == [(270, ((650, 3350),)), (0, ((3350, 5350),))]


stretches = st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 5_000)), max_size=12)


@given(stretches, stretches)
def test_tones_cover_every_region_once(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    regions = [[Region("A", s, s + length, frozenset()) for s, length in part] for part in (first, second)]
    tones = tone_redactions(zip((Redactor(tone_hz=270), Redactor(tone_hz=400)), regions, strict=True))
    parts = sorted(part for tone in tones for part in tone.regions)
    assert all(left[1] <= right[0] for left, right in pairwise(parts))
    assert all(start < end and start >= 0 for start, end in parts)
    for tone in tones:
        assert list(tone.regions) == sorted(tone.regions)
    for region in (region for part in regions for region in part):
        start, end = max(region.start_ms - MARGIN_MS, 0), region.end_ms + MARGIN_MS
        assert sum(max(0, min(end, e) - max(start, s)) for s, e in parts) == end - start


def test_the_first_redactor_of_a_word_names_its_replacement(say: Say) -> None:
    region = Region("A", 0, 1, frozenset({(0, 0)}))
    redacted = redact(say(("A", "4111,")), [(Redactor("#"), [region]), (Redactor("[x]"), [region])])
    assert redacted.turns[0].text == "#,"


def secrets(dialogue: Dialogue, number: Number) -> list[str]:
    """Words of four digits and more, and any four words of the number in a row."""
    turns = dialogue.transcript.turns
    said = [(turn, turns[turn].words[word].text.strip(".,")) for turn, word in sorted(number.places)]
    quads = [
        part for part in zip(said, said[1:], said[2:], said[3:], strict=False) if part[0][0] == part[3][0]
    ]
    return [text for _, text in said if sum(map(str.isdigit, text)) >= 4] + [
        " ".join(text for _, text in quad) for quad in quads
    ]


@pytest.mark.parametrize("level", list(DetectionLevel))
def test_no_labelled_number_leaks_into_anything_that_is_delivered(level: DetectionLevel) -> None:
    configuration = Configuration(
        detectors=tuple(DetectorRequest(name, level, Redactor("[redacted]")) for name in ("PCI", "SSN")),
        classifiers=("sentiment",),
        speaker_sentiments=True,
        verb_noun_pairs=True,
        entities=True,
    )
    for dialogue in (*hand_written(), *made(seed=3, each=4)):
        everything = delivered(dialogue.transcript, configuration)
        others = [
            secret
            for number in dialogue.numbers
            if number.label not in SENSITIVE
            for secret in secrets(dialogue, number)
        ]
        for number in dialogue.numbers:
            if number.label in SENSITIVE:
                for secret in set(secrets(dialogue, number)) - set(others):
                    assert secret not in everything, dialogue.name
