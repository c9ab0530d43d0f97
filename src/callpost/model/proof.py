"""Proof in the customer's own bucket: what became of each recording, and of all that a day brought."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import DeliveryState, Receipt
from callpost.model.media import MediaStatus


class ProofState(StrEnum):
    """What became of a recording. DELETED: by the customer, before its deliveries had ended."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ProofFolder:
    """Where receipts and manifests are wanted. folder: s3://bucket/prefix. callback: whose role writes there.

    receipts_key: of the recording's receipts. manifest_key: of the list of the day on which it was accepted.
    """

    destination_key: str
    folder: str
    callback: Callback = field(repr=False)
    receipts_key: str
    manifest_key: str


@dataclass(frozen=True, slots=True)
class EndedDelivery:
    """How one delivery ended, as far as a bucket may hold it: a receipt, or the reason for having none."""

    delivery_id: UUID
    number: int
    type: CallbackType
    format: TranscriptFormat | None
    stream: str | None
    destination_key: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    ended_at: datetime | None
    receipt: Receipt | None
    reason: str | None
    replay_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a recording when all its deliveries had ended. status: of its processing."""

    status: MediaStatus
    external_id: str | None
    deliveries: tuple[EndedDelivery, ...]

    @property
    def state(self) -> ProofState:
        """Whether all that was to be delivered was; a failure is made good by a replay that succeeds."""
        made_good = {delivery.replay_of for delivery in self.deliveries}
        last = [delivery for delivery in self.deliveries if delivery.delivery_id not in made_good]
        delivered = last and all(delivery.state is DeliveryState.DELIVERED for delivery in last)
        return ProofState.DELIVERED if delivered else ProofState.FAILED


@dataclass(frozen=True, slots=True)
class Proof:
    """One recording for one folder. account: None while something of it is pending."""

    organization_id: UUID
    media_id: UUID
    folder: str
    accepted_at: datetime
    state: ProofState
    ended_at: datetime | None
    account: Account | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one day (UTC) brought for one folder. planned_at: when it was last to be delivered."""

    manifest_id: UUID
    organization_id: UUID
    day: date
    folder: str
    object_key: str
    destination_key: str
    planned_at: datetime | None
    counts: dict[ProofState, int]
