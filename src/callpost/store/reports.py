"""Where everything about one recording lies in the object store, and its report as stored JSON."""

from uuid import UUID

import msgspec

from callpost.model.results import Report
from callpost.store.objects import Objects

ROOT = "media"
"""Every recording lies below this key."""


def folder(media_id: UUID) -> str:
    """Everything of a recording lies below this key."""
    return f"{ROOT}/{media_id}"


def media_id(key: str) -> UUID | None:
    """Whose object it is; None for a key that is not one of ours."""
    _, _, below = key.partition(f"{ROOT}/")
    try:
        return UUID(below.partition("/")[0])
    except ValueError:
        return None


def stream_key(media_id: UUID, stream: str) -> str:
    """One stream's audio, as "original" or "redacted-audio"."""
    return f"{folder(media_id)}/{stream}"


def _key(media_id: UUID) -> str:
    return f"{folder(media_id)}/report.json"


async def save(objects: Objects, report: Report) -> None:
    """Store the report; an earlier one of the same recording gives way."""
    await objects.put_bytes(_key(report.media.media_id), msgspec.json.encode(report))


async def load(objects: Objects, media_id: UUID) -> Report:
    """The stored report. Raises KeyError where there is none."""
    return msgspec.json.decode(await objects.get_bytes(_key(media_id)), type=Report)
