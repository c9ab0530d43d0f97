"""The API as the commands use it: one caller, one address, errors as messages."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from callpost.errors import CallpostError

if TYPE_CHECKING:
    from callpost.cli.http_client import Client

Document = dict[str, Any]


class CommandFailed(CallpostError):
    """What was asked for did not come about; the message says why."""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator["Client"]:
    """The API at `url`, for the caller of CALLPOST_TOKEN. Raises ConfigurationProblem without one."""
    from callpost.cli.http_client import Client  # noqa: PLC0415 - it says why

    async with Client(url) as client:
        yield client


def quoted(part: str) -> str:
    """One part of a path, whatever somebody typed."""
    return quote(part, safe="")


class Upload(io.BufferedReader):
    """A file that tells how many bytes of it were read."""

    def __init__(self, path: Path, tell: Callable[[int], None]) -> None:
        super().__init__(io.FileIO(path))
        self.path = path
        self._tell = tell

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._tell(self.tell())
        return data
