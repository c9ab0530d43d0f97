"""A recording on its way in: refused early if it cannot be one, else passed on to the object store."""

import asyncio
from collections.abc import AsyncIterator

from callpost.errors import Problem, Rejected

_ENOUGH_TO_TELL = 512

# What people post by mistake. Anything else is the recogniser's to judge, in its own process.
_NOT_MEDIA = {
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x7fELF": "a program",
}
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\f\r")


async def steady(chunks: AsyncIterator[bytes], patience_s: float) -> AsyncIterator[bytes]:
    """The chunks as long as they keep coming. Raises Rejected (10001) after `patience_s` without one."""
    try:
        while True:
            async with asyncio.timeout(patience_s):
                chunk = await anext(chunks)
            yield chunk
    except StopAsyncIteration:
        return
    except TimeoutError:
        message = f"Nothing more of the request came for {patience_s:.0f} seconds."
        raise Rejected(Problem(10001, message)) from None


async def recording(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, once their beginning was looked at. Raises Rejected (10201) where it is no recording."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= _ENOUGH_TO_TELL:
            break
    if reason := why_not_media(head):
        raise Rejected(Problem(10201, f"The media is {reason}, not a recording.", "media"))
    if head:
        yield head
    async for chunk in chunks:
        yield chunk


class Beginning:
    """Chunks on their way, the first of which is remembered. head: it, empty before it came."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self.head = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.head = self.head or chunk
            yield chunk


def why_not_media(head: bytes) -> str | None:
    """What the first bytes of a file show it to be instead of a recording; None where it may be one."""
    for magic, what in _NOT_MEDIA.items():
        if head.startswith(magic):
            return what
    return "text" if head and _is_text(head[:_ENOUGH_TO_TELL]) else None


def _is_text(head: bytes) -> bool:
    """No byte that text does not have, and valid UTF-8 but for a character cut off at the end."""
    if _CONTROL.intersection(head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True
