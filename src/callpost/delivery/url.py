"""A URL taken apart without changing one byte of it."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST = 8192
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Url:
    """`text` is exactly what was given. host: lower-case, without user and port. path: still encoded."""

    text: str = field(repr=False)
    scheme: str
    host: str
    port: int | None
    path: str
    query: str = field(repr=False)
    has_user: bool

    @property
    def origin(self) -> str:
        """Scheme, host and port, as `EndpointPolicy.s3_endpoints` writes them."""
        return origin(self.scheme, self.host, self.port)

    @property
    def real_port(self) -> int | None:
        return self.port or _DEFAULT_PORTS.get(self.scheme)

    @property
    def authority(self) -> str:
        """Host and port for people to read."""
        return (
            self.host if self.port in (None, _DEFAULT_PORTS.get(self.scheme)) else f"{self.host}:{self.port}"
        )


@lru_cache(maxsize=256)
def parse(text: str) -> Url | None:
    """The parts of an absolute URL; None where it is not one.

    Kept for the few last ones: in the course of a delivery the same URLs are asked for again and again.
    """
    if len(text) > _LONGEST or _FORBIDDEN.search(text):
        return None
    try:
        parts = urlsplit(text)
        if parts.scheme == "s3":
            # What follows is a bucket or an ARN, whose colons are no port's.
            return Url(text, "s3", parts.netloc, None, parts.path, parts.query, "@" in parts.netloc)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or "\\" in parts.netloc:
        return None
    return Url(
        text, parts.scheme.lower(), host.rstrip("."), port, parts.path, parts.query, "@" in parts.netloc
    )


def origin(scheme: str, host: str, port: int | None) -> str:
    """Scheme, host and port, the port left out where it is the scheme's own; IPv6 in brackets."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{name}:{port}"
