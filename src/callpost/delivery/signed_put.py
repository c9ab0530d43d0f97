"""A result into the object that a pre-signed URL names."""

import base64
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from callpost.delivery import explain, presigned
from callpost.delivery.payload import Payload
from callpost.model.delivery import (
    Delivered,
    Hopeless,
    Outcome,
    PresignedObject,
    Receipt,
    Refused,
    SignatureVersion,
    Unreachable,
)
from callpost.network import AddressRefused, Answer, Network, NoAnswer, Request


async def put(
    network: Network, target: PresignedObject, payload: Payload, now: datetime, *, trusted: bool = False
) -> Outcome:
    """One PUT, with exactly what was signed. trusted: the operator named this server.

    A dfxp whose type does not fit the signature is sent once more as the other documented type: a refusal for
    the signature has written nothing.
    """
    if target.expires_at <= now:
        reason = f"The pre-signed URL expired at {target.expires_at:%Y-%m-%dT%H:%M:%SZ}."
        return Hopeless(reason, remedy="Put a fresh URL into the delivery.")
    try:
        answer = await network.send(_request(target, payload, trusted=trusted))
        other = presigned.other_type(payload.content_type)
        if other and explain.read_error(answer).code == "SignatureDoesNotMatch":
            answer = await network.send(
                _request(target, replace(payload, content_type=other), trusted=trusted)
            )
    except AddressRefused as error:
        return Hopeless(str(error))
    except NoAnswer as error:
        return Unreachable(str(error))
    return _outcome(target, payload, answer, now)


def _request(target: PresignedObject, payload: Payload, *, trusted: bool) -> Request:
    headers = dict(target.signed_headers)
    headers["Content-Length"] = str(payload.size)
    if payload.content_type is not None:
        headers["Content-Type"] = payload.content_type
    # SigV2 signs Content-MD5 even where there is none; SigV4 lets it be added.
    if target.version is SignatureVersion.V4 and (md5 := payload.md5):
        headers["Content-MD5"] = base64.b64encode(md5).decode()
    return Request("PUT", target.url, headers, payload.body, payload.timeout_s, trusted)


def _outcome(target: PresignedObject, payload: Payload, answer: Answer, now: datetime) -> Outcome:
    if answer.status == 412 and presigned.only_new(target):
        return _taken(payload, answer)
    if not 200 <= answer.status < 300 or explain.has_error(answer):
        return explain.presigned(answer, now, target.expires_at)
    etag = answer.headers.get("etag")
    known, given = compare_etag(payload, answer)
    if known and not given:
        return Refused(answer.status, "The destination's ETag is not that of what was sent.")
    receipt = Receipt(
        location=location(target),
        sha256=payload.sha256,
        size=payload.size,
        status=answer.status,
        delivered_at=now,
        etag=etag,
        version_id=answer.headers.get("x-amz-version-id"),
        encryption=answer.headers.get("x-amz-server-side-encryption"),
        verified="etag" if known else "none",
    )
    return Delivered(receipt)


def _taken(payload: Payload, answer: Answer) -> Hopeless:
    """Something is there, and a URL to write with does not show what. To call it delivered would be a guess:
    whether an earlier try has got through, whose answer was lost, is not known.
    """
    return Hopeless(
        "There is an object already, and the URL is signed to write only where there is none.",
        answer.status,
        explain.excerpt(answer),
        f"If its SHA-256 is {payload.sha256}, an earlier try has arrived, and all is well. If not, put a"
        " fresh URL into the delivery, for another key or without the condition.",
    )


def compare_etag(payload: Payload, answer: Answer) -> tuple[bool, bool]:
    """Whether the answer's ETag can be compared, and whether it is that of the payload.

    It is the MD5 of the object unless a KMS key or the customer's own key encrypts it (AWS, "Object": ETag).
    """
    etag = answer.headers.get("etag", "").strip('"').lower()
    kms = "kms" in answer.headers.get("x-amz-server-side-encryption", "")
    own_key = "x-amz-server-side-encryption-customer-algorithm" in answer.headers
    md5 = None if len(etag) != 32 or kms or own_key else payload.md5
    return md5 is not None, md5 is not None and etag == md5.hex()


def location(target: PresignedObject) -> str:
    """Where the object is, without the signature."""
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
