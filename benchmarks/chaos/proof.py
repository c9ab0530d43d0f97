"""The books are balanced: what was accepted against what is there, byte by byte and attempt by attempt."""

import base64
import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from benchmarks.chaos.client import Client, Document, Recording
from benchmarks.chaos.sink import Seen, Sink
from benchmarks.chaos.worker import words_of
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from demo.customer import Account

PRESIGNED, BY_ROLE, TRANSCRIPT, ENDPOINT = 1, 2, 3, 4
"""The numbers of the deliveries, as the callbacks stand in the configuration."""

_AT_ONCE = 4
_POLL_S = 1.0
_ENDED = ("finished", "failed")


@dataclass(frozen=True)
class Stored:
    """One version of one object."""

    sha256: str
    data: bytes


@dataclass
class Books:
    """What was found. violations: each says what should not be; none is the proof."""

    recordings: int = 0
    twice: int = 0
    deliveries: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    objects: int = 0
    presigned_again: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    second_versions: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def violations(self) -> list[str]:
        return [*self.lost, *self.wrong, *self.second_versions, *self.unexplained]


def media_of(client: Client, recordings: Mapping[str, Recording]) -> dict[str, Recording]:
    """Every recording that the API knows by the names that the client gave."""

    def ask(name: str) -> list[str]:
        return [media["mediaId"] for media in client.get("media", externalId=name)["media"]]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = zip(recordings.values(), pool.map(ask, recordings), strict=True)
        return {media_id: recording for recording, ids in found for media_id in ids}


def settled(client: Client, media: Mapping[str, Recording], within_s: float) -> bool:
    """Whether everything comes to an end in time."""
    deadline, open_media = time.monotonic() + within_s, set(media)
    while time.monotonic() < deadline:
        open_media = {
            one
            for one in open_media
            if client.get(f"media/{one}/progress")["progress"]["status"] not in _ENDED
        }
        if not open_media and not client.get("deliveries", status="pending", limit=1)["deliveries"]:
            return True
        time.sleep(_POLL_S)
    return False


