"""A large object in parts, each with its checksum; what was begun is given up when it fails.

Source: AWS, "Uploading and copying objects using multipart upload".
"""

import asyncio
import base64
import hashlib
import math
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from callpost.delivery import explain
from callpost.delivery.payload import Payload, of_bytes
from callpost.delivery.signing import Credentials
from callpost.network import Answer, Body, NoAnswer

if TYPE_CHECKING:
    from callpost.delivery.bucket import Buckets, Written

THRESHOLD_BYTES: Final = 64 * 1024 * 1024
_PART_BYTES = 16 * 1024 * 1024
_MOST_PARTS = 9000
_GIVING_UP_S = (0.0, 0.5, 2.0)
_UPLOAD_ID = re.compile(r"<UploadId>\s*([^<]+?)\s*</UploadId>")


async def put(
    buckets: "Buckets",
    written: "Written",
    credentials: Credentials,
    headers: Mapping[str, str],
    condition: Mapping[str, str],
) -> Answer:
    """The answer to the last request that was made. Raises NoAnswer."""
    begun = await buckets.call(
        "POST", written, credentials, {**headers, "x-amz-checksum-algorithm": "SHA256"}, query="uploads="
    )
    found = _UPLOAD_ID.search(begun.text)
    if begun.status != 200 or found is None:
        return begun
    upload = f"uploadId={quote(found[1], safe='-_.~')}"
    ended = False
    try:
        answer = await _send_parts(buckets, written, credentials, upload, condition)
        ended = answer.status == 200 and not explain.has_error(answer)
        return answer
    finally:
        if not ended:
            await asyncio.shield(_give_up(buckets, written, credentials, upload))


async def _give_up(buckets: "Buckets", written: "Written", credentials: Credentials, upload: str) -> None:
    """Clear away the parts, which their owner pays for and does not see: what failed once may fail again."""
    for wait_s in _GIVING_UP_S:
        await asyncio.sleep(wait_s)
        with suppress(NoAnswer):
            answer = await buckets.call("DELETE", written, credentials, query=upload)
            if answer.status < 500:
                return


async def _send_parts(
    buckets: "Buckets",
    written: "Written",
    credentials: Credentials,
    upload: str,
    condition: Mapping[str, str],
) -> Answer:
    done = []
    async for number, data in _parts(written.payload):
        part = of_bytes(data, None)
        checksum = {"x-amz-checksum-sha256": part.sha256_base64}
        query = f"partNumber={number}&{upload}"
        answer = await buckets.call("PUT", written, credentials, checksum, query=query, payload=part)
        if answer.status != 200:
            return answer
        done.append((number, answer.headers.get("etag", ""), part.sha256_base64))
    return await buckets.call("POST", written, credentials, condition, query=upload, payload=_ending(done))


def _ending(parts: list[tuple[int, str, str]]) -> Payload:
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><ChecksumSHA256>{checksum}</ChecksumSHA256></Part>"
        for number, etag, checksum in parts
    )
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    text = f'<CompleteMultipartUpload xmlns="{namespace}">{listed}</CompleteMultipartUpload>'
    return of_bytes(text.encode(), "application/xml")


async def _parts(payload: Payload) -> AsyncIterator[tuple[int, bytes]]:
    """Numbered parts of equal size, one in memory at a time; the whole is hashed on its way."""
    size = max(_PART_BYTES, math.ceil(payload.size / _MOST_PARTS))
    held, number, whole = bytearray(), 0, hashlib.sha256()
    async for chunk in _chunks(payload):
        held += chunk
        whole.update(chunk)
        while len(held) >= size:
            number += 1
            yield number, bytes(held[:size])
            del held[:size]
    if base64.b16encode(whole.digest()).decode().lower() != payload.sha256:
        raise NoAnswer("The recording in the object store is not the one that was stored.")
    yield number + 1, bytes(held)


async def _chunks(payload: Payload) -> AsyncIterator[bytes]:
    if isinstance(payload.body, Body):
        async for chunk in payload.body.chunks():
            yield chunk
    else:
        yield payload.body
