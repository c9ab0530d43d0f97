"""The contract of delivery by role: each case on each server that is able to show it, plain and over TLS.

What the servers can do is said in s3_servers.ABILITIES. What none of them does is in test_faults.py.
"""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from fault_proxy import FaultProxy, breaks_while_sending, says, well
from places import DATA, KINDS, LARGE, MEBIBYTE, ORGANIZATION, Place, everywhere, receipt, streamed, where

from callpost.delivery import payload
from callpost.delivery.aws import Aws
from callpost.delivery.bucket import Buckets, Written
from callpost.model.configuration import Callback
from callpost.model.delivery import (
    Delivered,
    Refused,
    Unreachable,
)
from callpost.render import content

ODD_NAMES = [
    "calls/2026",
    "a b",
    "a+b%20c",
    "100%",
    "größe/通話",
    'it\'s "so"',
    "a&b=c;d,e:f@g!",
    "(x)[y]{z}~",
    "",
    "$*?",
]


@everywhere
async def test_a_folder_may_have_any_name(place: Place, bucket: str) -> None:
    folder = place.folder(bucket)
    names = ODD_NAMES if place.server.can.literal_policies else ODD_NAMES[:-1]
    for name in names:
        named = place.folder(bucket, name, folder.role)
        proof = receipt(await place.put(named))
        key = f"{name}/analytics.json".lstrip("/")
        assert key in place.server.keys(bucket)
        assert hashlib.sha256(place.server.get(bucket, key)).hexdigest() == proof.sha256
        assert (proof.location, proof.status) == (f"s3://{bucket}/{key}", 200)
        assert proof.verified == ("checksum" if place.server.name == "seaweedfs" else "etag")
        again = receipt(await place.put(named))
        assert (again.etag, again.sha256) == (proof.etag, proof.sha256)
    assert len(place.server.keys(bucket)) == len(names)


@everywhere
async def test_objects_carry_their_type_and_their_checksum(place: Place, bucket: str) -> None:
    folder = place.folder(bucket)
    for number, (given, documented) in enumerate(KINDS):
        sent = payload.of_bytes(DATA, content.content_type(Callback("", **given)))
        receipt(await place.put(folder, sent, f"{number}"))
        head = place.server.head(bucket, f"{number}")
        assert (head["ContentType"], head["Metadata"]["sha256"]) == (documented, sent.sha256)


@everywhere
async def test_the_same_delivery_writes_once(place: Place, bucket: str, faults: FaultProxy) -> None:
    folder = place.folder(bucket, "calls")
    for _ in range(3):
        receipt(await place.put(folder))
    assert faults.writes == 1


@where(versions=True)
async def test_the_same_delivery_never_makes_a_second_version(place: Place, bucket: str) -> None:
    s3 = place.server.client()
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    folder = place.folder(bucket, "calls")
    first, again = receipt(await place.put(folder)), receipt(await place.put(folder))
    assert first.version_id == again.version_id is not None
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


@everywhere
async def test_other_contents_replace_the_object_and_the_receipt_says_so(place: Place, bucket: str) -> None:
    folder = place.folder(bucket, "a")
    receipt(await place.put(folder, b"old"))
    proof = receipt(await place.put(folder, b"new"))
    assert place.server.get(bucket, "a/analytics.json") == b"new"
    assert proof.conditional is False


@where(conditional=True)
async def test_a_server_that_writes_conditionally_is_known_by_its_first_refusal(
    place: Place, bucket: str
) -> None:
    folder = place.folder(bucket, "a")
    for data in (b"old", b"new"):
        receipt(await place.put(folder, data))
    assert receipt(await place.put(folder, name="b.json")).conditional is True


@where(conditional=False)
async def test_a_server_that_writes_over_what_is_there_is_found_out(place: Place, bucket: str) -> None:
    folder = place.folder(bucket, "a")
    assert receipt(await place.put(folder, b"old")).conditional is None
    for name in ("analytics.json", "another.json"):
        assert receipt(await place.put(folder, b"new", name)).conditional is False


