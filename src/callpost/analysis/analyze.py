"""From a transcript to everything else: which sections are made, in what order, and what if one fails.

Detection and redaction come first; all sections are made from the redacted transcript.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from callpost.analysis import (
    conversation,
    entities,
    formatting,
    knowledge,
    metrics,
    prediction,
    profanity,
    redaction,
    spotting,
    talk,
)
from callpost.analysis.attempts import Attempts
from callpost.analysis.detection import Region
from callpost.analysis.prediction import StoredModels
from callpost.analysis.reading import Reading
from callpost.model.configuration import Configuration, MetricGroup, Redactor
from callpost.model.redaction import ToneRedaction
from callpost.model.results import MetricGroupValues, Results
from callpost.model.transcript import Transcript

# docs/errors/errors.rst. What has no code of its own there is a feature that the language does not support.
_FEATURE, _KNOWLEDGE, _SPOTTING, _FILTER, _FORMATTING = 10603, 40004, 40005, 55000, 90005


@dataclass(frozen=True, slots=True)
class Analysis:
    """results: without streams; transcript and sections redacted. redactions: what to do to the audio."""

    results: Results
    redactions: tuple[ToneRedaction, ...]


def analyze(
    transcript: Transcript,
    configuration: Configuration,
    heard: Transcript | None = None,
    models: StoredModels | None = None,
    attempts: Attempts | None = None,
) -> Analysis:
    """Every section that the configuration asks for and the language allows. Pure; models load on first use.

    models: of the trained classifiers, as they are stored. attempts: what each section is made with.
    heard: what was recognised, where the transcript is a corrected one: tones cover what is found in either.
    A section that cannot be made is None, and the results have a warning with the documented code.
    """
    attempts = attempts or Attempts(transcript.language)
    evidence = prediction.Evidence(transcript)
    detected = (prediction.detect(evidence, request, attempts) for request in configuration.detectors)
    found = [entry for entry in detected if entry is not None]
    redactors = [(entry.request.redactor, entry.regions) for entry in found if entry.request.redactor]
    redacted = redaction.redact(transcript, redactors)
    results = _sections(redacted, configuration, attempts)
    subject = prediction.Subject(redacted, results.transcript, models or {})
    results = replace(
        results,
        prediction=prediction.predict(subject, configuration, found, attempts),
        warnings=tuple(attempts.warnings),
    )
    return Analysis(results, redaction.tone_redactions([*redactors, *_still_audible(heard, configuration)]))


def _still_audible(
    heard: Transcript | None, wanted: Configuration
) -> Iterator[tuple[Redactor, Sequence[Region]]]:
    """What the detectors find in the words as they were heard: a correction changes nothing in the audio."""
    if heard is None:
        return
    evidence, attempts = prediction.Evidence(heard), Attempts(heard.language)
    for request in wanted.detectors:
        found = prediction.detect(evidence, request, attempts) if request.redactor else None
        if found is not None and request.redactor is not None:
            yield request.redactor, found.regions


def _sections(redacted: Transcript, wanted: Configuration, attempts: Attempts) -> Results:
    """What quotes the transcript is made from the filtered one; moods are judged by what was really said."""
    filtered = _filtered(redacted, wanted, attempts)
    results = Results(transcript=_presentable(filtered, wanted, attempts))
    if wanted.spotting:
        spotted = attempts.make(
            "spotting", _SPOTTING, lambda: spotting.spot(filtered, wanted.spotting), languages=None
        )
        results = replace(results, spotting=spotted)
    if wanted.metrics:
        results = replace(results, metrics=_metrics(redacted, wanted.metrics, attempts))
    if wanted.speaker_sentiments:
        moods = attempts.make(
            "sentiment by turn", _FEATURE, lambda: conversation.speaker_sentiments(redacted)
        )
        results = replace(results, speaker_sentiments=moods)
    with Reading(filtered) as reading:
        return _read_sections(results, reading, wanted, attempts)


def _read_sections(results: Results, reading: Reading, wanted: Configuration, attempts: Attempts) -> Results:
    """The sections that need the text parsed."""
    if wanted.knowledge:
        made = attempts.make("knowledge discovery", _KNOWLEDGE, lambda: knowledge.knowledge(reading))
        results = replace(results, knowledge=made)
    if wanted.verb_noun_pairs:
        pairs = attempts.make("verb-noun pairs", _FEATURE, lambda: conversation.verb_noun_pairs(reading))
        results = replace(results, verb_noun_pairs=pairs)
    if wanted.entities:
        named = attempts.make("entity extraction", _FEATURE, lambda: entities.entities(reading))
        results = replace(results, entities=named)
    return results


def _filtered(transcript: Transcript, wanted: Configuration, attempts: Attempts) -> Transcript:
    if not wanted.profanity_filtering:
        return transcript
    filtered = attempts.make("content filtering", _FILTER, lambda: profanity.filter_profanity(transcript))
    return filtered or transcript


def _presentable(transcript: Transcript, wanted: Configuration, attempts: Attempts) -> Transcript:
    """The transcript as delivered; the sections look at it before its numbers are put in figures."""
    activity = attempts.make(
        "voice activity", _FEATURE, lambda: talk.voice_activity(transcript), languages=None
    )
    complete = replace(transcript, activity=activity or ())
    if not wanted.number_formatting or not attempts.speaks(("en",)):
        return complete
    formatted = attempts.make("number formatting", _FORMATTING, lambda: formatting.format_numbers(complete))
    return formatted or complete


def _metrics(
    transcript: Transcript, groups: tuple[MetricGroup, ...], attempts: Attempts
) -> tuple[MetricGroupValues, ...]:
    if MetricGroup.TALK_STYLE in groups and all(word.voice is None for word in transcript.words()):
        attempts.warn(_FEATURE, "metrics of tone and volume are 0 without the speech model's voiceFeatures")
    made = (_metric_group(transcript, group, attempts) for group in groups)
    return tuple(values for values in made if values is not None)


def _metric_group(transcript: Transcript, group: MetricGroup, attempts: Attempts) -> MetricGroupValues | None:
    languages = ("en",) if group is MetricGroup.SENTIMENT else None
    return attempts.make(
        f"the metric group {group}",
        _FEATURE,
        lambda: metrics.metrics(transcript, group),
        languages=languages,
    )
