"""Receipts that prove themselves: signed, so that a customer can show what was delivered, and when.

The signature is Ed25519 over the receipt in canonical JSON (RFC 8785 for the values that occur here: names
sorted, no blanks, UTF-8). It is made anew whenever it is asked for, and always the same.
"""

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from callpost.model.delivery import Delivery, Receipt
from callpost.model.proof import EndedDelivery, Manifest, Proof, ProofState

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """A key that signs. private: 32 raw bytes."""

    key_id: UUID
    private: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """32 raw bytes."""
        return self._key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def public_pem(self) -> str:
        """As OpenSSL and others read it."""
        return self._key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, data: bytes) -> bytes:
        return self._key().sign(data)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private)


def new_private_key() -> bytes:
    """32 raw bytes to sign with."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def document(delivery: Delivery) -> Document | None:
    """What a receipt says, without its signature; None where nothing was delivered."""
    if delivery.receipt is None:
        return None
    receipt = _present(_receipt(delivery.receipt))
    return {
        "deliveryId": str(delivery.delivery_id),
        "mediaId": str(delivery.media_id),
        "organizationId": str(delivery.organization_id),
        "number": delivery.number,
        "type": str(delivery.callback.type),
        "destination": delivery.destination_key,
        "dateCreated": _time(delivery.created_at),
        **receipt,
    }


def signed(content: Document, key: ReceiptKey) -> Document:
    """`content` with the signature beside it."""
    signature = base64.b64encode(key.sign(canonical(content))).decode()
    return {**content, "signature": {"algorithm": "Ed25519", "keyId": str(key.key_id), "value": signature}}


def verify(signed_document: Document, public: bytes) -> bool:
    """Whether a signed document is what the owner of the public key (32 raw bytes) signed."""
    content = {name: value for name, value in signed_document.items() if name != "signature"}
    try:
        value = base64.b64decode(signed_document["signature"]["value"])
        Ed25519PublicKey.from_public_bytes(public).verify(value, canonical(content))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


def recording(proof: Proof) -> Document:
    """What became of all deliveries of a recording, without the signature: `_receipts/{mediaId}.json`."""
    return {
        "document": "receipts",
        "organizationId": str(proof.organization_id),
        "folder": proof.folder,
        **_recording(proof),
    }


def manifest(found: Manifest, proofs: Sequence[Proof]) -> Document:
    """Everything of one day, delivered or not, without the signature: N accepted, N delivered."""
    counted = Counter(proof.state for proof in proofs)
    return {
        "document": "manifest",
        "organizationId": str(found.organization_id),
        "folder": found.folder,
        "date": found.day.isoformat(),
        "complete": not counted[ProofState.PENDING],
        "counts": {"accepted": len(proofs), **{state: counted[state] for state in ProofState}},
        "recordings": [_recording(proof) for proof in proofs],
    }


def canonical(content: Document) -> bytes:
    """The bytes that are signed."""
    return msgspec.json.encode(content, order="deterministic")


def _recording(proof: Proof) -> Document:
    account = proof.account
    return _present(
        {
            "mediaId": str(proof.media_id),
            "externalId": account.external_id if account else None,
            "status": proof.state,
            "mediaStatus": account.status if account else None,
            "dateAccepted": _time(proof.accepted_at),
            "dateEnded": _time(proof.ended_at) if proof.ended_at else None,
            "deliveries": [_ended(delivery) for delivery in account.deliveries] if account else [],
        }
    )


def _ended(delivery: EndedDelivery) -> Document:
    """The receipt, or the reason why there is none. The callback's URL stays out: it may be a secret."""
    return _present(
        {
            "deliveryId": str(delivery.delivery_id),
            "number": delivery.number,
            "type": delivery.type,
            "format": delivery.format,
            "stream": delivery.stream,
            "destination": delivery.destination_key,
            "status": delivery.state,
            "dateCreated": _time(delivery.created_at),
            "dateEnded": _time(delivery.ended_at) if delivery.ended_at else None,
            "attempts": delivery.attempts,
            "replayOf": str(delivery.replay_of) if delivery.replay_of else None,
            **(_receipt(delivery.receipt) if delivery.receipt else {"reason": delivery.reason}),
        }
    )


def _present(content: Mapping[str, Any]) -> Document:
    return {name: value for name, value in content.items() if value is not None}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "location": receipt.location,
        "sha256": receipt.sha256,
        "size": receipt.size,
        "httpStatus": receipt.status,
        "dateDelivered": _time(receipt.delivered_at),
        "etag": receipt.etag,
        "versionId": receipt.version_id,
        "encryption": receipt.encryption,
        "conditional": receipt.conditional,
        "verified": receipt.verified,
        "attempts": receipt.attempts,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
