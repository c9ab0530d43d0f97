"""POST bodies: multipart/form-data or mixed, the recording streamed on while it arrives, the rest kept small.

Parts come in any order, with or without a file name and Content-Type (docs/how-to-guides, and what the Go,
Java, Python and Ruby clients really send); a boundary that the header leaves out is read off the first line.
"""

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import multipart
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from callpost.errors import Problem, Rejected, TooLarge

_MOST_PARTS = 32
_LONGEST_TEXT = 4 * 1024 * 1024
_LONGEST_BOUNDARY = 256
LARGEST_OVERHEAD = 4 * _LONGEST_TEXT
"""Bytes that a body may have beside its recording."""

_HEADER_CHARSET = "latin-1"  # reads any byte; names that are UTF-8 are put right afterwards

_ALIASES = {"file": "media"}  # the Go client's name for it
_TEXTS = frozenset({"configuration", "metadata", "mediaurl", "transcript"})
_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class _Head:
    """The headers of one part. name: in lower case, aliases resolved."""

    name: str
    file: "FilePart"
    charset: str | None
    transfer_encoding: str


Event: TypeAlias = "_Head | bytes | None"
"""The beginning of a part, some of its bytes, its end."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part that is kept in memory, as its bytes came."""

    data: bytes
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class FilePart:
    """What the recording's part says of itself; both may be wrong or missing."""

    file_name: str | None
    content_type: str | None


@dataclass(slots=True)
class Form:
    """The parts of one request. unknown: the names of those that mean nothing to us."""

    media: FilePart | None = None
    texts: dict[str, TextPart] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def text(self, name: str) -> TextPart | None:
        """A part by its name, in whatever case; None where it is missing or blank."""
        part = self.texts.get(name.lower())
        return part if part is not None and part.data.strip() else None


StoreMedia = Callable[[FilePart, AsyncIterator[bytes]], Awaitable[bool]]
"""Takes the recording's bytes as they arrive; False where there were none."""


class _Parser(PushMultipartParser):  # type: ignore[misc]  # the library is not typed
    """multipart/mixed names its parts as form-data does, under whatever disposition."""

    def _create_segment(self, headerlist: list[tuple[str, str]]) -> MultipartSegment:
        return MultipartSegment(headerlist)

    def events(self, chunk: bytes) -> Iterator[Event]:
        """What a chunk of the body brings; to be read to its end before the next chunk."""
        for event in self.parse(chunk):
            yield _head(event) if isinstance(event, MultipartSegment) else event


async def read(body: AsyncIterable[bytes], content_type: str, store: StoreMedia) -> Form:
    """Read a whole body; `store` gets the recording when its part comes.

    Raises Rejected: 10001 (not multipart, broken), 10206 (a kind of part twice), TooLarge (10800).
    Whatever `body` and `store` raise goes through.
    """
    form = Form()
    events = _events(body, content_type)
    try:
        async for event in events:
            if isinstance(event, _Head):
                await _receive(event, _payload(events), form, store)
    except MultipartError as error:
        raise _broken(str(error)) from None
    return form


async def _receive(head: _Head, payload: AsyncIterator[bytes], form: Form, store: StoreMedia) -> None:
    name = head.name
    if head.transfer_encoding not in _PLAIN_ENCODINGS:
        raise _broken(f"The part {name} has a Content-Transfer-Encoding; send the bytes as they are.")
    if name == "media":
        _refuse_second(name, present=form.media is not None)
        form.media = head.file if await store(head.file, payload) else None
    elif name in _TEXTS:
        _refuse_second(name, present=name in form.texts)
        form.texts[name] = TextPart(await _collect(payload, name), head.charset)
    else:
        form.unknown.append(name)
        async for _ in payload:
            pass


def _refuse_second(name: str, *, present: bool) -> None:
    if present:
        raise Rejected(Problem(10206, f"There are too many '{name}' attachments. The maximum is 1.", name))


async def _events(body: AsyncIterable[bytes], content_type: str) -> AsyncIterator[Event]:
    chunks = aiter(body)
    boundary, first = await _boundary(chunks, content_type)
    parser = _Parser(boundary, max_segment_count=_MOST_PARTS, header_charset=_HEADER_CHARSET)
    for event in parser.events(first) if first else ():
        yield event
    async for chunk in chunks:
        for event in parser.events(chunk) if chunk else ():
            yield event
    parser.close()


async def _boundary(chunks: AsyncIterator[bytes], content_type: str) -> tuple[str, bytes]:
    """The boundary, and what of the body was read to find it."""
    kind, options = multipart.parse_options_header(content_type)
    if kind and not kind.startswith("multipart/"):
        raise _broken(f"The body is {kind}, not multipart/form-data.")
    if boundary := options.get("boundary"):
        return boundary, b""
    first = b""
    async for chunk in chunks:
        first += chunk
        if b"\n" in first or len(first) > _LONGEST_BOUNDARY:
            break
    line = first.lstrip(b"\r\n").partition(b"\n")[0].rstrip()
    if not line.startswith(b"--") or not 2 < len(line) <= _LONGEST_BOUNDARY:
        raise _broken("There is no boundary, neither in the Content-Type nor in the body.")
    return line[2:].decode(_HEADER_CHARSET), first.lstrip(b"\r\n")


async def _payload(events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """The bytes of the part that has just begun."""
    async for event in events:
        if event is None:
            return
        if isinstance(event, bytes):
            yield event


async def _collect(payload: AsyncIterator[bytes], name: str) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in payload:
        size += len(chunk)
        if size > _LONGEST_TEXT:
            raise TooLarge(Problem(10800, f"The part is larger than {_LONGEST_TEXT} bytes.", name))
        chunks.append(chunk)
    return b"".join(chunks)


def _head(segment: MultipartSegment) -> _Head:
    """An attachment without a name goes by its file name."""
    file_name = _readable(segment.filename)
    given = (_readable(segment.name) or (file_name or "").partition(".")[0]).strip().lower()
    if not given:
        raise _broken("A part has no name.")
    return _Head(
        name=_ALIASES.get(given, given),
        file=FilePart(file_name, segment.content_type or None),
        charset=segment.charset,
        transfer_encoding=str(segment.header("Content-Transfer-Encoding", "")).strip().lower(),
    )


def _readable(text: str | None) -> str | None:
    """A header's text, which came as UTF-8 or, from old clients, as ISO-8859-1; without NULs."""
    if text is None:
        return None
    with contextlib.suppress(UnicodeError):
        text = text.encode(_HEADER_CHARSET).decode()
    return text.replace("\x00", "")


def _broken(reason: str) -> Rejected:
    return Rejected(Problem(10001, f"The request is not a valid http multipart request: {reason}"))
