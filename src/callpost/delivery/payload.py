"""What is sent: bytes rendered from the report, or a stream of the recording, and its digests."""

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from callpost.model.media import Stream
from callpost.network import Body
from callpost.store.objects import Objects

# A slow line must not be taken for a dead one: 64 KiB a second is enough.
_SLOWEST_BYTES_S = 65_536
_LEAST_TIMEOUT_S = 60.0


@dataclass(frozen=True)  # without slots, so that digests are kept
class Payload:
    """size: bytes. sha256: lower-case hex. content_type: None where none may be sent."""

    body: bytes | Body = field(repr=False)
    size: int
    sha256: str
    content_type: str | None

    @property
    def timeout_s(self) -> float:
        return _LEAST_TIMEOUT_S + self.size / _SLOWEST_BYTES_S

    @property
    def sha256_base64(self) -> str:
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @cached_property
    def md5(self) -> bytes | None:
        """Of bytes at hand, worked out when it is first asked for; None for what is streamed."""
        if isinstance(self.body, Body):
            return None
        return hashlib.md5(self.body, usedforsecurity=False).digest()


def of_bytes(data: bytes, content_type: str | None) -> Payload:
    """Bytes that are at hand."""
    return Payload(data, len(data), hashlib.sha256(data).hexdigest(), content_type)


def of_stream(objects: Objects, stream: Stream, content_type: str | None) -> Payload:
    """A recording, read from the object store in chunks as it is sent."""
    body = Body(stream.size, lambda: objects.stream(stream.key))
    return Payload(body, stream.size, stream.sha256, content_type)
