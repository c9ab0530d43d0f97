from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from demo import customer
from demo.customer import Account

from callpost.errors import ConfigurationProblem, TooLarge
from callpost.store.objects import Objects

MEGABYTE = 1_000_000


async def chunks(count: int, *, then: Exception | None = None) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 256]) * MEGABYTE
    if then is not None:
        raise then


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(params=["folder", "s3"])
async def store(
    request: pytest.FixtureRequest, objects: Objects, account: Account, monkeypatch: pytest.MonkeyPatch
) -> Objects:
    """The same promises for a folder and for a bucket of the operator's own."""
    if request.param == "folder":
        return objects
    bucket = account.make_bucket(f"operator-{uuid4().hex[:12]}")
    key = account.make_user(customer.CUSTOMER_ACCOUNT, "s3:*", "*")
    environment = {**key.environment(), "AWS_ENDPOINT_URL": account.endpoint, "AWS_ALLOW_HTTP": "true"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Objects(f"s3://{bucket}/callpost")


async def test_a_stream_comes_back_as_it_was_and_is_measured(store: Objects) -> None:
    stored = await store.put("media/1/original", chunks(12))
    assert stored.size == 12 * MEGABYTE
    read = b"".join([chunk async for chunk in store.stream("media/1/original")])
    assert sha256(read).hexdigest() == stored.sha256
    assert read == await store.get_bytes("media/1/original")


async def test_a_broken_or_too_large_stream_cannot_be_read(store: Objects) -> None:
    with pytest.raises(ConnectionResetError):
        await store.put("media/1/original", chunks(12, then=ConnectionResetError()))
    with pytest.raises(TooLarge):
        await store.put("media/1/original", chunks(12), limit=7 * MEGABYTE)
    with pytest.raises(KeyError):
        await store.get_bytes("media/1/original")


@pytest.mark.parametrize("url", ["s4://bucket", "s3://"])
def test_a_store_that_cannot_be_is_the_operators_problem(url: str) -> None:
    with pytest.raises(ConfigurationProblem, match="CALLPOST_OBJECTS_URL"):
        Objects(url)


async def test_a_stream_that_breaks_leaves_nothing(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        await objects.put("media/1/original", chunks(12, then=ConnectionResetError()))
    assert files_below(tmp_path) == []


async def test_a_stream_over_the_limit_is_refused_and_leaves_nothing(
    objects: Objects, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge) as refusal:
        await objects.put("media/1/original", chunks(12), limit=7 * MEGABYTE)
    assert refusal.value.problems[0].code == 10800
    assert files_below(tmp_path) == []


async def test_delete_takes_everything_below_and_nothing_beside(store: Objects) -> None:
    for key in ("media/1/original", "media/1/report.json", "media/10/original"):
        await store.put_bytes(key, b"x")
    await store.delete("media/1")
    await store.delete("media/1")
    with pytest.raises(KeyError):
        await store.get_bytes("media/1/report.json")
    assert await store.get_bytes("media/10/original") == b"x"


async def test_a_local_file_is_the_object_itself_in_a_folder(objects: Objects) -> None:
    await objects.put_bytes("media/1/original", b"sound")
    async with objects.local("media/1/original") as path:
        assert path.read_bytes() == b"sound"
    with pytest.raises(KeyError):
        async with objects.local("media/2/original"):
            pass


async def test_an_object_store_that_is_no_folder_is_copied_for_local_use() -> None:
    memory = Objects("memory://")
    await memory.put("media/1/original", chunks(3))
    async with memory.local("media/1/original") as path:
        assert path.stat().st_size == 3 * MEGABYTE
    assert not path.exists()
