"""Uploads over real connections: how much memory they take, and what is left when they break off."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from callpost.store import keys, organizations
from callpost.store.database import Database

MEBIBYTE = 1024 * 1024
HEAD = b'--b\r\nContent-Disposition: form-data; name="media"; filename="a.wav"\r\n\r\nRIFF\x00\x00\x00\x00'
TAIL = b"\r\n--b--\r\n"


@dataclass(frozen=True, slots=True)
class Server:
    """A server process. folder: its data."""

    port: int
    process: int
    token: str
    folder: Path

    def files(self) -> list[Path]:
        return [path for path in (self.folder / "objects").rglob("*") if path.is_file()]

    def memory(self, what: str) -> int:
        """VmRSS (now) or VmHWM (most so far), in bytes."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def head(self, length: int | None = None) -> bytes:
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = (
            *("POST /v3/media HTTP/1.1", "Host: callpost.test", f"Authorization: Bearer {self.token}"),
            *("Content-Type: multipart/form-data; boundary=b", framing, "", ""),
        )
        return "\r\n".join(lines).encode()


@asynccontextmanager
async def running(database: Database, folder: Path) -> AsyncIterator[Server]:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
        _, token = await keys.create(connection, organization.organization_id, "test", now=datetime.now(UTC))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        script = Path(__file__).with_name("api_server.py")
        descriptor = listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(script), database.url, str(folder), str(descriptor)), pass_fds=[descriptor]
        )
        server = Server(listener.getsockname()[1], process.pid, token, folder)
        try:
            await wait_until_up(server)
            yield server
        finally:
            process.terminate()
            await process.wait()


async def wait_until_up(server: Server) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        response = await client.get(f"http://127.0.0.1:{server.port}/v3/")
    assert response.status_code == 401


@pytest.fixture
async def server(database: Database, tmp_path: Path) -> AsyncIterator[Server]:
    async with running(database, tmp_path) as started:
        yield started


async def upload(server: Server, size: int) -> tuple[httpx.Response, str]:
    """Send a recording of `size` bytes; the answer, and the sha256 of what was sent."""
    digest = sha256(HEAD[HEAD.index(b"RIFF") :])
    block = bytes(range(256)) * 256

    async def body() -> AsyncIterator[bytes]:
        yield HEAD
        for _ in range(size // len(block)):
            digest.update(block)
            yield block
        yield TAIL

    headers = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    async with httpx.AsyncClient(timeout=120) as client:
        response = await client.post(
            f"http://127.0.0.1:{server.port}/v3/media", content=body(), headers=headers
        )
    return response, digest.hexdigest()


async def test_a_long_recording_is_never_held_in_memory(server: Server) -> None:
    await upload(server, MEBIBYTE)
    before = server.memory("VmRSS")
    response, digest = await upload(server, 200 * MEBIBYTE)
    assert response.status_code == 200
    kept = max(server.files(), key=lambda path: path.stat().st_size)
    assert sha256(kept.read_bytes()).hexdigest() == digest
    grown = server.memory("VmHWM") - before
    assert grown < 30 * MEBIBYTE


async def test_an_upload_that_breaks_off_leaves_nothing(server: Server, database: Database) -> None:
    for chunked in (True, False):
        head = server.head(None if chunked else 100 * MEBIBYTE)
        await send_and_leave(server, head, chunked=chunked)
    await until(lambda: server.log().count("status=499") == 2)
    assert server.files() == []
    assert await database.pool.fetchval("select count(*) from media") == 0


async def test_what_says_that_it_is_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(server.head(3_000_000_000).replace(b"Host:", b"Expect: 100-continue\r\nHost:"))
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 10)
    writer.transport.abort()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"10800" in answer


async def test_a_client_that_sends_on_still_reads_why_it_was_refused(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    part = HEAD.replace(b"RIFF\x00\x00\x00\x00", b"") + b"This is text. " * (2 * MEBIBYTE) + TAIL
    writer.write(server.head(len(part)) + part)
    await asyncio.wait_for(writer.drain(), 10)
    answer = await asyncio.wait_for(reader.readuntil(b"}"), 10)
    writer.transport.abort()
    assert b"10201" in answer
    assert server.files() == []


async def send_and_leave(server: Server, head: bytes, *, chunked: bool) -> None:
    """Begin an upload of some megabytes and close the connection in the middle of it."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    part = HEAD + bytes(12 * MEBIBYTE)
    writer.write(head + (f"{len(part):x}\r\n".encode() + part + b"\r\n" if chunked else part))
    await writer.drain()
    await until(lambda: bool(server.files()))
    writer.transport.abort()


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
