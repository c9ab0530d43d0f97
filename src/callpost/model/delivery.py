"""A delivery: one object for one destination, from plan to proof."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from callpost.model.configuration import Callback, S3Options


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
    temporary: signed by a session that ends by itself, maybe before `expires_at`.
    signed_headers: further headers the signature demands, with the values the URL gives for them.
    """

    url: str = field(repr=False)
    host: str
    bucket: str | None
    object_key: str
    version: SignatureVersion
    expires_at: datetime
    signs_type: bool
    signed_type: str | None
    signed_headers: tuple[tuple[str, str], ...] = ()
    temporary: bool = False

    @property
    def key(self) -> str:
        return f"s3:{self.bucket or self.host}"


@dataclass(frozen=True, slots=True)
class BucketFolder:
    """S3 Delivery by role. endpoint: scheme and host of a server that is not AWS, None: AWS.

    prefix: joined from the URL's own prefix and prependFolder, without slashes at its ends; may be empty.
    bucket: a name, or the ARN of an access point. region: as the URL states it, None: to be found out.
    A FIPS host counts as an endpoint: what was asked for by name is kept. options: how to write there.
    """

    bucket: str
    prefix: str
    role: str
    region: str | None = None
    endpoint: str | None = None
    options: S3Options = field(default_factory=S3Options)

    @property
    def key(self) -> str:
        return f"s3:{self.endpoint}/{self.bucket}" if self.endpoint else f"s3:{self.bucket}"


Destination = HttpEndpoint | PresignedObject | BucketFolder


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Where the operator lets results go, and media be fetched from.

    allow_http: plain http for callbacks and mediaUrl. allow_private_networks: addresses that are not public
    (never link-local ones: the cloud metadata services live there). allowed_ports: None: every port.
    s3_endpoints: scheme, host and port of S3 servers that are not AWS and may be written to by role
    ("http://127.0.0.1:9000"); they are trusted, whatever their address.
    accept_untyped: take a SigV2 URL signed without a Content-Type instead of refusing it (60012).
    """

    allow_http: bool = False
    allow_private_networks: bool = False
    allowed_ports: frozenset[int] | None = frozenset({80, 443, 8080, 8443})
    s3_endpoints: tuple[str, ...] = ()
    accept_untyped: bool = False


class DeliveryState(StrEnum):
    """PENDING covers waiting and under way: a lease on the row tells them apart."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryKind(StrEnum):
    """RESULT: what a callback asks for. RECEIPTS, MANIFEST: proof of results, in the customer's bucket."""

    RESULT = "result"
    RECEIPTS = "receipts"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that is planned and not stored yet.

    media_id: of the recording; of a manifest, which is about many, its own id.
    number: 1-based within the media, stable across retries. content_type: on the wire, None: send none.
    object_key: within the bucket, for role delivery; else None. destination_key: see `Destination.key`.
    replay_of: the delivery whose results are sent once more.
    """

    delivery_id: UUID
    media_id: UUID
    organization_id: UUID
    number: int
    callback: Callback
    destination_key: str
    content_type: str | None
    object_key: str | None = None
    replay_of: UUID | None = None
    kind: DeliveryKind = DeliveryKind.RESULT


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of a delivered object. size: bytes. location: the URL or s3://bucket/key, without a signature.

    verified: how the destination's copy was compared ("etag", "checksum", "head", "none" for an endpoint
    that only answered 2xx). conditional: whether the write was refused by the server if the object had been
    there (If-None-Match), None: not known. attempts: made for it, this one included.
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
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A due delivery that one worker holds by a lease, to make one attempt.

    attempt: number of the attempt to be made, 1-based, interrupted ones included; it also fences the lease
    off. tries: attempts so far that counted. schedule: the organization's own, None: the operator's.
    ailing: the destination had failed when this was claimed, so that a success is news. trace: W3C context in
    which it was planned.
    """

    delivery_id: UUID
    media_id: UUID
    organization_id: UUID
    destination_id: int
    number: int
    callback: Callback
    destination_key: str
    content_type: str | None
    object_key: str | None
    tries: int
    attempt: int
    claimed_at: datetime
    due_at: datetime
    created_at: datetime
    schedule: "RetrySchedule | None" = None
    webhook_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    ailing: bool = False
    kind: DeliveryKind = DeliveryKind.RESULT
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored delivery. tries: attempts that counted; attempts: all of them, interrupted ones too."""

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
    attempts: int = 0
    replay_of: UUID | None = None
    kind: DeliveryKind = DeliveryKind.RESULT


@dataclass(frozen=True, slots=True)
class Delivered:
    """The destination has the object. warning: what the customer should mend all the same."""

    receipt: Receipt
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The destination answered, and not with success. retry_after_s: what it asked us to wait."""

    status: int
    reason: str
    excerpt: str = ""
    retry_after_s: float | None = None
    remedy: str = ""


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
    after the first. strict: spend every try, even where it is hopeless.
    """

    slots_s: tuple[int, ...] = (0, 900, 1800, 3600, 7200, 14400, 28800)
    tries_per_slot: int = 3
    strict: bool = False

    @property
    def tries(self) -> int:
        return len(self.slots_s) * self.tries_per_slot

    @property
    def length_s(self) -> int:
        """From the first try to the last slot, in seconds."""
        return sum(self.slots_s)


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """How one destination of an organization does.

    waiting: deliveries not ended. failures: in a row since the last success. closed_until: nothing goes out
    before. concurrency: requests at a time, None: the operator's default.
    """

    destination_key: str
    waiting: int
    oldest_due_at: datetime | None
    failures: int = 0
    failing_since: datetime | None = None
    closed_until: datetime | None = None
    paused_at: datetime | None = None
    concurrency: int | None = None
