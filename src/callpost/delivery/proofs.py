"""Proof in the customer's own bucket: receipts of each recording, and a manifest of each day, both signed.

They are deliveries like any others (docs/decisions/0005-receipts-are-deliveries.md). Here is where they go,
when manifests are due, and what is sent: it depends on what is stored alone, so that a repeated attempt sends
the same bytes.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from callpost.delivery import destination, payload, receipts
from callpost.delivery.aws import Clock
from callpost.delivery.payload import Payload
from callpost.delivery.receipts import Document, ReceiptKey
from callpost.model.configuration import Callback, CallbackType
from callpost.model.delivery import BucketFolder, ClaimedDelivery, DeliveryKind, EndpointPolicy
from callpost.model.proof import ProofFolder
from callpost.store import deliveries, signing_keys
from callpost.store import proofs as store
from callpost.store.database import Database

FOLDER: Final = "_receipts"
_KEPT = timedelta(days=90)


def folders(
    media_id: UUID, callbacks: Iterable[Callback], policy: EndpointPolicy, day: date, *, default: bool = False
) -> tuple[ProofFolder, ...]:
    """The folders that ask for receipts, each once. default: of callbacks that say neither yes nor no."""
    found: dict[tuple[str, str], ProofFolder] = {}
    for number, callback in enumerate(callbacks):
        if not _wants_receipts(callback, default=default):
            continue
        target, _ = destination.read(callback, f"publish.callbacks[{number}]", policy)
        if isinstance(target, BucketFolder):
            found.setdefault((target.key, target.prefix), _folder(media_id, callback, target, day))
    return tuple(found.values())


async def plan_manifests(database: Database, now: datetime, schedule_s: float) -> int:
    """Plan the manifests that are due, and forget those that nobody can ask for any more; returns how many
    were planned. schedule_s: length of the operator's retry schedule.
    """
    async with database.transaction() as connection:
        await store.note_deleted(connection, now)
        due = await store.due_manifests(connection, now, schedule_s)
        await deliveries.insert(connection, due, now)
        await store.forget(connection, (now - _KEPT).date())
    return len(due)


class Proofs:
    """Makes what is sent of what the database holds."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def payload(self, claimed: ClaimedDelivery) -> Payload:
        """The signed document of such a delivery. Raises KeyError where there is nothing of it any more."""
        if claimed.kind is DeliveryKind.MANIFEST:
            content = await self.manifest(claimed.media_id)
        else:
            content = await self._receipts(claimed.delivery_id)
        return payload.of_bytes(receipts.canonical(await self.signed(content)), claimed.content_type)

    async def manifest(self, manifest_id: UUID) -> Document:
        """A manifest as it stands. Raises KeyError where there is none."""
        async with self._database.connection() as connection:
            found = await store.manifest(connection, manifest_id)
            listed = await store.of_manifest(connection, manifest_id)
        if found is None:
            raise KeyError(manifest_id)
        # A day may have many thousands of recordings, and every other delivery would stand still.
        return await asyncio.to_thread(receipts.manifest, found, listed)

    async def signed(self, content: Document) -> Document:
        """With the signature of the key in use."""
        async with self._database.transaction() as connection:
            fresh = receipts.new_private_key()
            key_id, private = await signing_keys.ensure(connection, fresh, self._clock())
        return receipts.signed(content, ReceiptKey(key_id, private))

    async def _receipts(self, delivery_id: UUID) -> Document:
        async with self._database.connection() as connection:
            proof = await store.of_receipts(connection, delivery_id)
        if proof is None:
            raise KeyError(delivery_id)
        return receipts.recording(proof)


def _wants_receipts(callback: Callback, *, default: bool) -> bool:
    by_role = bool(callback.role) or callback.s3_delivery
    asked = callback.s3_options.receipts if callback.s3_options else None
    return by_role and (default if asked is None else asked)


def _folder(media_id: UUID, callback: Callback, target: BucketFolder, day: date) -> ProofFolder:
    bare = Callback(
        callback.url,
        CallbackType.ANALYTICS,
        s3_delivery=True,
        role=callback.role,
        prepend_folder=callback.prepend_folder,
        s3_options=replace(target.options, key_template=None, receipts=None),
    )
    return ProofFolder(
        target.key,
        _below(f"s3://{target.bucket}", (target.prefix,)),
        bare,
        _below("", (target.prefix, FOLDER, f"{media_id}.json")),
        _below("", (target.prefix, FOLDER, "manifests", f"{day.isoformat()}.json")),
    )


def _below(start: str, parts: Sequence[str]) -> str:
    return "/".join(filter(None, (start, *parts)))
