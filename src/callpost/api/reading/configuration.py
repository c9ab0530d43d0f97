"""The configuration document of POST /v3/media, read into `model.configuration.Configuration`.

The keys are the union of what the documentation, both versions of the Swagger file and known clients use.
Every problem of a document is reported at once, with its documented code and its place.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from callpost.api.reading import (
    callbacks,
    categories,
    ingest,
    prediction,
    speech,
    spotting,
    transcode,
    vocabularies,
)
from callpost.api.reading.callbacks import CheckDestination
from callpost.api.reading.definition import Known
from callpost.api.reading.document import CONFIGURATION, Notes, Section, without_blanks
from callpost.errors import Problem
from callpost.model.configuration import Configuration, MetricGroup, Priority

_LONGEST_LIFE_S = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Reading:
    """A configuration that is in order, and what its sender should know of it."""

    configuration: Configuration
    warnings: tuple[Problem, ...]


def read(
    document: dict[str, Any],
    check: CheckDestination,
    known: Known,
    *,
    strict: bool = False,
    models: Collection[str] | None = None,
) -> Reading:
    """What `document` asks for, with every default filled in.

    check: whether a callback can be delivered. known: the definitions that the document may name.
    strict: what is unknown is an error, not a warning. models: that it may ask for, None: any.
    Raises Rejected with all problems.
    """
    cleaned = without_blanks(document)
    notes = Notes(CONFIGURATION, strict)
    root = notes.open(cleaned, "")
    configuration = _configuration(root, check, known, models)
    _refuse_what_nobody_may_miss(root)
    return Reading(configuration, notes.settle())


def _configuration(
    root: Section, check: CheckDestination, known: Known, models: Collection[str] | None
) -> Configuration:
    model, predictions = root.section("speechModel"), root.section("prediction")
    transcript = root.section("transcript")
    formatting, filtering = transcript.section("formatting"), transcript.section("contentFiltering")
    language, publish = speech.language(model), root.section("publish")
    return Configuration(
        language=language,
        model=speech.model(model, models),
        extensions=speech.extensions(model),
        features=speech.features(model),
        priority=root.choice("priority", Priority, 10009) or Priority.NORMAL,
        ingest=ingest.read(root.section("ingest")),
        vocabularies=vocabularies.read(root, known.vocabularies),
        classifiers=prediction.classifiers(predictions, language, known.classifiers),
        detectors=prediction.detectors(predictions, language),
        knowledge=_knowledge(root.section("knowledge")),
        spotting=spotting.read(root.section("spotting"), known.groups),
        categories=categories.read(root, known.categories),
        metrics=_metrics(root),
        speaker_sentiments=root.flag("speakerSentiments") or False,
        verb_noun_pairs=root.section("conversation").flag("verbNounPairsEnabled") or False,
        entities=root.section("entity").flag("enableEntityExtraction") or False,
        number_formatting=_unless_off(formatting.flag("enableNumberFormatting")),
        profanity_filtering=filtering.flag("enableProfanityFiltering") or False,
        callbacks=callbacks.read(publish, check),
        time_to_live_s=_time_to_live(root),
        searchable=_unless_off(root.section("searchability").flag("searchable")),
        analytic_indexing=publish.flag("enableAnalyticIndexing") or False,
        audio_transcode=transcode.read(publish.section("audioTranscode")),
    )


def _unless_off(flag: bool | None) -> bool:
    return flag is not False


def _knowledge(section: Section) -> bool:
    """On unless switched off: a callback without `include` promises every section."""
    section.known("enableExternalDataSources")
    return _unless_off(section.flag("enableDiscovery"))


def _metrics(root: Section) -> tuple[MetricGroup, ...]:
    found = []
    for item in root.sections("metrics"):
        name = item.text("metricGroupName") or ""
        if name in list(MetricGroup):
            found.append(MetricGroup(name))
        else:
            message = f"The metric group ({name}) is unknown. There are {', '.join(MetricGroup)}."
            item.notes.doubt(10008, message, item.place)
    return tuple(found)


def _time_to_live(root: Section) -> int | None:
    seconds = root.whole("timeToLiveInSeconds")
    if seconds is not None and not 0 <= seconds <= _LONGEST_LIFE_S:
        root.refuse(10007, f"A number of seconds from 0 to {_LONGEST_LIFE_S}.", "timeToLiveInSeconds")
        return None
    return seconds


def _refuse_what_nobody_may_miss(root: Section) -> None:
    """Known keys that change nothing, and two that must not be ignored: the caller relies on them."""
    root.known("additionalSpeechModels", "encryption")
    if "additionalSpeechModels" in root:
        root.refuse(10604, "Additional speech models are not supported.", "additionalSpeechModels")
    if "encryption" in root:
        message = "callpost cannot encrypt results for you yet; it must not pretend to. Remove this property."
        root.refuse(10501, message, "encryption")
