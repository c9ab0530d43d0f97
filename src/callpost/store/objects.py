"""The object store: recordings and reports, in a folder or in a bucket of the operator's own (by obstore)."""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, GenericError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, from_url

from callpost.errors import ConfigurationProblem, Problem, TooLarge

# The smallest part that S3 takes; two under way bound the memory of one upload to about 15 MB.
_PART_BYTES = 5 * 1024 * 1024
_PARTS_UNDER_WAY = 2
_CHUNK_BYTES = 256 * 1024

# What a store raises that is away, or will not have us; it may again, soon.
OUTAGE: Final = (GenericError, PermissionDeniedError, UnauthenticatedError)

# What an upload into a folder is called until it is whole: listings leave it out.
_UNFINISHED = re.compile(r"#\d+$")


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written. size: bytes; sha256: lower-case hex."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a listing. modified: when it was written, by the store's clock."""

    key: str
    modified: datetime


class _Measured:
    """Passes chunks on while it counts and hashes them."""

    def __init__(self, chunks: AsyncIterable[bytes], limit: int | None) -> None:
        self._chunks = chunks
        self._limit = limit
        self._hash = hashlib.sha256()
        self.size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self._limit is not None and self.size > self._limit:
                raise TooLarge(Problem(10800, f"The recording is larger than {self._limit} bytes."))
            self._hash.update(chunk)
            yield chunk

    def stored(self) -> Stored:
        return Stored(self.size, self._hash.hexdigest())


class Objects:
    """One store. Keys are relative, with forward slashes."""

    def __init__(self, url: str) -> None:
        """`url` is a folder (path or file: URL) or whatever obstore reads, as s3://bucket/prefix.

        Raises ConfigurationProblem where it is neither.
        """
        self.folder = _folder(url)
        try:
            self._store = LocalStore(self.folder, mkdir=True) if self.folder else from_url(url)
        except (BaseError, OSError, ValueError) as error:
            # obstore quotes the whole URL, which may hold a password.
            scheme = urlsplit(url).scheme or "a folder"
            raise ConfigurationProblem(
                f"CALLPOST_OBJECTS_URL ({scheme}) cannot be used: give a folder, or s3://bucket/prefix."
            ) from error

    async def put(self, key: str, chunks: AsyncIterable[bytes], *, limit: int | None = None) -> Stored:
        """Write a stream; nothing is left of it if the stream raises.

        Raises TooLarge once more than `limit` bytes have come.
        """
        measured = _Measured(chunks, limit)
        await obstore.put_async(
            self._store, key, measured, chunk_size=_PART_BYTES, max_concurrency=_PARTS_UNDER_WAY
        )
        await self._flush(key)
        return measured.stored()

    async def put_bytes(self, key: str, data: bytes) -> Stored:
        """Write one object whole."""
        await obstore.put_async(self._store, key, data)
        await self._flush(key)
        return Stored(len(data), hashlib.sha256(data).hexdigest())

    async def put_file(self, key: str, path: Path) -> Stored:
        """Write the contents of a local file."""
        return await self.put(key, _read(path))

    async def get_bytes(self, key: str) -> bytes:
        """The whole object. Raises KeyError where there is none."""
        result = await self._get(key)
        return bytes(await result.bytes_async())

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """The object in chunks. Raises KeyError where there is none."""
        result = await self._get(key)
        async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
            yield bytes(chunk)

    async def delete(self, prefix: str) -> None:
        """Remove every object below `prefix`/; none there is no error."""
        if self.folder is not None:
            await asyncio.to_thread(_remove, self.folder / prefix)
            return
        async for batch in obstore.list(self._store, prefix=prefix.rstrip("/") + "/"):
            await obstore.delete_async(self._store, [entry["path"] for entry in batch])

    async def entries(self, prefix: str) -> AsyncIterator[Sequence[Entry]]:
        """Every object below `prefix`/, some hundreds at a time."""
        async for batch in obstore.list(self._store, prefix=prefix.rstrip("/") + "/"):
            yield [Entry(entry["path"], entry["last_modified"]) for entry in batch]

    async def discard_unfinished(self, prefix: str, before: datetime) -> int:
        """Remove what uploads that were killed left below `prefix`/ of a folder before a moment; how many.

        In a bucket such parts are not seen at all: its own lifecycle rule removes them.
        """
        if self.folder is None:
            return 0
        return await asyncio.to_thread(_discard_unfinished, self.folder / prefix, before.timestamp())

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """A local file with the object's bytes: the file itself in a folder, a temporary copy elsewhere."""
        if self.folder is not None:
            yield self._existing(key)
            return
        with tempfile.TemporaryDirectory(prefix="callpost-") as folder:
            path = Path(folder) / Path(key).name
            with path.open("wb") as file:
                async for chunk in self.stream(key):
                    file.write(chunk)
            yield path

    async def _get(self, key: str) -> "obstore.GetResult":

        try:
            return await obstore.get_async(self._store, key)
        except FileNotFoundError as error:
            raise KeyError(key) from error

    def _existing(self, key: str) -> Path:
        path = cast("Path", self.folder) / key
        if not path.is_file():
            raise KeyError(key)
        return path

    async def _flush(self, key: str) -> None:
        """What was acknowledged must survive a power cut; a folder store does not see to that itself."""
        if self.folder is not None:
            await asyncio.to_thread(_sync, self.folder / key)


def _folder(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in url else Path(url).expanduser().absolute()


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk


def _remove(folder: Path) -> None:
    """Another process may be removing the same folder."""
    while folder.is_dir():
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _discard_unfinished(folder: Path, before: float) -> int:
    count = 0
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names if _UNFINISHED.search(name)):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()
                    count += 1
                    _remove_if_empty(path.parent)
    return count


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _sync(path: Path) -> None:
    for target in (path, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
