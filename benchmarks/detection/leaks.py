"""Whether a redacted number is left in anything that is delivered: `python -m benchmarks.detection.leaks`.

Every labelled dialogue is analysed with all sections and redactors on, and everything that can be made of the
results is searched for its card and social security numbers, expiry dates and codes. Then the sample call is
recognised, redacted, put into every format, recognised again each time, and searched for its card number.
"""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
from benchmarks.detection.labelled import SENSITIVE, Dialogue, Number, hand_written, made
from benchmarks.detection.leak_search import captions, digits, leaks, said

from callpost.analysis.analyze import analyze
from callpost.model.configuration import (
    AudioFormat,
    AudioTranscode,
    Callback,
    CallbackType,
    Configuration,
    DetectionLevel,
    DetectorRequest,
    Ingest,
    MetricGroup,
    Redactor,
    TranscriptFormat,
)
from callpost.model.media import Media, MediaStatus
from callpost.model.redaction import ToneRedaction
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript
from callpost.render import content
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import RecognitionRequest

_CALL = Path(__file__).parents[2] / "examples" / "call.wav"
_CARD = "4539148803436467"
_SECTIONS = (
    *("transcript", "knowledge", "prediction", "spotting", "metrics", "speakerSentiments", "conversation"),
    *("entities", "voiceActivity", "metadata", "streams"),
)
_FORMATS = (
    *(AudioTranscode(AudioFormat.WAV, codec) for codec in ("pcm", "mulaw", "alaw")),
    AudioTranscode(AudioFormat.MP3, "mp3"),
    AudioTranscode(AudioFormat.FLAC, "flac"),
    AudioTranscode(AudioFormat.OPUS, "opus"),
    AudioTranscode(AudioFormat.OGG, "opus"),
)


def configuration(level: DetectionLevel = DetectionLevel.ENTIRE_REGION) -> Configuration:
    """Every section, card and social security numbers taken out."""
    redactor = Redactor("[redacted]", 270, 0.5)
    return Configuration(
        classifiers=("sentiment", "voicemail"),
        detectors=tuple(DetectorRequest(name, level, redactor) for name in ("PCI", "SSN")),
        metrics=tuple(MetricGroup),
        speaker_sentiments=True,
        verb_noun_pairs=True,
        entities=True,
        profanity_filtering=True,
    )


def outputs(results: Results) -> Iterator[tuple[str, str]]:
    """Everything that is delivered or stored of a recording, by name, as text without times."""
    media = Media(UUID(int=1), UUID(int=2), "Acme", MediaStatus.FINISHED, datetime(2026, 1, 1, tzinfo=UTC))
    report = Report(media, results)
    yield "stored report", said(msgspec.json.decode(msgspec.json.encode(report)))
    url = "https://example.org"
    for section in (None, *_SECTIONS):
        callback = Callback(url, include=None if section is None else (section,))
        yield f"analytics: {section or 'everything'}", said(json.loads(content.render(report, callback, url)))
    for format_ in TranscriptFormat:
        callback = Callback(url, CallbackType.TRANSCRIPT, format=format_)
        rendered = content.render(report, callback, url).decode()
        is_json = format_ is TranscriptFormat.JSON
        yield f"transcript: {format_}", said(json.loads(rendered)) if is_json else captions(rendered)


def spoken(dialogue: Dialogue, number: Number) -> str:
    words = (dialogue.transcript.turns[turn].words[word].text for turn, word in sorted(number.places))
    return "".join(digits(" ".join(words)))


def search(dialogues: Iterable[Dialogue], level: DetectionLevel) -> tuple[Counter[str], list[str]]:
    """How much was searched, and what was found: by kind of output."""
    looked, found = Counter[str](), []
    for dialogue in dialogues:
        secrets = [spoken(dialogue, one) for one in dialogue.numbers if one.label in SENSITIVE]
        known = [spoken(dialogue, one) for one in dialogue.numbers if one.label not in SENSITIVE]
        looked["numbers"] += len(secrets)
        looked["dialogues"] += 1
        for name, text in outputs(analyze(dialogue.transcript, configuration(level)).results):
            looked["outputs"] += 1
            looked["characters"] += len(text)
            found += [f"{dialogue.name}, {name}: {leak}" for leak in leaks(text, secrets, known)]
    return looked, found


async def audio(model: str) -> Iterator[tuple[str, list[str]]]:
    """The sample call with tones over its card number, in its own and other formats: what is heard of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with RecognizerProcess(model, folder) as recognizer:
            heard = await _heard(recognizer, _CALL)
            rows = [("as it came", leaks(_text(heard), [_CARD]))]
            for level in DetectionLevel:
                tones = analyze(heard, configuration(level)).redactions
                regions = tuple(sorted(region for tone in tones for region in tone.regions))
                target = folder / f"{level}.wav"
                await recognizer.redact(_CALL, target, ToneRedaction(regions, 270, 0.5))
                rows.append((f"redacted, {level}", leaks(_text(await _heard(recognizer, target)), [_CARD])))
            for wanted in _FORMATS:
                rendition = folder / f"{wanted.format}-{wanted.codec}"
                await recognizer.transcode(target, rendition, wanted)
                path = rendition if rendition.exists() else target
                transcript = await _heard(recognizer, path)
                rows.append((f"as {wanted.format} ({wanted.codec})", leaks(_text(transcript), [_CARD])))
    return iter(rows)


async def _heard(recognizer: RecognizerProcess, path: Path) -> Transcript:
    request = RecognitionRequest(path, Ingest(), "en-US", None)
    return (await recognizer.transcribe(request, lambda _: None)).transcript


def _text(transcript: Transcript) -> str:
    return " ".join(word.text for word in transcript.words())


def main() -> None:
    dialogues = [*hand_written(), *made()]
    print("| level | dialogues | numbers | outputs searched | characters | leaks |")
    print("|---|---|---|---|---|---|")
    for level in DetectionLevel:
        looked, found = search(dialogues, level)
        counts = " | ".join(f"{looked[name]:,}" for name in ("dialogues", "numbers", "outputs", "characters"))
        print(f"| {level} | {counts} | {len(found)} |", *found[:20], sep="\n  ")
    print("\n| the sample call | runs of four digits of its card number that are heard |\n|---|---|")
    for name, found in asyncio.run(audio("base")):
        print(f"| {name} | {len(found)} |")


if __name__ == "__main__":
    main()
