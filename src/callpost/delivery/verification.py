"""Checking receipts and manifests without callpost: with its public keys, and the objects. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from callpost.delivery import receipts
from callpost.delivery.receipts import Document

Keys = Sequence[tuple[str | None, bytes]]
"""Ids of keys, where they are known, and 32 raw bytes each."""

_PEM_END = "-----END PUBLIC KEY-----"


@dataclass(frozen=True, slots=True)
class ProvenObject:
    """An object as a receipt describes it. path: below the folder that the document is about. size: bytes."""

    path: str
    sha256: str
    size: int
    delivered_at: str


def public_keys(text: str) -> Keys:
    """Keys as GET /v3/receipts/public-keys answers them, or PEM texts one after the other, which have no ids.

    Raises ValueError where it is neither.
    """
    if text.lstrip().startswith("{"):
        try:
            return [(str(key["keyId"]), _raw(key["publicKey"])) for key in json.loads(text)["keys"]]
        except (KeyError, TypeError):
            raise ValueError("this is not what /v3/receipts/public-keys answers") from None
    return [(None, _raw(part + _PEM_END)) for part in text.split(_PEM_END) if part.strip()]


def is_signed(document: Document, keys: Keys) -> bool:
    """Whether the document is, as it stands, what the key that it names has signed."""
    named = document.get("signature", {}).get("keyId")
    return any(receipts.verify(document, key) for key_id, key in keys if key_id in (named, None))


def objects(document: Document) -> list[ProvenObject]:
    """The objects of a receipt, of the receipts of a recording or of a manifest, as they should be by now.

    Where one was replaced (by a processing of other results), the last delivery tells. What went elsewhere
    than into the document's folder is left out.
    """
    found: dict[str, ProvenObject] = {}
    for receipt in _receipts(document):
        path = _path(document, str(receipt.get("location", "")))
        proven = ProvenObject(path, receipt["sha256"], receipt["size"], receipt["dateDelivered"])
        if path and (path not in found or found[path].delivered_at <= proven.delivered_at):
            found[path] = proven
    return list(found.values())


def _receipts(document: Document) -> Iterator[Mapping[str, Any]]:
    recordings = document.get("recordings", [document])
    for recording in recordings:
        yield from (one for one in recording.get("deliveries", [recording]) if "sha256" in one)


def _path(document: Document, location: str) -> str:
    if "folder" in document:
        folder = f"{document['folder']}/"
        return location.removeprefix(folder) if location.startswith(folder) else ""
    return location.removeprefix("s3://").partition("/")[2] if location.startswith("s3://") else ""


def _raw(pem: str) -> bytes:
    try:
        key = load_pem_public_key(pem.strip().encode())
    except (UnsupportedAlgorithm, ValueError):
        raise ValueError("this is no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("this is no Ed25519 key")  # noqa: TRY004 - of what was written, not of a type
    return key.public_bytes_raw()
