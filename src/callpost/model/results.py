"""What a recording yields. `Report` is what is stored once and what everything is rendered from."""

from dataclasses import dataclass

from callpost.errors import Problem
from callpost.model.media import Media, Stream
from callpost.model.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place in the recording, in milliseconds, and the words exactly as transcribed there."""

    start_ms: int
    end_ms: int
    exact: str


@dataclass(frozen=True, slots=True)
class Mention:
    """All occurrences of something in one speaker's words."""

    speaker: str
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Keyword:
    """relevance: 0..1, the most relevant keyword of the recording first."""

    keyword: str
    relevance: float
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """Keywords that belong together. relevance: 0..1."""

    name: str
    relevance: float
    subtopics: tuple[str, ...]
    keywords: tuple[Keyword, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    keywords: tuple[Keyword, ...] = ()
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """A classifier's verdict on the whole recording. score: 0..1 for the predicted class."""

    classifier_id: str
    name: str
    display_name: str
    predicted_class: int
    predicted_label: str
    score: float
    version: str = "1"


@dataclass(frozen=True, slots=True)
class Detection:
    """Regions of one class that a detector found. label e.g. "pci"; one mention per speaker."""

    label: str
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class DetectorResult:
    detector_id: str
    name: str
    detections: tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    classifiers: tuple[Classification, ...] = ()
    detectors: tuple[DetectorResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """The sections. One that failed is None and has a warning; the others are delivered all the same."""

    transcript: Transcript
    knowledge: Knowledge | None = None
    prediction: Prediction | None = None
    streams: tuple[Stream, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A recording that has ended, as of that moment. results is None where it failed."""

    media: Media
    results: Results | None
