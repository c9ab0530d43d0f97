"""A delivery: one object for one destination, from plan to proof."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from callpost.model.configuration import Callback


@dataclass(frozen=True, slots=True)
class HttpEndpoint:
    """An HTTP callback. method: POST or PUT."""

    url: str = field(repr=False)
    method: str
    host: str

    @property
    def key(self) -> str:
        """Names the destination for fairness, limits and history; never holds a secret."""
        return f"http:{self.host}"


class SignatureVersion(StrEnum):
    V2 = "v2"
    V4 = "v4"


@dataclass(frozen=True, slots=True)
class PresignedObject:
    """A pre-signed PUT: the URL goes out byte for byte.

    signed_type: the Content-Type the signature demands; None: none may be sent (SigV2 signed without one).
    signs_type: whether any Content-Type is part of the signature.
    """

    url: str = field(repr=False)
    host: str
    bucket: str | None
    object_key: str
    version: SignatureVersion
    expires_at: datetime
    signs_type: bool
    signed_type: str | None

    @property
    def key(self) -> str:
        return f"s3:{self.bucket or self.host}"


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """S3 Delivery by role. endpoint: scheme and host of a server that is not AWS, None: AWS.

    prefix: joined from the URL's own prefix and prependFolder, without slashes at its ends; may be empty.
    """

    bucket: str
    prefix: str
    role: str
    region: str | None = None
    endpoint: str | None = None

    @property
    def key(self) -> str:
        return f"s3:{self.bucket}"


Destination = HttpEndpoint | PresignedObject | BucketFolder


class DeliveryState(StrEnum):
    """PENDING covers waiting and under way: a lease on the row tells them apart."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that is planned and not stored yet.

    number: 1-based within the media, stable across retries. content_type: on the wire, None: send none.
    object_key: within the bucket, for role delivery; else None. destination_key: see `Destination.key`.
    """

    delivery_id: UUID
    media_id: UUID
    organization_id: UUID
    number: int
    callback: Callback
    destination_key: str
    content_type: str | None
    object_key: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of a delivered object. size: bytes. location: the URL or s3://bucket/key, without a signature.

    verified: how the destination's copy was compared ("etag", "checksum", "head", "none" for an endpoint
    that only answered 2xx).
    """

    location: str
    sha256: str
    size: int
    status: int
    delivered_at: datetime
    etag: str | None = None
    version_id: str | None = None
    encryption: str | None = None
    conditional: bool | None = None
    verified: str = "none"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery. tries: attempts that counted."""

    delivery_id: UUID
    media_id: UUID
    organization_id: UUID
    number: int
    callback: Callback
    destination_key: str
    content_type: str | None
    object_key: str | None
    state: DeliveryState
    due_at: datetime
    tries: int
    created_at: datetime
    ended_at: datetime | None
    receipt: Receipt | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The destination has the object."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Refused:
    """The destination answered, and not with success. retry_after_s: what it asked us to wait."""

    status: int
    reason: str
    excerpt: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No answer: the name, the connection, TLS or the time ran out."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Trying again cannot help: an expired URL, a wrong signature, a role that does not trust us."""

    reason: str
    status: int | None = None
    excerpt: str = ""
    remedy: str = ""


Outcome = Delivered | Refused | Unreachable | Hopeless


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, for the history. outcome: delivered, refused, unreachable, hopeless or interrupted."""

    delivery_id: UUID
    number: int
    started_at: datetime
    duration_ms: int
    outcome: str
    status: int | None = None
    reason: str = ""
    excerpt: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """Waits in seconds before each slot, the first being 0, and the tries made back to back in each.

    The default is the documented one (docs/how-to-guides/callbacks.rst): 7 slots of 3, the last 15 h 45 min
    after the first.
    """

    slots_s: tuple[int, ...] = (0, 900, 1800, 3600, 7200, 14400, 28800)
    tries_per_slot: int = 3

    @property
    def tries(self) -> int:
        return len(self.slots_s) * self.tries_per_slot
