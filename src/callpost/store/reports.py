"""Where everything about one recording lies in the object store, and its report as stored JSON."""

from collections.abc import Mapping
from itertools import count, takewhile
from uuid import UUID

import msgspec

from callpost.model.results import Basis, Report
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


def _basis_folder(media_id: UUID, run: int) -> str:
    return f"{folder(media_id)}/basis/{run}"


def _key(media_id: UUID) -> str:
    return f"{folder(media_id)}/report.json"


def _renderings_folder(media_id: UUID) -> str:
    return f"{folder(media_id)}/renderings"


async def save(objects: Objects, report: Report, renderings: Mapping[str, bytes] | None = None) -> None:
    """Store the report and, by name, what was rendered from it; earlier ones of the recording give way."""
    media_id = report.media.media_id
    # First of all: what was made from the report before must not be found beside this one.
    await objects.delete(_renderings_folder(media_id))
    await objects.put_bytes(_key(media_id), msgspec.json.encode(report))
    for name, data in (renderings or {}).items():
        await objects.put_bytes(f"{_renderings_folder(media_id)}/{name}", data)


async def load_rendering(objects: Objects, media_id: UUID, name: str) -> bytes:
    """What was rendered from the stored report under that name. Raises KeyError where nothing was."""
    return await objects.get_bytes(f"{_renderings_folder(media_id)}/{name}")


async def load(objects: Objects, media_id: UUID) -> Report:
    """The stored report. Raises KeyError where there is none."""
    return msgspec.json.decode(await objects.get_bytes(_key(media_id)), type=Report)


async def save_basis(objects: Objects, media_id: UUID, run: int, basis: Basis) -> None:
    """Keep what the processing after `run` will begin with."""
    await objects.put_bytes(f"{_basis_folder(media_id, run)}/basis.json", msgspec.json.encode(basis))


async def load_basis(objects: Objects, media_id: UUID, run: int) -> Basis | None:
    """What the processing after `run` begins with; None where `run` recognised nothing."""
    try:
        data = await objects.get_bytes(f"{_basis_folder(media_id, run)}/basis.json")
    except KeyError:
        return None
    return msgspec.json.decode(data, type=Basis)


def _parts_folder(media_id: UUID) -> str:
    return f"{folder(media_id)}/parts"


def _part_key(media_id: UUID, number: int) -> str:
    return f"{_parts_folder(media_id)}/{number}"


async def save_part(objects: Objects, media_id: UUID, number: int, data: bytes) -> None:
    """Keep what is finished of a recording on its way; whoever finishes the same part writes the same."""
    await objects.put_bytes(_part_key(media_id, number), data)


async def load_parts(objects: Objects, media_id: UUID) -> tuple[bytes, ...]:
    """The finished parts, from the first one on."""
    prefix = _parts_folder(media_id)
    there = {entry.key async for batch in objects.entries(prefix) for entry in batch}
    numbers = takewhile(lambda number: _part_key(media_id, number) in there, count(1))
    return tuple([await objects.get_bytes(_part_key(media_id, number)) for number in numbers])


async def drop_parts(objects: Objects, media_id: UUID) -> None:
    """Forget the parts, once the recording has ended: they say what a redactor has taken out."""
    await objects.delete(_parts_folder(media_id))


def _corrected_folder(media_id: UUID, corrected: UUID) -> str:
    return f"{folder(media_id)}/corrected/{corrected}"


async def save_corrected(objects: Objects, media_id: UUID, corrected: UUID, text: str) -> None:
    """Keep a corrected transcript until the processing that it came for has ended."""
    await objects.put_bytes(f"{_corrected_folder(media_id, corrected)}/transcript.txt", text.encode())


async def load_corrected(objects: Objects, media_id: UUID, corrected: UUID) -> str:
    """A corrected transcript. Raises KeyError where there is none."""
    return (await objects.get_bytes(f"{_corrected_folder(media_id, corrected)}/transcript.txt")).decode()


async def drop_corrected(objects: Objects, media_id: UUID, corrected: UUID) -> None:
    """Forget a corrected transcript: it may say what a redactor has taken out."""
    await objects.delete(_corrected_folder(media_id, corrected))


async def drop_bases(objects: Objects, media_id: UUID, before: int) -> None:
    """Forget what processings earlier than `before` left: a redactor may have taken out some of it since."""
    for run in range(1, before):
        await objects.delete(_basis_folder(media_id, run))
