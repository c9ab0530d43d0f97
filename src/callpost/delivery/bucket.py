"""An object into a customer's bucket, by a session with the customer's role.

The write is conditional (If-None-Match): the same delivery never makes a second version. Where the object is
there already it is compared, and only replaced if it is another one. A server that has not shown whether it
heeds the condition is asked for the object first. Each thing that can be mended on the
spot (an ended session, a wrong region, a server without conditional writes, SlowDown by a short wait) is
mended once; the rest is the schedule's.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode
from uuid import UUID

from callpost.delivery import aws, explain, hosts, multipart, session_policy
from callpost.delivery import url as urls
from callpost.delivery.aws import Aws, AwsEndpoints, Call
from callpost.delivery.payload import Payload
from callpost.delivery.sessions import NoSession, SessionKey, Sessions
from callpost.delivery.signed_put import compare_etag
from callpost.delivery.signing import Credentials, Scope, quote_key
from callpost.model.configuration import S3Options
from callpost.model.delivery import BucketFolder, Delivered, Outcome, Receipt, Refused, Unreachable
from callpost.network import Answer, NoAnswer

_ENDED = ("ExpiredToken", "InvalidToken", "ExpiredTokenException")
_OTHER_REGION = (
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "TemporaryRedirect",
    "IllegalLocationConstraint",
)
# S3 slows callers down while it spreads a busy prefix, mostly for an instant. Who asks for more than this is
# not waited for: the attempt holds one of the destination's few places.
_LONGEST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Written:
    """One object to be written, and for whom."""

    folder: BucketFolder
    key: str
    payload: Payload
    organization_id: UUID
    media_id: UUID


@dataclass(slots=True)
class _Try:
    """One delivery's way through the mendable failures. conditional: ask for the object not to be there.

    look: see first whether it is there. replaces: it is, and is another one.
    """

    conditional: bool
    look: bool
    mended: set[str]
    replaces: bool = False


class Buckets:
    """Writes objects; remembers the region of each bucket and which servers write conditionally."""

    def __init__(
        self,
        requests: Aws,
        sessions: Sessions,
        endpoints: AwsEndpoints | None = None,
        in_parts_over: int = multipart.THRESHOLD_BYTES,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """in_parts_over: bytes, from which on an object is written in parts. pause: waits, in seconds."""
        self._pause = pause
        self._in_parts_over = in_parts_over
        self._aws = requests
        self._sessions = sessions
        self._endpoints = endpoints or AwsEndpoints()
        self._regions: dict[str, str] = {}
        self._heeding: dict[str, bool] = {}

    async def put(self, written: Written) -> Outcome:
        """Write one object, and prove that it is there."""
        conditional = self._writes_conditionally(written.folder)
        # In parts, the condition is only answered when all of them are there.
        look = conditional is not True or written.payload.size > self._in_parts_over
        state = _Try(conditional is not False, look, set())
        try:
            return await self._put(written, state)
        except NoSession as refusal:
            return refusal.outcome
        except NoAnswer as error:
            return Unreachable(str(error))

    async def region(self, folder: BucketFolder) -> str:
        """The region to sign for: as remembered, as the URL says, or as S3 answers when asked.

        HeadBucket names it even to those who may not read the bucket. Raises NoAnswer.
        """
        if folder.endpoint and not folder.region:
            return "us-east-1"
        known = self._regions.get(folder.bucket) or folder.region
        if known is None:
            home = aws.home_region(aws.partition_of_role(folder.role))
            url = f"{self._endpoints.s3_of(home)}/{folder.bucket}"
            answer = await self._aws.ask("HEAD", url, trusted=self._endpoints.s3_trusted)
            found = answer.headers.get("x-amz-bucket-region", "")
            known = self._regions[folder.bucket] = found if hosts.is_region(found) else home
        return known

    async def call(
        self,
        method: str,
        written: Written,
        credentials: Credentials,
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        payload: Payload | None = None,
    ) -> Answer:
        """One signed request for the object. Raises NoAnswer."""
        region = await self.region(written.folder)
        call = Call(
            method,
            f"{self._object_url(written, region)}{'?' if query else ''}{query}",
            Scope(region, "s3"),
            {
                **_owner(written.folder),
                **(headers or {}),
                **({"content-length": str(payload.size)} if payload else {}),
            },
            payload.body if payload else b"",
            payload.sha256 if payload else aws.EMPTY_SHA256,
            payload.timeout_s if payload else 60.0,
            self._endpoints.s3_trusted or written.folder.endpoint is not None,
        )
        return await self._aws.send(call, credentials)

    async def write_once(self, written: Written, credentials: Credentials) -> Answer:
        """The plain answer to one conditional write, in the right region. Raises NoAnswer."""
        answer = await self._write(written, credentials, conditional=True)
        if self._cure(written.folder, answer) == "region":
            answer = await self._write(written, credentials, conditional=True)
        return answer

    def clock(self) -> datetime:
        return self._aws.clock()

    async def _put(self, written: Written, state: _Try) -> Outcome:
        while True:
            key = SessionKey(
                written.folder.role,
                written.organization_id,
                session_policy.writing(written.folder, written.key),
            )
            credentials = await self._sessions.get(key, str(written.media_id))
            if state.look and (same := await self._same_object(written, credentials, state)):
                return same
            answer = await self._write(written, credentials, conditional=state.conditional)
            if 200 <= answer.status < 300 and not explain.has_error(answer):
                return await self._delivered(written, credentials, state, answer)
            if answer.status == 412 and state.conditional:
                self._heeding[self._server(written.folder)] = True
                if same := await self._same_object(written, credentials, state):
                    return same
                # Another object has this key, or we may not look: what was asked for is what must be there.
                state.conditional, state.replaces = False, True
            elif (cure := self._cure(written.folder, answer)) and cure not in state.mended:
                await self._mend(cure, state, key, credentials, answer)
            else:
                return explain.by_role(answer, self._aws.clock(), written.folder.options)

    async def _mend(
        self, cure: str, state: _Try, key: SessionKey, credentials: Credentials, answer: Answer
    ) -> None:
        state.mended.add(cure)
        if cure == "session":
            self._sessions.drop(key, credentials)
        if cure == "condition":
            state.conditional = False
        if cure == "pause":
            await self._pause(self._wanted_pause_s(answer))

    async def _write(self, written: Written, credentials: Credentials, *, conditional: bool) -> Answer:
        headers = _object_headers(written.payload) | _asked_headers(written.folder.options)
        condition = {"if-none-match": "*"} if conditional else {}
        if written.payload.size > self._in_parts_over:
            return await multipart.put(self, written, credentials, headers, condition)
        checksum = {"x-amz-checksum-sha256": written.payload.sha256_base64}
        return await self.call(
            "PUT", written, credentials, {**headers, **checksum, **condition}, payload=written.payload
        )

    def _cure(self, folder: BucketFolder, answer: Answer) -> str | None:
        """What can be mended at once, and is mended here as far as it is ours to keep."""
        error = explain.read_error(answer)
        if error.code in _ENDED:
            return "session"
        if error.code == "SlowDown":
            return "pause" if self._wanted_pause_s(answer) <= _LONGEST_PAUSE_S else None
        if error.code == "NotImplemented" or answer.status == 501:
            self._heeding[self._server(folder)] = False
            return "condition"
        region = error.region or _region_of_redirect(answer)
        elsewhere = error.code in _OTHER_REGION or answer.status in (301, 307)
        if elsewhere and region and hosts.is_region(region) and not folder.endpoint:
            if self._regions.get(folder.bucket) == region:
                return None
            self._regions[folder.bucket] = region
            return "region"
        return None

    def _wanted_pause_s(self, answer: Answer) -> float:
        """As long as was asked for; else about a second, so that those who were refused together do not come
        back together.
        """
        asked = explain.retry_after(answer, self._aws.clock())
        return random.uniform(0.5, 1.5) if asked is None else asked  # noqa: S311 - no secret

    async def _delivered(
        self, written: Written, credentials: Credentials, state: _Try, answer: Answer
    ) -> Outcome:
        verified = _verified(written.payload, answer)
        if verified is None:
            return Refused(answer.status, "The destination's checksum is not that of what was sent.")
        if verified == "none":
            seen = await self.call("HEAD", written, credentials, {"x-amz-checksum-mode": "ENABLED"})
            verified = _head_verdict(written.payload, seen) or "none"
        if state.replaces and state.conditional:
            # Written although something was there: this server does not heed the condition.
            self._heeding[self._server(written.folder)] = False
        conditional = False if state.replaces else self._writes_conditionally(written.folder)
        return Delivered(self._receipt(written, answer, verified, conditional))

    async def _same_object(self, written: Written, credentials: Credentials, state: _Try) -> Delivered | None:
        """Success where the object that is there already is the one to be written."""
        seen = await self.call("HEAD", written, credentials, {"x-amz-checksum-mode": "ENABLED"})
        state.look, state.replaces = False, seen.status == 200
        verdict = _head_verdict(written.payload, seen)
        if verdict not in ("checksum", "etag"):
            return None
        conditional = self._writes_conditionally(written.folder)
        return Delivered(self._receipt(written, seen, verdict, conditional))

    def _receipt(self, written: Written, answer: Answer, verified: str, conditional: bool | None) -> Receipt:
        encryption = answer.headers.get("x-amz-server-side-encryption")
        key_id = answer.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
        return Receipt(
            location=f"s3://{written.folder.bucket}/{written.key}",
            sha256=written.payload.sha256,
            size=written.payload.size,
            status=answer.status,
            delivered_at=self._aws.clock(),
            etag=answer.headers.get("etag"),
            version_id=answer.headers.get("x-amz-version-id"),
            encryption=f"{encryption} {key_id}" if encryption and key_id else encryption,
            conditional=conditional,
            verified=verified,
        )

    def _object_url(self, written: Written, region: str) -> str:
        folder, key = written.folder, quote_key(written.key)
        if point := hosts.access_point_host(folder.bucket):
            return f"{folder.endpoint or f'https://{point}'}/{key}"
        return f"{folder.endpoint or self._endpoints.s3_of(region)}/{folder.bucket}/{key}"

    def _writes_conditionally(self, folder: BucketFolder) -> bool | None:
        """Whether the server heeds If-None-Match; None: it has not shown it yet. AWS does since 2024."""
        return self._heeding.get(self._server(folder), True if hosts.is_aws(folder.endpoint) else None)

    def _server(self, folder: BucketFolder) -> str:
        return folder.endpoint or "aws"


def _object_headers(payload: Payload) -> dict[str, str]:
    """sha256 as metadata too: a multipart object's own checksum is one of its parts' checksums."""
    headers = {"x-amz-meta-sha256": payload.sha256}
    return headers | ({"content-type": payload.content_type} if payload.content_type else {})


def _asked_headers(options: S3Options) -> dict[str, str]:
    """What the customer asks for at the creation of an object, in one piece or in parts."""
    headers = {}
    if options.kms_key_id:
        headers["x-amz-server-side-encryption"] = "aws:kms"
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = options.kms_key_id
    if options.bucket_owner_full_control:
        headers["x-amz-acl"] = "bucket-owner-full-control"
    if options.tags:
        headers["x-amz-tagging"] = urlencode(options.tags, quote_via=quote)
    return headers


def _owner(folder: BucketFolder) -> dict[str, str]:
    """S3 does nothing in a bucket of another account: a name that somebody else got hold of stays closed."""
    owner = folder.options.expected_bucket_owner
    return {"x-amz-expected-bucket-owner": owner} if owner else {}


def _verified(payload: Payload, answer: Answer) -> str | None:
    """How the answer to a write proves what is there; "none" where it does not, None where it is something
    else.
    """
    checksum = answer.headers.get("x-amz-checksum-sha256")
    if checksum and "-" not in checksum:
        return "checksum" if checksum == payload.sha256_base64 else None
    known, same = compare_etag(payload, answer)
    if known:
        return "etag" if same else None
    return "none"


def _head_verdict(payload: Payload, seen: Answer) -> str | None:
    """How far the object that is there can be told to be the payload; None where it is not, or is not
    shown.
    """
    if seen.status != 200 or seen.headers.get("content-length") != str(payload.size):
        return None
    verdict = _verified(payload, seen)
    if verdict == "none" and seen.headers.get("x-amz-meta-sha256"):
        return "checksum" if seen.headers["x-amz-meta-sha256"] == payload.sha256 else None
    return "head" if verdict == "none" else verdict


def _region_of_redirect(answer: Answer) -> str | None:
    """Where S3 sends a request for a new bucket; only ever to a host of AWS."""
    url = urls.parse(answer.headers.get("location", ""))
    place = hosts.bucket_of(url) if url else None
    return place.region if place else None
