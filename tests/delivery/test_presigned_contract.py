"""The contract of pre-signed URLs: each case on each server that is able to show it, plain and over TLS."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from fault_proxy import FaultProxy, loses_the_answer
from places import DATA, JSON, KINDS, Place, everywhere, receipt, streamed, where

from callpost.delivery import destination, payload
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import (
    Hopeless,
    PresignedObject,
    SignatureVersion,
    Unreachable,
)

BOTO3S_DEFAULT = None


@everywhere
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("version", [BOTO3S_DEFAULT, "s3v4"])
async def test_a_presigned_url_delivers_what_was_sent(
    place: Place, bucket: str, version: str | None, style: str
) -> None:
    if version is BOTO3S_DEFAULT and style == "virtual" and not place.server.can.virtual_v2:
        pytest.skip("the server cannot verify SigV2 here")
    key = "in/a b+ü%25&=(1)'.json"
    target = place.read(place.address.presign(bucket, key, version=version, style=style, **JSON))
    assert target.version is (SignatureVersion.V4 if version else SignatureVersion.V2)
    proof = receipt(await place.put_signed(target))
    assert place.server.get(bucket, key) == DATA
    assert (proof.sha256, proof.size, proof.verified) == (hashlib.sha256(DATA).hexdigest(), len(DATA), "etag")
    assert proof.etag == f'"{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}"'
    assert proof.location == target.url.partition("?")[0]


@everywhere
@pytest.mark.parametrize("version", [BOTO3S_DEFAULT, "s3v4"])
async def test_every_result_is_sent_as_its_documented_type(
    place: Place, bucket: str, version: str | None
) -> None:
    for number, (given, documented) in enumerate(KINDS):
        url = place.address.presign(bucket, f"{number}", version=version, ContentType=documented)
        target = place.read(url, **given)
        sent = payload.of_bytes(DATA, target.signed_type)
        receipt(await place.put_signed(target, sent))
        assert place.server.head(bucket, f"{number}")["ContentType"] == documented


@everywhere
@pytest.mark.parametrize("version", [BOTO3S_DEFAULT, "s3v4"])
async def test_another_type_than_the_signed_one_is_hopeless_and_writes_nothing(
    place: Place, bucket: str, version: str | None
) -> None:
    target = place.read(place.address.presign(bucket, "a", version=version, **JSON))
    outcome = await place.put_signed(target, payload.of_bytes(DATA, "text/plain"))
    assert isinstance(outcome, Hopeless)
    assert (outcome.status, "Content-Type" in outcome.reason) == (403, True)
    assert place.server.keys(bucket) == []


@everywhere
async def test_sigv2_without_a_type_is_sent_without_one(place: Place, bucket: str) -> None:
    url, policy = place.address.presign(bucket, "a", version=BOTO3S_DEFAULT), place.address.policy
    target, _ = destination.read(Callback(url), "", replace(policy, accept_untyped=True))
    assert isinstance(target, PresignedObject)
    receipt(await place.put_signed(target, payload.of_bytes(DATA, target.signed_type)))
    assert (target.signed_type, place.server.get(bucket, "a")) == (None, DATA)


@everywhere
@pytest.mark.parametrize("version", [BOTO3S_DEFAULT, "s3v4"])
async def test_an_expired_url_is_hopeless_and_asks_nobody(
    place: Place, bucket: str, faults: FaultProxy, version: str | None
) -> None:
    target = place.read(place.address.presign(bucket, "a", version=version, **JSON))
    outcome = await place.put_signed(target, now=place.clock() + timedelta(days=2))
    assert isinstance(outcome, Hopeless)
    assert f"expired at {target.expires_at:%Y-%m-%dT%H:%M}" in outcome.reason
    assert "fresh URL" in outcome.remedy
    assert faults.asked == []


@everywhere
async def test_a_url_that_expires_on_its_way_is_said_to_have_expired(place: Place, bucket: str) -> None:
    url = place.address.presign(bucket, "a", version=BOTO3S_DEFAULT, expires_s=-60, **JSON)
    outcome = await place.put_signed(place.read(url), now=place.clock() - timedelta(hours=1))
    assert isinstance(outcome, Hopeless)
    assert (outcome.status, outcome.reason) == (403, "The URL has expired.")
    assert place.server.keys(bucket) == []


@everywhere
async def test_headers_that_sigv2_writes_into_the_url_are_sent(place: Place, bucket: str) -> None:
    given = {"ACL": "private", "Metadata": {"caller": "a b"}}
    url = place.address.presign(bucket, "a", version=BOTO3S_DEFAULT, **JSON, **given)
    receipt(await place.put_signed(place.read(url)))
    assert place.server.head(bucket, "a")["Metadata"]["caller"] == "a b"


@everywhere
async def test_dfxp_signed_as_its_other_type_gets_a_second_try(place: Place, bucket: str) -> None:
    url = place.address.presign(bucket, "a.dfxp", ContentType="application/ttml+xml")
    target = place.read(url, type=CallbackType.TRANSCRIPT, format=TranscriptFormat.DFXP)
    assert target.signed_type == "application/ttaf+xml"
    receipt(await place.put_signed(target))
    assert place.server.head(bucket, "a.dfxp")["ContentType"] == "application/ttml+xml"


@where(role=True)
@pytest.mark.parametrize("version", ["s3", "s3v4"])
async def test_a_url_signed_by_a_session_delivers_while_it_lasts(
    place: Place, bucket: str, version: str
) -> None:
    session = place.server.client("sts").get_session_token()["Credentials"]
    key = replace(place.server.owner, access_key_id=session["AccessKeyId"], secret=session["SecretAccessKey"])
    url = place.address.presign(
        bucket, "a", version=version, signer=key, token=session["SessionToken"], **JSON
    )
    target = place.read(url)
    assert target.temporary
    receipt(await place.put_signed(target))
    assert place.server.get(bucket, "a") == DATA


@everywhere
async def test_a_recording_is_streamed_to_a_presigned_url(place: Place, bucket: str) -> None:
    url = place.address.presign(bucket, "a.wav", ContentType="application/octet-stream")
    sent = streamed(3_000_001)
    receipt(await place.put_signed(place.read(url, type=CallbackType.MEDIA, stream="original"), sent))
    assert hashlib.sha256(place.server.get(bucket, "a.wav")).hexdigest() == sent.sha256


@where(closed=True)
async def test_a_bucket_that_does_not_exist_is_named(place: Place) -> None:
    outcome = await place.put_signed(place.read(place.address.presign("nobody-has-this", "a", **JSON)))
    assert isinstance(outcome, Hopeless)
    assert (outcome.status, outcome.reason) == (404, "There is no such bucket.")


@where(conditional=True)
async def test_a_url_that_writes_over_nothing_says_what_to_compare_where_something_is(
    place: Place, bucket: str, faults: FaultProxy
) -> None:
    target = place.read(place.address.presign(bucket, "a", IfNoneMatch="*", **JSON))
    faults.fail(loses_the_answer)
    # A connection that breaks is tried once more at once, and may meet the object already.
    assert isinstance(await place.put_signed(target), Unreachable | Hopeless)
    outcome = await place.put_signed(target)
    assert isinstance(outcome, Hopeless)
    assert (outcome.status, hashlib.sha256(DATA).hexdigest() in outcome.remedy) == (412, True)
    assert place.server.get(bucket, "a") == DATA


@everywhere
async def test_a_url_that_writes_over_nothing_delivers_where_nothing_is(place: Place, bucket: str) -> None:
    target = place.read(place.address.presign(bucket, "a", IfNoneMatch="*", **JSON))
    assert receipt(await place.put_signed(target)).verified == "etag"
    assert place.server.get(bucket, "a") == DATA
