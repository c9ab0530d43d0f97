"""Multipart bodies, cut into chunks wherever the network pleases."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callpost.api.reading import multipart, upload
from callpost.api.reading.multipart import FilePart, Form
from callpost.errors import Rejected

MEDIA = b"\r\n--c\r\n\r--b\r\n-- RIFF" + bytes(range(256))  # what nearly ends the part, and does not
BODY = b"\r\n".join(
    (
        *(b"--b", b'Content-Disposition: form-data; name="configuration"', b"", b"{}"),
        *(b"--b", b'Content-Disposition: form-data; name="media"; filename="Z\xc3\xbcrich.wav"', b"", MEDIA),
        *(
            b"--b",
            b"content-disposition: form-data; name=metadata",
            b"Content-Type: text/plain",
            b"",
            b'{"a":1}',
        ),
        *(b"--b--", b""),
    )
)

TEXTS = {"configuration": b"{}", "metadata": b'{"a":1}'}


async def chunked(body: bytes, cuts: Sequence[int]) -> AsyncIterator[bytes]:
    places = [0, *sorted(cuts), len(body)]
    for start, end in itertools.pairwise(places):
        yield body[start:end]


async def read(body: bytes, cuts: Sequence[int], content_type: str) -> tuple[Form, bytes]:
    received = b""

    async def store(part: FilePart, chunks: AsyncIterator[bytes]) -> bool:
        nonlocal received
        async for chunk in chunks:
            received += chunk
        return bool(received)

    form = await multipart.read(chunked(body, cuts), content_type, store)
    return form, received


@given(
    st.lists(st.integers(0, len(BODY)), max_size=20),
    st.sampled_from(
        ["multipart/form-data; boundary=b", 'multipart/form-data; boundary="b"', "multipart/mixed", ""]
    ),
)
def test_a_body_is_the_same_however_it_is_cut(cuts: list[int], content_type: str) -> None:
    form, received = asyncio.run(read(BODY, cuts, content_type))
    assert received == MEDIA
    assert form.media == FilePart("Zürich.wav", None)
    assert {name: part.data for name, part in form.texts.items()} == TEXTS


@given(st.binary(max_size=200), st.integers(0, len(BODY)))
def test_no_body_breaks_anything(noise: bytes, place: int) -> None:
    body = BODY[:place] + noise + BODY[place:]
    try:
        asyncio.run(read(body, (), "multipart/form-data; boundary=b"))
    except Rejected as refusal:
        codes = {problem.code for problem in refusal.problems}
        assert codes <= {10001, 10206}


async def test_a_body_that_stops_coming_is_given_up() -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"some"
        await asyncio.sleep(60)

    received = b""
    with pytest.raises(Rejected, match="Nothing more"):
        async for chunk in upload.steady(stalled(), 0.01):
            received += chunk
    assert received == b"some"
