"""Delivering to one of the servers, over one of the transports, as a courier does."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fault_proxy import Fault, FaultProxy, well
from s3_servers import ABILITIES, TRANSPORTS, Address, Names, Server

from callpost.delivery import destination, payload, signed_put
from callpost.delivery.aws import Aws, Call
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.payload import Payload
from callpost.delivery.sessions import SessionKey, Sessions
from callpost.delivery.signing import Credentials, Scope
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import BucketFolder, Delivered, Outcome, PresignedObject, Receipt
from callpost.network import Body, Network

DATA = b'{"mediaId": "1"}'
ORGANIZATION = uuid4()
MEBIBYTE = 1024 * 1024
LARGE = 17 * MEBIBYTE  # two parts
JSON = {"ContentType": "application/json"}
KINDS: list[tuple[dict[str, Any], str]] = [
    ({}, "application/json"),
    ({"type": CallbackType.TRANSCRIPT, "format": TranscriptFormat.JSON}, "application/json"),
    ({"type": CallbackType.TRANSCRIPT, "format": TranscriptFormat.TEXT}, "text/plain"),
    ({"type": CallbackType.TRANSCRIPT, "format": TranscriptFormat.SRT}, "text/srt"),
    ({"type": CallbackType.TRANSCRIPT, "format": TranscriptFormat.WEBVTT}, "text/vtt"),
    ({"type": CallbackType.TRANSCRIPT, "format": TranscriptFormat.DFXP}, "application/ttaf+xml"),
    ({"type": CallbackType.MEDIA, "stream": "original"}, "application/octet-stream"),
]
NOBODY = "arn:aws:iam::999533888199:role/nobody"


def where(**abilities: bool) -> pytest.MarkDecorator:
    """Every server that has these abilities (or lacks them), over every transport."""
    names = [
        name
        for name, able in ABILITIES.items()
        if all(getattr(able, ability) is wanted for ability, wanted in abilities.items())
    ]
    places = [f"{name}-{transport}" for name in names for transport in TRANSPORTS]
    return pytest.mark.parametrize("place", places, indirect=True)


everywhere = where()
on_aws = pytest.mark.parametrize("place", ["ministack-tls"], indirect=True)


def receipt(outcome: Outcome) -> Receipt:
    assert isinstance(outcome, Delivered), outcome
    return outcome.receipt


class Standing:
    """The customer's own key in the place of a session, on a server that hands none out."""

    requests = 0

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def get(self, _key: SessionKey, _name: str) -> Credentials:
        return self._credentials

    def drop(self, key: SessionKey, used: Credentials) -> None:
        pass


@dataclass
class Place:
    """One server over one transport. clock_offset: how far callpost's clock is wrong. pauses: what was
    waited in the midst of attempts, in seconds, or would have been.
    """

    address: Address
    network: Network
    names: Names
    clock_offset: timedelta = timedelta()
    pauses: list[float] = field(default_factory=list)
    buckets: Buckets = field(init=False)
    sessions: Any = field(init=False)

    def __post_init__(self) -> None:
        requests = Aws(self.network, self.clock)
        callpost = self.server.callpost
        if callpost:
            own = Credentials(callpost.access_key_id, callpost.secret)
            self.sessions = Sessions(requests, self.address.endpoints, lambda: own, timeout_s=3)
        else:
            owner = self.server.owner
            self.sessions = Standing(Credentials(owner.access_key_id, owner.secret))
        self.buckets = Buckets(
            requests,
            self.sessions,
            self.address.endpoints,
            in_parts_over=8 * MEBIBYTE,
            pause=self._pause,
        )

    @property
    def server(self) -> Server:
        return self.address.server

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.clock_offset

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def read(self, url: str, **given: Any) -> PresignedObject:
        """What the product makes of a pre-signed URL."""
        target, _ = destination.read(Callback(url, **given), "publish.callbacks[0]", self.address.policy)
        assert isinstance(target, PresignedObject)
        return target

    async def put_signed(
        self, target: PresignedObject, sent: Payload | bytes = DATA, *, now: datetime | None = None
    ) -> Outcome:
        if isinstance(sent, bytes):
            sent = payload.of_bytes(sent, target.signed_type or "application/json")
        return await signed_put.put(self.network, target, sent, now or self.clock(), trusted=True)

    def folder(
        self, bucket: str, prefix: str = "", role: str | None = None, *, url: str | None = None, **given: Any
    ) -> BucketFolder:
        """What the product makes of a callback with a role, by default one made for ORGANIZATION."""
        if role is None:
            able = self.server.can.role
            role = self.server.make_role(bucket, str(ORGANIZATION)) if able else NOBODY
        url = url or f"{self.address.url}/{bucket}"
        callback = Callback(url, s3_delivery=True, role=role, prepend_folder=prefix, **given)
        target, _ = destination.read(callback, "publish.callbacks[0]", self.address.policy)
        assert isinstance(target, BucketFolder)
        return target

    async def ask_sts(self, body: bytes, own: Credentials) -> str:
        """What the server's own STS answers, past everything that is tested."""
        call = Call(
            "POST",
            f"http://127.0.0.1:{self.server.port}/",
            Scope("us-east-1", "sts"),
            {"content-type": "application/x-www-form-urlencoded"},
            body,
            hashlib.sha256(body).hexdigest(),
            trusted=True,
        )
        async with Network(self.address.policy) as network:
            return (await Aws(network, lambda: datetime.now(UTC)).send(call, own)).text

    async def put(
        self,
        folder: BucketFolder,
        sent: Payload | bytes = DATA,
        name: str = "analytics.json",
        who: UUID = ORGANIZATION,
    ) -> Outcome:
        if isinstance(sent, bytes):
            sent = payload.of_bytes(sent, "application/json")
        key = "/".join(filter(None, (folder.prefix, name)))
        return await self.buckets.put(Written(folder, key, sent, who, uuid4()))


class Way:
    """One of the two ways to put an object there; the same object, however often it is asked."""

    def __init__(self, place: Place, bucket: str, *, signed: bool) -> None:
        self.key = "analytics.json"
        self._place, self._bucket = place, bucket
        self._url = place.address.presign(bucket, self.key, **JSON) if signed else None
        self._folder = None if signed else place.folder(bucket)

    async def put(self, sent: Payload | bytes = DATA) -> Outcome:
        if self._folder is not None:
            return await self._place.put(self._folder, sent)
        return await self._place.put_signed(self._place.read(self._url or ""), sent)

    def meets(self, faults: FaultProxy, *given: Fault) -> None:
        """The next writes meet these, whatever is asked before them."""
        looks = self._folder is not None and not self._place.address.is_aws
        faults.fail(*((well, *given) if looks else given))

    def arrived(self) -> bool:
        return self._place.server.get(self._bucket, self.key) == DATA


def streamed(size: int, content_type: str | None = "application/octet-stream") -> Payload:
    """`size` bytes that are never in memory at once, no two pieces of them alike."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, size, 65_536):
            yield (hashlib.sha256(str(start).encode()).digest() * 2048)[: size - start]

    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces():
            yield piece

    digest = hashlib.sha256()
    for piece in pieces():
        digest.update(piece)
    return Payload(Body(size, chunks), size, digest.hexdigest(), content_type)


@dataclass(frozen=True, slots=True)
class Impatient(Payload):
    """What has to be taken at once."""

    @property
    def timeout_s(self) -> float:
        return 0.2


def impatient(data: bytes = DATA) -> Impatient:
    return Impatient(data, len(data), hashlib.sha256(data).hexdigest(), "application/json")
