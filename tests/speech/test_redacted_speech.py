"""What a recogniser still hears of a card number in the redacted recording: nothing."""

from pathlib import Path

import pytest
from benchmarks.detection.leak_search import leaks
from speech_recordings import Line, Samples, Transcribe, Write, read

from callpost.analysis.analyze import analyze
from callpost.model.configuration import (
    AudioFormat,
    AudioTranscode,
    Configuration,
    DetectionLevel,
    DetectorRequest,
    Redactor,
)
from callpost.model.redaction import ToneRedaction
from callpost.speech.redaction import redact
from callpost.speech.transcoding import transcode

CARD = "4539148803436467"
LEVELS = {
    DetectionLevel.ENTIRE_REGION: AudioTranscode(AudioFormat.MP3, "mp3"),
    DetectionLevel.NUMBERS_ONLY: AudioTranscode(AudioFormat.OPUS, "opus"),
}


@pytest.fixture(scope="module")
def payment(call: Path, script: list[Line]) -> Samples:
    """The lines in which the card number is asked for, read out and acknowledged; 8 kHz, (2, samples)."""
    number = next(place for place, line in enumerate(script) if "four five three nine" in line.text)
    first, last = script[number - 1].start, script[number + 1].end
    return read(call)[:, int(first * 8000) : int(last * 8000)]


def heard(transcribe: Transcribe, path: Path) -> str:
    return " ".join(word.text for word in transcribe(path).transcript.words())


@pytest.mark.parametrize("level", LEVELS)
def test_a_card_number_under_the_tone_is_not_heard_in_any_format(
    write: Write, payment: Samples, transcribe: Transcribe, level: DetectionLevel
) -> None:
    source = write("payment.wav", payment)
    said = transcribe(source).transcript
    assert leaks(" ".join(word.text for word in said.words()), [CARD]), "the search finds what is there"
    request = DetectorRequest("PCI", level, Redactor(None, 1000, 0.5))
    (tones,) = analyze(said, Configuration(detectors=(request,), knowledge=False)).redactions
    redacted = source.with_name("redacted.wav")
    redact(source, redacted, ToneRedaction(tones.regions, 1000, 0.5), lambda *_: None)
    left = heard(transcribe, redacted)
    assert leaks(left, [CARD]) == []
    assert "business days" in left
    rendition = source.with_name("rendition")
    assert transcode(redacted, rendition, LEVELS[level], lambda *_: None)
    assert leaks(heard(transcribe, rendition), [CARD]) == []
