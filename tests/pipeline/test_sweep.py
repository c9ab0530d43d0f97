"""What interrupted uploads leave in the object store, and that it goes when it is old; real files."""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from callpost.model.configuration import Configuration
from callpost.model.media import Metadata, Submission
from callpost.pipeline.accept import Acceptance
from callpost.pipeline.expire import sweep
from callpost.store import organizations, reports
from callpost.store.database import Database
from callpost.store.objects import Objects
from callpost.store.organizations import Organization

NOW = datetime.now(UTC)
YESTERDAY = NOW - timedelta(days=1, minutes=1)

UPLOAD = """
import asyncio, sys
from callpost.store.objects import Objects

async def endless():
    while True:
        yield bytes(6_000_000)
        await asyncio.sleep(0.01)

asyncio.run(Objects(sys.argv[1]).put(sys.argv[2], endless()))
"""


def age(objects: Objects, key: str, written: datetime) -> None:
    """Pretend that an object was written then."""
    assert objects.folder is not None
    os.utime(objects.folder / key, (written.timestamp(), written.timestamp()))


async def store(objects: Objects, media_id: UUID, name: str, written: datetime) -> None:
    key = reports.stream_key(media_id, name)
    await objects.put_bytes(key, b"RIFF")
    age(objects, key, written)


def kept(objects: Objects) -> set[str]:
    """What lies in the store, unfinished uploads and empty folders included."""
    assert objects.folder is not None
    return {str(path.relative_to(objects.folder)) for path in objects.folder.rglob("*")} - {"installation"}


@pytest.fixture(autouse=True)
async def organization(database: Database) -> Organization:
    async with database.transaction() as connection:
        return await organizations.ensure_first(connection)


async def accepted(database: Database) -> UUID:
    media_id = uuid4()
    async with database.connection() as connection:
        organization = await organizations.first(connection)
    assert organization is not None
    await Acceptance(database).accept(
        media_id, organization, Submission(Configuration(), Metadata()), None, NOW
    )
    return media_id


async def test_old_objects_without_a_row_go_with_their_folder(database: Database, objects: Objects) -> None:
    orphan, known = uuid4(), await accepted(database)
    for name in ("original", "redacted-audio"):
        await store(objects, orphan, name, YESTERDAY)
    await store(objects, known, "original", YESTERDAY)
    assert await sweep(database, objects, NOW) == 1
    assert kept(objects) == {"media", f"media/{known}", f"media/{known}/original"}
    assert await sweep(database, objects, NOW) == 0


async def test_a_fresh_object_without_a_row_may_still_get_one(database: Database, objects: Objects) -> None:
    fresh, half_fresh = uuid4(), uuid4()
    await store(objects, fresh, "original", NOW - timedelta(hours=23))
    await store(objects, half_fresh, "original", YESTERDAY)
    await store(objects, half_fresh, "redacted-audio", NOW)
    before = kept(objects)
    assert await sweep(database, objects, NOW) == 0
    assert kept(objects) == before


async def test_what_is_not_named_as_a_recording_is_left_alone(database: Database, objects: Objects) -> None:
    await objects.put_bytes("media/notes/original", b"x")
    age(objects, "media/notes/original", YESTERDAY)
    assert await sweep(database, objects, NOW) == 0
    assert "media/notes/original" in kept(objects)


async def test_an_upload_killed_in_the_middle_is_removed_a_day_later(
    database: Database, objects: Objects
) -> None:
    media_id = uuid4()
    await kill_in_the_middle(objects, reports.stream_key(media_id, "original"))
    (left,) = (name for name in kept(objects) if "original" in name)
    assert await sweep(database, objects, NOW) == 0
    assert left in kept(objects)
    age(objects, left, YESTERDAY)
    assert await sweep(database, objects, NOW) == 1
    assert kept(objects) == {"media"}


async def test_an_unfinished_fetch_of_a_known_recording_goes_and_the_recording_stays(
    database: Database, objects: Objects
) -> None:
    known = await accepted(database)
    await store(objects, known, "original", YESTERDAY)
    await kill_in_the_middle(objects, reports.stream_key(known, "redacted-audio"))
    (left,) = (name for name in kept(objects) if "#" in name)
    age(objects, left, YESTERDAY)
    assert await sweep(database, objects, NOW) == 1
    assert kept(objects) == {"media", f"media/{known}", f"media/{known}/original"}


async def test_the_store_of_another_installation_is_left_alone(database: Database, objects: Objects) -> None:
    await objects.put_bytes("installation", str(uuid4()).encode())
    await store(objects, uuid4(), "original", YESTERDAY)
    before = kept(objects)
    assert await sweep(database, objects, NOW) == 0
    assert kept(objects) == before


async def test_two_workers_may_sweep_at_once(database: Database, objects: Objects) -> None:
    for _ in range(20):
        await store(objects, uuid4(), "original", YESTERDAY)
    await asyncio.gather(*(sweep(database, objects, NOW) for _ in range(2)))
    assert kept(objects) == {"media"}


async def test_a_bucket_is_swept_as_a_folder_is(database: Database) -> None:
    bucket = Objects("memory://")
    orphan, known = uuid4(), await accepted(database)
    for media_id in (orphan, known):
        await bucket.put_bytes(reports.stream_key(media_id, "original"), b"RIFF")
    assert await sweep(database, bucket, NOW) == 0
    assert await sweep(database, bucket, NOW + timedelta(days=2)) == 1
    assert await bucket.get_bytes(reports.stream_key(known, "original")) == b"RIFF"
    with pytest.raises(KeyError):
        await bucket.get_bytes(reports.stream_key(orphan, "original"))


async def kill_in_the_middle(objects: Objects, key: str) -> None:
    """Let another process upload, and kill it once there is something of the object."""
    assert objects.folder is not None
    folder = objects.folder
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", UPLOAD, str(folder), key)
    try:
        await until(lambda: has_begun(folder / key))
    finally:
        process.kill()
        await process.wait()


def has_begun(path: Path) -> bool:
    return any(part.stat().st_size for part in path.parent.glob(f"{path.name}#*"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
