"""A recording as the service knows it, from submission to expiry."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from callpost.errors import Problem
from callpost.model.configuration import Configuration


class MediaStatus(StrEnum):
    """The statuses of VoiceBase v3 (SW1)."""

    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (MediaStatus.FINISHED, MediaStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the customer sent about the recording; `document` is the part as it came, echoed verbatim."""

    document: dict[str, Any] = field(default_factory=dict)

    @property
    def external_id(self) -> str | None:
        return self.document.get("externalId")


@dataclass(frozen=True, slots=True)
class Submission:
    """A checked request to process a recording; its bytes travel beside it, or wait behind `media_url`.

    configuration_document: the configuration as it came (blanks and all), kept to be processed again.
    corrected: the text that is to take the place of what is recognised.
    """

    configuration: Configuration
    metadata: Metadata
    configuration_document: dict[str, Any] = field(default_factory=dict)
    media_url: str | None = None
    file_name: str | None = None
    content_type: str | None = None
    warnings: tuple[Problem, ...] = ()
    corrected: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Stream:
    """One stored rendition of the recording's audio.

    name: "original" or "redacted-audio". key: in callpost's own object store. size: bytes.
    extension: of the container, without a dot ("wav").
    """

    name: str
    key: str
    size: int
    sha256: str
    content_type: str
    extension: str


@dataclass(frozen=True, slots=True)
class Media:
    """One recording. length_ms is None until it was decoded."""

    media_id: UUID
    organization_id: UUID
    organization_name: str
    status: MediaStatus
    date_created: datetime
    metadata: Metadata = field(default_factory=Metadata)
    date_finished: datetime | None = None
    length_ms: int | None = None
    content_type: str | None = None
    file_name: str | None = None
    time_to_live_s: int | None = None
    expires_on: datetime | None = None
    errors: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far processing has come. done: 0..1 of the current step."""

    step: str
    done: float