@where(conditional=True)
async def test_many_at_once_make_one_object(place: Place, bucket: str, faults: FaultProxy) -> None:
    folder = place.folder(bucket, "calls")
    outcomes = await asyncio.gather(*(place.put(folder) for _ in range(4)))
    assert any(isinstance(outcome, Delivered) for outcome in outcomes)
    assert all(isinstance(outcome, Delivered | Refused) for outcome in outcomes)
    assert (faults.writes, place.server.get(bucket, "calls/analytics.json")) == (1, DATA)


@where(checksums=True)
async def test_what_was_damaged_on_the_way_is_refused_by_the_server(place: Place, bucket: str) -> None:
    folder = place.folder(bucket)
    sent = payload.of_bytes(DATA, "application/json")
    damaged = replace(sent, body=DATA.replace(b"1", b"2"))
    outcome = await place.put(folder, damaged)
    assert isinstance(outcome, Refused)
    assert "not what was sent" in outcome.reason
    assert place.server.keys(bucket) == []


@where(checksums=False)
async def test_what_was_damaged_on_the_way_is_found_out_by_its_etag(place: Place, bucket: str) -> None:
    sent = payload.of_bytes(DATA, "application/json")
    wrong = replace(sent, sha256=hashlib.sha256(b"other").hexdigest())
    outcome = await place.put(place.folder(bucket), wrong)
    assert isinstance(outcome, Refused)


@everywhere
async def test_a_large_recording_goes_in_parts_once(place: Place, bucket: str, faults: FaultProxy) -> None:
    folder, sent = place.folder(bucket, "a b"), streamed(LARGE)
    receipt(await place.put(folder, sent, "original.wav"))
    asked = len(faults.asked)
    again = receipt(await place.put(folder, sent, "original.wav"))
    head = place.server.head(bucket, "a b/original.wav")
    assert (head["ContentLength"], head["Metadata"]["sha256"]) == (LARGE, sent.sha256)
    assert hashlib.sha256(place.server.get(bucket, "a b/original.wav")).hexdigest() == sent.sha256
    assert again.sha256 == sent.sha256
    # A large object is not sent again to learn that it is there.
    assert [line for line in faults.asked[asked:] if line.startswith("PUT")] == []
    assert place.server.uploads(bucket) == []


@pytest.mark.parametrize("place", ["seaweedfs-plain"], indirect=True)
@pytest.mark.parametrize(("size", "parts"), [(64 * MEBIBYTE, None), (64 * MEBIBYTE + 1, 5)])
async def test_by_default_what_is_over_64_mib_goes_in_parts_of_16(
    place: Place, bucket: str, size: int, parts: int | None
) -> None:
    buckets = Buckets(Aws(place.network, place.clock), place.sessions, place.address.endpoints)
    sent = streamed(size)
    receipt(await buckets.put(Written(place.folder(bucket), "original.wav", sent, ORGANIZATION, uuid4())))
    arrived = place.server.client().get_object(Bucket=bucket, Key="original.wav")
    # The ETag of an object in parts ends with how many they are.
    assert arrived["ETag"].strip('"').partition("-")[2] == (str(parts) if parts else "")
    digest = hashlib.sha256()
    for chunk in arrived["Body"].iter_chunks(MEBIBYTE):
        digest.update(chunk)
    assert (arrived["ContentLength"], digest.hexdigest()) == (size, sent.sha256)


@everywhere
@pytest.mark.parametrize("fault", [breaks_while_sending, says("InternalError", 500)])
async def test_parts_that_fail_in_the_middle_are_given_up(
    place: Place, bucket: str, faults: FaultProxy, fault: Any
) -> None:
    folder, sent = place.folder(bucket), streamed(LARGE)
    # HEAD, the beginning, a part; the other part fails, and so does the first try to give up.
    faults.fail(well, well, well, fault, fault)
    outcome = await place.put(folder, sent, "original.wav")
    assert isinstance(outcome, Unreachable | Refused), outcome
    assert place.server.keys(bucket) == []
    assert place.server.uploads(bucket) == []
