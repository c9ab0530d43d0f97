"""Running the detectors and classifiers that a configuration names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from callpost.analysis import catalogue, classification, detection, personal, text_model, tongues
from callpost.analysis.attempts import Attempts
from callpost.analysis.catalogue import Model
from callpost.analysis.detection import Region, Scene
from callpost.analysis.reading import Reading
from callpost.analysis.text_model import UnusableModel
from callpost.model.configuration import Configuration, DetectionLevel, DetectorRequest, TrainedClassifier
from callpost.model.results import Classification, Detection, DetectorResult, Mention, Occurrence, Prediction
from callpost.model.transcript import Transcript

_CLASSIFIER, _DETECTOR, _REDACTION = 50001, 50006, 50009

StoredModels = Mapping[tuple[UUID, int], bytes]
"""The models of trained classifiers, by classifier and version, in the form of `text_model`."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one detector found; result is None where it could not look and every number was taken instead."""

    request: DetectorRequest
    result: DetectorResult | None
    regions: tuple[Region, ...]


class Evidence:
    """A transcript as the detectors see it: read when the first one asks, once for all."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript

    @cached_property
    def scene(self) -> Scene:
        return Scene.of(self.transcript)


def detect(evidence: Evidence, request: DetectorRequest, attempts: Attempts) -> Found | None:
    """None where the detector could not look. One that was to redact takes every number out then."""
    model = catalogue.find(catalogue.DETECTORS, request.name)
    regions = _regions(evidence, request, model, attempts)
    if model is not None and regions is not None:
        return Found(request, _result(model, regions), regions)
    if request.redactor is None:
        return None
    attempts.warn(_REDACTION, f"instead of what {request.name} finds, all numbers are redacted")
    return Found(request, None, tuple(_everything_numeric(evidence.transcript)))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is classified. spoken: the redacted words. delivered: the same in the form that the customer gets,
    which is what trained classifiers learned from. models: of those, as stored.
    """

    spoken: Transcript
    delivered: Transcript
    models: StoredModels


def predict(
    subject: Subject, configuration: Configuration, found: Iterable[Found], attempts: Attempts
) -> Prediction | None:
    """The section; None where neither classifiers nor detectors were asked for.

    A classifier that fails costs no other one; the section and the results say which, and why.
    """
    if not configuration.classifiers and not configuration.detectors:
        return None
    known = len(attempts.warnings)
    verdicts = [_classify(asked, subject, attempts) for asked in configuration.classifiers]
    return Prediction(
        tuple(verdict for verdict in verdicts if verdict is not None),
        tuple(entry.result for entry in found if entry.result is not None),
        errors=tuple(attempts.warnings[known:]),
    )


def _classify(asked: str | TrainedClassifier, subject: Subject, attempts: Attempts) -> Classification | None:
    if isinstance(asked, TrainedClassifier):
        return _classify_trained(asked, subject, attempts)
    return _classify_built_in(asked, subject.spoken, attempts)


def _classify_trained(
    asked: TrainedClassifier, subject: Subject, attempts: Attempts
) -> Classification | None:
    what = f"the classifier {asked.name} (version {asked.version})"
    data = subject.models.get((asked.classifier_id, asked.version))
    if data is None:
        attempts.warn(_CLASSIFIER, f"{what} was deleted")
        return None
    try:
        model = text_model.loads(data)
    except UnusableModel as error:
        attempts.warn(_CLASSIFIER, f"{what} cannot be used: {error}")
        return None
    return attempts.make(
        what,
        _CLASSIFIER,
        lambda: classification.classify_by(model, asked, subject.delivered),
        languages=None,
    )


def _classify_built_in(name: str, transcript: Transcript, attempts: Attempts) -> Classification | None:
    model = catalogue.find(catalogue.CLASSIFIERS, name)
    if model is None:
        attempts.warn(_CLASSIFIER, f"there is no classifier {name}")
        return None
    return attempts.make(
        f"the classifier {model.name}",
        _CLASSIFIER,
        lambda: classification.classify(model, transcript),
        languages=model.languages,
    )


def _regions(
    evidence: Evidence, request: DetectorRequest, model: Model | None, attempts: Attempts
) -> tuple[Region, ...] | None:
    if model is None:
        attempts.warn(_DETECTOR, f"there is no detector {request.name}")
        return None
    return attempts.make(
        f"the detector {model.name}",
        _DETECTOR,
        lambda: _looked(evidence, model, request.level),
        languages=model.languages,
    )


def _looked(evidence: Evidence, model: Model, level: DetectionLevel) -> tuple[Region, ...]:
    if model.name != "PII":
        return detection.detect(evidence.scene, model.name, level)
    with Reading(evidence.transcript) as reading:
        return personal.detect(evidence.scene, reading, level)


def _result(model: Model, regions: Sequence[Region]) -> DetectorResult:
    by_speaker: dict[str, list[Occurrence]] = {}
    for region in regions:
        by_speaker.setdefault(region.speaker, []).append(Occurrence(region.start_ms, region.end_ms, ""))
    mentions = tuple(Mention(speaker, tuple(found)) for speaker, found in by_speaker.items())
    detections = (Detection(model.classes[0][1], mentions),) if mentions else ()
    return DetectorResult(model.id, model.name, detections, model.display_name, model.version)


def _everything_numeric(transcript: Transcript) -> Iterator[Region]:
    """Every word with a digit in it or that says a number, in English where the language has no detectors."""
    tongue = tongues.of(transcript.language)
    for number, turn in enumerate(transcript.turns):
        said = {
            place
            for numeral in tongue.numerals([word.text for word in turn.words])
            for place in range(numeral.first, numeral.last + 1)
        }
        for place, word in enumerate(turn.words):
            if place in said or any(character.isdigit() for character in word.text):
                yield Region(turn.speaker, word.start_ms, word.end_ms, frozenset({(number, place)}))
