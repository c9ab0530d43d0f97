"""Links to audio that work without a token for 15 minutes (docs/how-to-guides/pci-ssn-pii-redaction.md)."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from uuid import UUID

from callpost.errors import Forbidden, Problem

VALID = timedelta(minutes=15)


def signed(api_url: str, media_id: UUID, stream: str, key: bytes, now: datetime) -> str:
    """The URL of a stream's bytes. key: the organization's, never shown to anybody."""
    expires = int((now + VALID).timestamp())
    query = urlencode({"expires": expires, "signature": _signature(media_id, stream, expires, key)})
    return f"{api_url}/v3/media/{media_id}/streams/{quote(stream, safe='')}/content?{query}"


@dataclass(frozen=True, slots=True)
class Signed:
    """The query of a link. expires: seconds since 1970."""

    expires: int
    signature: str = field(repr=False)


def require_valid(link: Signed, media_id: UUID, stream: str, key: bytes, now: datetime) -> None:
    """Raises Forbidden (10006) where the link was not made by `signed`, or has expired."""
    expected = _signature(media_id, stream, link.expires, key)
    if not hmac.compare_digest(expected.encode(), link.signature.encode("utf-8", "replace")):
        raise Forbidden(Problem(10006, "The link's signature is not valid."))
    if now.timestamp() >= link.expires:
        raise Forbidden(Problem(10006, "The link has expired. Ask for the streams again."))


def _signature(media_id: UUID, stream: str, expires: int, key: bytes) -> str:
    return hmac.new(key, f"{media_id}\n{stream}\n{expires}".encode(), hashlib.sha256).hexdigest()
