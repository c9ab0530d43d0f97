"""Request bodies that are read whole: small JSON documents."""

from fastapi import Request

from callpost.errors import Problem, TooLarge

_LARGEST = 4 * 1024 * 1024


async def small_body(request: Request, largest: int = _LARGEST) -> bytes:
    """The body of a request. Raises TooLarge (10800) over `largest` bytes, 4 MiB unless said otherwise."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise TooLarge(Problem(10800, f"The request is larger than {largest} bytes."))
        chunks.append(chunk)
    return b"".join(chunks)
