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
class Subtopic:
    """A narrower subject within a topic. relevance: 0..1."""

    name: str
    relevance: float


@dataclass(frozen=True, slots=True)
class Topic:
    """Keywords that belong together. relevance: 0..1."""

    name: str
    relevance: float
    subtopics: tuple[Subtopic, ...]
    keywords: tuple[Keyword, ...]


@dataclass(frozen=True, slots=True)
class Knowledge:
    keywords: tuple[Keyword, ...] = ()
    topics: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Classification:
    """A classifier's verdict on the whole recording.

    score: 0..1 for the predicted class. type: "binary" or "multiclass".
    """

    classifier_id: str
    name: str
    display_name: str
    predicted_class: int
    predicted_label: str
    score: float
    version: str = "1"
    type: str = "binary"


@dataclass(frozen=True, slots=True)
class Detection:
    """Regions of one class that a detector found. label e.g. "pci"; one mention per speaker.

    The occurrences carry times only: `exact` is empty, lest a result repeat what a redactor takes out.
    """

    label: str
    mentions: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class DetectorResult:
    detector_id: str
    name: str
    detections: tuple[Detection, ...]
    display_name: str = ""
    version: str = "1"


@dataclass(frozen=True, slots=True)
class Prediction:
    """errors: why a classifier that was asked for has no verdict."""

    classifiers: tuple[Classification, ...] = ()
    detectors: tuple[DetectorResult, ...] = ()
    errors: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class SpottedGroup:
    """A group of key phrases. score: 0..1; keywords: those that were said, none where none was."""

    name: str
    score: float
    keywords: tuple[Keyword, ...]


@dataclass(frozen=True, slots=True)
class CategoryValue:
    """Whether the recording is of a category, as 1 or 0, and what was said that makes it so."""

    name: str
    value: int
    matches: tuple[Mention, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class MetricGroupValues:
    """The metrics of one group, in the order of the documentation."""

    name: str
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class SentimentValue:
    """What one turn feels like. value: -1 (very negative) .. 1 (very positive)."""

    start_ms: int
    end_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class SpeakerSentiment:
    speaker: str
    values: tuple[SentimentValue, ...]


@dataclass(frozen=True, slots=True)
class VerbNounPair:
    """A verb and its noun, both as lemmas; the negations as lemmas too ("not", "no"), None where affirmed."""

    start_ms: int
    end_ms: int
    verb: str
    noun: str
    verb_negation: str | None = None
    noun_negation: str | None = None
    question: bool = False


@dataclass(frozen=True, slots=True)
class SpeakerVerbNounPairs:
    speaker: str
    pairs: tuple[VerbNounPair, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    """Something named in the recording.

    type: location, person, organization, money, number, phone, time or date. text: as transcribed.
    formatted: in figures where that differs. cents: of money, whole units and cents together.
    """

    type: str
    text: str
    start_ms: int
    end_ms: int
    formatted: str | None = None
    cents: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """The sections. One that was not asked for is None; one that failed is None too and has a warning."""

    transcript: Transcript
    knowledge: Knowledge | None = None
    prediction: Prediction | None = None
    spotting: tuple[SpottedGroup, ...] | None = None
    categories: tuple[CategoryValue, ...] | None = None
    metrics: tuple[MetricGroupValues, ...] | None = None
    speaker_sentiments: tuple[SpeakerSentiment, ...] | None = None
    verb_noun_pairs: tuple[SpeakerVerbNounPairs, ...] | None = None
    entities: tuple[Entity, ...] | None = None
    streams: tuple[Stream, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Basis:
    """What a recording is processed again from.

    transcript: as recognised, or corrected; as delivered, where redactors have taken words out of it
    (redacted). heard: as recognised, where that was corrected and nothing taken out: the audio still says so.
    streams: as in the results. audio_redacted: what was taken out of the transcript is covered in the stream
    redacted-audio as well, so that this can be built upon.
    """

    transcript: Transcript
    streams: tuple[Stream, ...]
    redacted: bool = False
    audio_redacted: bool = True
    heard: Transcript | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A recording that has ended, as of that moment. results is None where it failed."""

    media: Media
    results: Results | None
