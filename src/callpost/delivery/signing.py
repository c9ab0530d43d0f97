"""AWS Signature Version 4, for the few requests callpost makes; pure.

Source: AWS, "Create a signed AWS API request". Written out rather than taken from botocore so that the time
is an argument (a wrong clock can be corrected) and a signature costs microseconds; a test holds it against
botocore's.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key. token: of a session, which ends at `expires_at`; None: no end is known."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a signature holds."""

    region: str
    service: str


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    payload_sha256: str,
    credentials: Credentials,
    scope: Scope,
    now: datetime,
) -> dict[str, str]:
    """The headers to send: those given, all of them signed, and the authorization.

    `url` must be encoded as `quote_key` does, its query sorted by name. payload_sha256: lower-case hex.
    """
    parts = urlsplit(url)
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"host": parts.netloc, "x-amz-date": moment}
    if scope.service == "s3":
        signed["x-amz-content-sha256"] = payload_sha256
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signed))
    lines = [f"{name}:{signed[name]}" for name in sorted(signed)]
    canonical = "\n".join((method, parts.path or "/", parts.query, *lines, "", names, payload_sha256))
    place = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join((_ALGORITHM, moment, place, hashlib.sha256(canonical.encode()).hexdigest()))
    key = _key(credentials.secret_key, moment[:8], scope.region, scope.service)
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{credentials.access_key}/{place}"
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    )
    del signed["host"]
    return signed


def quote_key(key: str) -> str:
    """An object key as S3 encodes it in a path: slashes stay."""
    return quote(key, safe="/-_.~")


@lru_cache(maxsize=1024)
def _key(secret_key: str, day: str, region: str, service: str) -> bytes:
    found = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        found = hmac.new(found, part.encode(), hashlib.sha256).digest()
    return found
