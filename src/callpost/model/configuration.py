"""What the customer asks for with a recording: the configuration document, read and checked.

Names follow the v3 document; the document itself is read in `api/configuration.py`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """How one channel of the recording is to be read. ignore: leave it out of recognition."""

    speaker_name: str
    speaker_role: str | None = None
    ignore: bool = False


@dataclass(frozen=True, slots=True)
class TrackSpec:
    """The channels of one audio track of a container. index: 0-based among the audio streams."""

    index: int
    channels: tuple[ChannelSpec, ...]


@dataclass(frozen=True, slots=True)
class Ingest:
    """One speaker for the mixed-down recording, or the channels of its tracks; empty: as the recording is.

    diarize: tell the speakers of a mixed-down recording apart by their voices.
    """

    speaker: ChannelSpec | None = None
    tracks: tuple[TrackSpec, ...] = ()
    diarize: bool = False


@dataclass(frozen=True, slots=True)
class ExpectedTerm:
    """A word or phrase that will be said. sounds_like: how it may be heard, each written as the term.

    weight: 0 to 5; the heavier, the more readily something is taken for the term. script: it is a whole
    sentence; what is expected of it are its rare words.
    """

    text: str
    sounds_like: tuple[str, ...] = ()
    weight: int = 0
    script: bool = False


@dataclass(frozen=True, slots=True)
class AdHocVocabulary:
    """Terms that the recogniser should expect, given with the recording, most important first.

    A plain text is a term of a configuration that was stored before terms had more than that.
    """

    terms: tuple[ExpectedTerm | str, ...]

    @property
    def expected(self) -> tuple[ExpectedTerm, ...]:
        return tuple(ExpectedTerm(term) if isinstance(term, str) else term for term in self.terms)


@dataclass(frozen=True, slots=True)
class Redactor:
    """What takes the place of a detected region. tone_hz: of the audio tone; gain: 0..1 of full scale.

    replacement is None where the transcript, tone_hz where the audio is not to be redacted.
    """

    replacement: str | None = None
    tone_hz: int | None = None
    gain: float = 0.5


class DetectionLevel(StrEnum):
    """How wide a detector's region is (HTG:pci-detection)."""

    ENTIRE_REGION = "entireRegion"
    PROBABLE_NUMBERS = "probableNumbers"
    NUMBERS_ONLY = "numbersOnly"


@dataclass(frozen=True, slots=True)
class DetectorRequest:
    """name: PCI, SSN, Number (and their -Spanish forms where supported)."""

    name: str
    level: DetectionLevel = DetectionLevel.ENTIRE_REGION
    redactor: Redactor | None = None


@dataclass(frozen=True, slots=True)
class TrainedClassifier:
    """One version of a classifier that the organization trained, found when the recording came in."""

    classifier_id: UUID
    name: str
    display_name: str
    version: int


@dataclass(frozen=True, slots=True)
class SpottingGroup:
    """Key phrases to look for: the definition as it was when the recording was accepted."""

    name: str
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Category:
    """What makes a recording one of a kind: its VBQL query as it was when the recording was accepted."""

    name: str
    query: str


class MetricGroup(StrEnum):
    """The metric groups of docs/how-to-guides/conversation-metrics.md."""

    OVERTALK = "overtalk"
    SENTIMENT = "sentiment"
    TALK_STYLE = "talk-style-tone-and-volume"
    TALK_TIME = "talk-time-and-rate"


class CallbackType(StrEnum):
    ANALYTICS = "analytics"
    TRANSCRIPT = "transcript"
    MEDIA = "media"


class TranscriptFormat(StrEnum):
    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    WEBVTT = "webvtt"
    DFXP = "dfxp"


@dataclass(frozen=True, slots=True)
class S3Options:
    """How the objects of a role delivery are to be written; what is not asked for is the bucket's own way.

    kms_key_id: id, alias or ARN of the KMS key that encrypts them (SSE-KMS). bucket_owner_full_control: the
    ACL of that name. expected_bucket_owner: AWS account (12 digits) without which nothing is written.
    tags: of each object. key_template: see `delivery.object_key`, None: the operator's.
    receipts: write receipts and daily manifests beside the objects, None: as the operator chose.
    """

    kms_key_id: str | None = None
    bucket_owner_full_control: bool = False
    expected_bucket_owner: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    key_template: str | None = None
    receipts: bool | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """One element of publish.callbacks: what goes where. Its URL may be a secret: never log it.

    method: "POST" or "PUT" where one was asked for. include: sections of an analytics callback, None: all.
    stream: "original" or "redacted-audio" for media. fraction_digits: of the seconds in SubRip, None: two.
    """

    url: str = field(repr=False)
    type: CallbackType = CallbackType.ANALYTICS
    method: str | None = None
    format: TranscriptFormat | None = None
    include: tuple[str, ...] | None = None
    stream: str | None = None
    s3_delivery: bool = False
    role: str | None = None
    prepend_folder: str | None = None
    s3_options: S3Options | None = None
    fraction_digits: int | None = None


class AudioFormat(StrEnum):
    """publish.audioTranscode.fileFormat (docs/how-to-guides/transcoding.md)."""

    WAV = "wav"
    MP3 = "mp3"
    FLAC = "flac"
    OPUS = "opus"
    OGG = "ogg"


@dataclass(frozen=True, slots=True)
class AudioTranscode:
    """In which format the streams are delivered. codec: pcm, mulaw, alaw, mp3, flac or opus.

    only_if_redacted: the redacted audio alone.
    """

    format: AudioFormat
    codec: str
    only_if_redacted: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """The whole document, with every default filled in.

    language: BCP 47 as VoiceBase writes it. model: a recognition model by name, None: the operator's choice.
    time_to_live_s: seconds after processing and all deliveries; None: kept until deleted.

    searchable: GET /v3/media?query= may find it (searchability.searchable). analytic_indexing: so may VBQL
    (publish.enableAnalyticIndexing).

    What the analysis does, and the keys of the document that say so:
    classifiers (prediction.classifiers[].classifierName or classifierId; those built in by name),
    detectors (prediction.detectors), knowledge (knowledge.enableDiscovery),
    spotting (spotting.groups, looked up by name),
    categories (categories[], looked up by name), metrics (metrics[].metricGroupName),
    speaker_sentiments (speakerSentiments),
    verb_noun_pairs (conversation.verbNounPairsEnabled), entities (entity.enableEntityExtraction),
    number_formatting (transcript.formatting.enableNumberFormatting),
    profanity_filtering (transcript.contentFiltering.enableProfanityFiltering).

    audio_transcode: publish.audioTranscode; None: audio is delivered as it came.
    corrected: by which id the corrected transcript is stored that came with the configuration.
    """

    language: str = "en-US"
    model: str | None = None
    extensions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    ingest: Ingest = field(default_factory=Ingest)
    vocabularies: tuple[AdHocVocabulary, ...] = ()
    classifiers: tuple[str | TrainedClassifier, ...] = ()
    detectors: tuple[DetectorRequest, ...] = ()
    knowledge: bool = True
    spotting: tuple[SpottingGroup, ...] = ()
    categories: tuple[Category, ...] = ()
    metrics: tuple[MetricGroup, ...] = ()
    speaker_sentiments: bool = False
    verb_noun_pairs: bool = False
    entities: bool = False
    number_formatting: bool = True
    profanity_filtering: bool = False
    callbacks: tuple[Callback, ...] = ()
    time_to_live_s: int | None = None
    searchable: bool = True
    analytic_indexing: bool = False
    audio_transcode: AudioTranscode | None = None
    corrected: UUID | None = None
