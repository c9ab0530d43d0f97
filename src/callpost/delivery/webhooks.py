"""Signatures of HTTP callbacks, by the Standard Webhooks specification (version 1.0.0, symmetric).

An endpoint that verifies them knows that a result comes from this callpost, unchanged and not long ago. They
are an addition: VoiceBase's callbacks carry none. The specification's own library signs a text that is in
memory, while recordings are bytes that are streamed; the tests verify with it what is signed here.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from callpost.delivery.payload import Payload
from callpost.network import Body

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> bytes:
    """A secret to sign with."""
    return secrets.token_bytes(_SECRET_BYTES)


def written(secret: bytes) -> str:
    """A secret as receivers' libraries take it."""
    return _PREFIX + base64.b64encode(secret).decode()


async def headers(message_id: str, now: datetime, payload: Payload, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers; one signature for each key, so that a receiver may change to the newest at leisure.

    message_id: the same for every attempt, so that a receiver can tell a repetition.
    """
    moment = str(int(now.timestamp()))
    beginning = f"{message_id}.{moment}.".encode()
    signers = [hmac.new(key, beginning, hashlib.sha256) for key in keys]
    if isinstance(payload.body, Body):
        async for chunk in payload.body.chunks():
            for signer in signers:
                signer.update(chunk)
    else:
        for signer in signers:
            signer.update(payload.body)
    found = {"webhook-id": message_id, "webhook-timestamp": moment}
    if signers:
        signatures = (base64.b64encode(signer.digest()).decode() for signer in signers)
        found["webhook-signature"] = " ".join(f"v1,{signature}" for signature in signatures)
    return found
