"""From a transcript to everything else: which sections are made, in what order, and what if one fails.

Detection and redaction come first; all sections are made from the redacted transcript.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from callpost.analysis import catalogue, classification, detection, knowledge, numbers, redaction
from callpost.analysis.detection import Region
from callpost.analysis.reading import Reading
from callpost.errors import Problem
from callpost.model.configuration import Configuration, DetectorRequest
from callpost.model.redaction import ToneRedaction
from callpost.model.results import (
    Classification,
    Detection,
    DetectorResult,
    Knowledge,
    Mention,
    Occurrence,
    Prediction,
    Results,
)
from callpost.model.transcript import Transcript

_log = structlog.get_logger()

T = TypeVar("T")

# docs/errors/errors.rst; the sections that have no code of their own there take that of a step that failed.
_KNOWLEDGE, _CLASSIFIER, _DETECTOR, _REDACTION, _OTHER = 40004, 50001, 50006, 50009, 90005


@dataclass(frozen=True, slots=True)
class Analysis:
    """results: without streams; transcript and sections redacted. redactions: what to do to the audio."""

    results: Results
    redactions: tuple[ToneRedaction, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What one detector found; result is None where it could not look and everything numeric was taken."""

    request: DetectorRequest
    result: DetectorResult | None
    regions: tuple[Region, ...]


def analyze(transcript: Transcript, configuration: Configuration) -> Analysis:
    """Every section that the configuration asks for and the language allows. Pure; models load on first use.

    A section that cannot be made is None, and the results have a warning with the documented code.
    """
    warnings: list[Problem] = []
    found = [found for request in configuration.detectors for found in _detect(transcript, request, warnings)]
    redactors = [(entry.request.redactor, entry.regions) for entry in found if entry.request.redactor]
    redacted = redaction.redact(transcript, redactors)
    reading = Reading(redacted)
    results = Results(
        transcript=redacted,
        knowledge=_knowledge(reading, configuration, warnings),
        prediction=_prediction(redacted, configuration, found, warnings),
    )
    return Analysis(replace(results, warnings=tuple(warnings)), redaction.tone_redactions(redactors))


def _attempt(section: str, code: int, make: Callable[[], T], warnings: list[Problem]) -> T | None:
    """The section, or None and a warning. What went wrong may quote the transcript: only its type is told."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - no section may cost the others
        _log.warning("analysis.failed", section=section, error=type(error).__name__, where=_where(error))
        warnings.append(Problem(code, f"{section} could not be made ({type(error).__name__})"))
        return None


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""


def _knowledge(reading: Reading, configuration: Configuration, warnings: list[Problem]) -> Knowledge | None:
    if not configuration.knowledge:
        return None
    if not _is_english(reading.transcript):
        warnings.append(_unsupported(_KNOWLEDGE, "knowledge discovery", reading.transcript))
        return None
    return _attempt("knowledge", _KNOWLEDGE, lambda: knowledge.knowledge(reading), warnings)


def _is_english(transcript: Transcript) -> bool:
    return transcript.language.partition("-")[0].casefold() == "en"


def _unsupported(code: int, what: str, transcript: Transcript) -> Problem:
    return Problem(code, f"{what} is not available for the language {transcript.language}")


def _prediction(
    transcript: Transcript, configuration: Configuration, found: Iterable[_Found], warnings: list[Problem]
) -> Prediction | None:
    if not configuration.classifiers and not configuration.detectors:
        return None
    verdicts = (_classify(name, transcript, warnings) for name in configuration.classifiers)
    return Prediction(
        tuple(verdict for verdict in verdicts if verdict is not None),
        tuple(entry.result for entry in found if entry.result is not None),
    )


def _classify(name: str, transcript: Transcript, warnings: list[Problem]) -> Classification | None:
    model = catalogue.find(catalogue.CLASSIFIERS, name)
    if model is None:
        warnings.append(Problem(_CLASSIFIER, f"there is no classifier {name}"))
        return None
    if not catalogue.speaks(model, transcript.language):
        warnings.append(_unsupported(_CLASSIFIER, f"the classifier {name}", transcript))
        return None
    return _attempt(
        f"classifier {name}", _CLASSIFIER, lambda: classification.classify(model, transcript), warnings
    )


def _detect(transcript: Transcript, request: DetectorRequest, warnings: list[Problem]) -> Iterator[_Found]:
    """What the detector finds. One that was to redact and cannot look takes every number out instead."""
    model = catalogue.find(catalogue.DETECTORS, request.name)
    regions = None
    if model is None:
        warnings.append(Problem(_DETECTOR, f"there is no detector {request.name}"))
    elif not catalogue.speaks(model, transcript.language):
        warnings.append(_unsupported(_DETECTOR, f"the detector {request.name}", transcript))
    else:
        regions = _attempt(
            f"detector {request.name}",
            _DETECTOR,
            lambda: detection.detect(transcript, model.name, request.level),
            warnings,
        )
    if regions is not None and model is not None:
        yield _Found(request, _detector_result(model, regions), regions)
    elif request.redactor is not None:
        warnings.append(
            Problem(_REDACTION, f"instead of what {request.name} finds, all numbers are redacted")
        )
        yield _Found(request, None, tuple(_everything_numeric(transcript)))


def _detector_result(model: catalogue.Model, regions: Sequence[Region]) -> DetectorResult:
    by_speaker: dict[str, list[Occurrence]] = {}
    for region in regions:
        by_speaker.setdefault(region.speaker, []).append(Occurrence(region.start_ms, region.end_ms, ""))
    mentions = tuple(Mention(speaker, tuple(found)) for speaker, found in by_speaker.items())
    detections = (Detection(model.classes[0][1], mentions),) if mentions else ()
    return DetectorResult(model.id, model.name, detections, model.display_name, model.version)


def _everything_numeric(transcript: Transcript) -> Iterator[Region]:
    """Every word with a digit in it or that says a number in English; needs no model and no language."""
    for number, turn in enumerate(transcript.turns):
        said = {
            place
            for numeral in numbers.numerals([word.text for word in turn.words])
            for place in range(numeral.first, numeral.last + 1)
        }
        for place, word in enumerate(turn.words):
            if place in said or any(character.isdigit() for character in word.text):
                yield Region(turn.speaker, word.start_ms, word.end_ms, frozenset({(number, place)}))