class Auditor:
    """Compares. Everything is fetched over the API or from the customer's own bucket."""

    def __init__(self, client: Client, account: Account, bucket: str, sink: Sink) -> None:
        self.books = Books()
        self._client = client
        self._bucket = bucket
        self._versions = _versions(account, bucket)
        self._expected: set[str] = set()
        self._seen: dict[str, list[Seen]] = defaultdict(list)
        for request in list(sink.seen):
            self._seen[request.media_id].append(request)
        self._keys: dict[str, Any] = {}

    def audit(self, media: Mapping[str, Recording]) -> Books:
        ledger = self._client.ledger
        self.books.lost += [
            f"{one} was accepted and is gone" for one in ledger.accepted.keys() - media.keys()
        ]
        self.books.wrong += ledger.refused
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._recording, media, media.values()))
        names = Counter(recording.external_id for recording in media.values())
        self.books.twice = sum(count - 1 for count in names.values())
        strays = self._versions.keys() - self._expected
        self.books.wrong += [f"{key} is nobody's object" for key in strays]
        self.books.objects = len(self._versions)
        self.books.unexplained += [
            f"{one}: the endpoint was told of it" for one in self._seen.keys() - media.keys()
        ]
        return self.books

    def _recording(self, media_id: str, recording: Recording) -> None:
        books = self.books
        books.recordings += 1
        document = self._client.get(f"media/{media_id}")
        if document["status"] != "finished":
            books.lost.append(f"{media_id} is {document['status']}: {document.get('errors')}")
            return
        words = [word["w"] for word in document["transcript"]["words"] if word.get("m") != "turn"]
        if words[: len(words) - 1] != words_of(recording.data):
            books.wrong.append(f"{media_id}: other words than in its recording")
        deliveries = self._client.get(f"media/{media_id}/deliveries")["deliveries"]
        if [delivery["number"] for delivery in deliveries] != [PRESIGNED, BY_ROLE, TRANSCRIPT, ENDPOINT]:
            books.lost.append(f"{media_id}: has {len(deliveries)} deliveries")
        for delivery in deliveries:
            self._delivery(document, delivery)

    def _delivery(self, document: Document, delivery: Document) -> None:
        books, name = self.books, f"{delivery['mediaId']}/{delivery['number']}"
        books.deliveries += 1
        history = self._client.get(f"media/{delivery['mediaId']}/deliveries/{delivery['number']}")["history"]
        books.outcomes.update(attempt["outcome"] for attempt in history)
        if [attempt["number"] for attempt in history] != list(range(1, delivery["attempts"] + 1)):
            books.unexplained.append(f"{name}: gaps in the history")
        if delivery["status"] != "delivered":
            books.lost.append(f"{name} is {delivery['status']}: {delivery.get('reason')}")
            return
        if [attempt["outcome"] for attempt in history].count("delivered") != 1:
            books.unexplained.append(f"{name}: delivered, but not in one attempt")
        self._receipt(name, delivery)
        if delivery["number"] == ENDPOINT:
            self._endpoint(name, delivery, history)
        else:
            self._object(name, document, delivery)

    def _receipt(self, name: str, delivery: Document) -> None:
        proof = self._client.get(f"media/{delivery['mediaId']}/deliveries/{delivery['number']}/receipt")
        signature = proof.pop("signature")
        canonical = json.dumps(proof, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        try:
            self._key(signature["keyId"]).verify(base64.b64decode(signature["value"]), canonical)
        except InvalidSignature:
            self.books.wrong.append(f"{name}: the receipt's signature does not fit")
        if proof["sha256"] != delivery["receipt"]["sha256"] or proof["attempts"] != delivery["attempts"]:
            self.books.wrong.append(f"{name}: the receipt says something else than the delivery")

    def _key(self, key_id: str) -> Any:
        if key_id not in self._keys:  # made for the first receipt that somebody asked for
            for key in self._client.get("receipts/public-keys")["keys"]:
                self._keys[key["keyId"]] = load_pem_public_key(key["publicKey"].encode())
        return self._keys[key_id]

    def _endpoint(self, name: str, delivery: Document, history: list[Document]) -> None:
        """Every request that the endpoint saw is one attempt of the history, ended as that says."""
        books, requests = self.books, self._seen[delivery["mediaId"]]
        books.requests += len(requests)
        numbers = Counter(request.attempt for request in requests)
        known = {attempt["number"]: attempt for attempt in history}
        if max(numbers.values(), default=0) > 1 or not numbers.keys() <= known.keys():
            books.unexplained.append(
                f"{name}: the endpoint saw attempts {sorted(numbers.elements())} of {len(known)}"
            )
        for request in requests:
            fitting = ("delivered", "interrupted") if request.answered else ("refused", "interrupted")
            if known.get(request.attempt, {}).get("outcome") not in fitting:
                books.unexplained.append(
                    f"{name}: attempt {request.attempt} ended otherwise for the endpoint"
                )
        if delivery["attempts"] not in numbers:
            books.lost.append(f"{name}: delivered, but the endpoint never saw it")
        if {request.sha256 for request in requests} != {delivery["receipt"]["sha256"]}:
            books.wrong.append(f"{name}: the endpoint got other bytes than the receipt says")

    def _object(self, name: str, document: Document, delivery: Document) -> None:
        books, receipt = self.books, delivery["receipt"]
        key = unquote(urlsplit(receipt["location"]).path).lstrip("/").removeprefix(f"{self._bucket}/")
        self._expected.add(key)
        versions = self._versions.get(key, [])
        if not versions:
            books.lost.append(f"{name}: delivered, but there is no {key}")
            return
        if delivery["number"] == PRESIGNED:
            books.presigned_again += len(versions) - 1
        elif len(versions) > 1:
            books.second_versions.append(f"{name}: {len(versions)} versions of {key}")
        if {version.sha256 for version in versions} != {receipt["sha256"]}:
            books.wrong.append(f"{name}: {key} is not what the receipt says")
        if not self._as_told_by_the_api(document, delivery, versions[0].data):
            books.wrong.append(f"{name}: {key} is not what the API says")

    def _as_told_by_the_api(self, document: Document, delivery: Document, data: bytes) -> bool:
        if delivery["number"] == TRANSCRIPT:
            told: bytes = self._client.get(f"media/{delivery['mediaId']}/transcript/text")
            return told == data
        delivered = json.loads(data)
        return all(_same(document.get(name), delivered[name]) for name in _COMPARED)


_COMPARED = ("mediaId", "status", "dateCreated", "dateFinished", "length", "metadata", "transcript")


def _same(told: Any, delivered: Any) -> bool:
    """The API leaves out renditions of the transcript that nobody asked it for."""
    if isinstance(told, dict) and isinstance(delivered, dict):
        return all(told[name] == delivered.get(name) for name in told)
    return bool(told == delivered)


def _versions(account: Account, bucket: str) -> dict[str, list[Stored]]:
    """Every version of every object, newest first."""
    s3 = account.client("s3")

    def read(version: Mapping[str, Any]) -> tuple[str, Stored]:
        found = s3.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        data = found["Body"].read()
        return version["Key"], Stored(hashlib.sha256(data).hexdigest(), data)

    versions: dict[str, list[Stored]] = defaultdict(list)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for key, stored in pool.map(read, _listed(s3, bucket)):
            versions[key].append(stored)
    return dict(versions)


def _listed(s3: Any, bucket: str) -> Iterator[Mapping[str, Any]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        yield from page.get("Versions", ())
        yield from page.get("DeleteMarkers", ())
