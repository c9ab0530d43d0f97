"""One contract for every bucket: each case on each server that is able to show it, plain and over TLS.

What the servers can do is said in s3_servers.ABILITIES. What none of them does is in test_faults.py.
"""

import asyncio
import hashlib
import ssl
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from certificates import Authority, terminator
from fault_proxy import FaultProxy, breaks_while_sending, says, well
from places import DATA, LARGE, ORGANIZATION, Place, everywhere, receipt, streamed, where
from s3_servers import ABILITIES, Names

from callpost.delivery import destination, payload
from callpost.delivery.bucket import Written
from callpost.delivery.preflight import Preflight
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import (
    Delivered,
    Hopeless,
    PresignedObject,
    Refused,
    SignatureVersion,
    Unreachable,
)
from callpost.network import Network
from callpost.render import content

JSON = {"ContentType": "application/json"}
TRANSCRIPT = CallbackType.TRANSCRIPT
KINDS: list[tuple[dict[str, Any], str]] = [
    ({}, "application/json"),
    ({"type": TRANSCRIPT, "format": TranscriptFormat.JSON}, "application/json"),
    ({"type": TRANSCRIPT, "format": TranscriptFormat.TEXT}, "text/plain"),
    ({"type": TRANSCRIPT, "format": TranscriptFormat.SRT}, "text/srt"),
    ({"type": TRANSCRIPT, "format": TranscriptFormat.WEBVTT}, "text/vtt"),
    ({"type": TRANSCRIPT, "format": TranscriptFormat.DFXP}, "application/ttaf+xml"),
    ({"type": CallbackType.MEDIA, "stream": "original"}, "application/octet-stream"),
]
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
BOTO3S_DEFAULT = None


# --- pre-signed URLs


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
    target = place.read(url, type=TRANSCRIPT, format=TranscriptFormat.DFXP)
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


# --- by role


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


# --- roles and external IDs


@where(role=True)
async def test_a_role_of_another_organization_is_hopeless(place: Place, bucket: str) -> None:
    folder = place.folder(bucket, role=place.server.make_role(bucket, str(uuid4())))
    outcome = await place.put(folder)
    assert isinstance(outcome, Hopeless)
    assert "external ID" in outcome.reason
    assert "trust policy" in outcome.remedy


@where(role=True)
async def test_a_role_that_does_not_exist_is_hopeless(place: Place, bucket: str) -> None:
    outcome = await place.put(place.folder(bucket, role="arn:aws:iam::999533888199:role/nobody"))
    assert isinstance(outcome, Hopeless)


@where(role=True)
async def test_a_role_that_may_not_write_says_what_to_grant(place: Place, bucket: str) -> None:
    role = place.server.make_role(bucket, str(ORGANIZATION), ("s3:GetObject",))
    outcome = await place.put(place.folder(bucket, role=role))
    assert isinstance(outcome, Refused)
    assert (outcome.status, "s3:PutObject" in outcome.remedy) == (403, True)


@where(role=True)
async def test_a_role_that_may_only_put_is_enough(place: Place, bucket: str) -> None:
    role = place.server.make_role(bucket, str(ORGANIZATION), ("s3:PutObject",))
    folder = place.folder(bucket, "a", role)
    for _ in range(2):
        receipt(await place.put(folder))
    assert place.server.get(bucket, "a/analytics.json") == DATA


@where(sessions=True)
@pytest.mark.parametrize("prefix", ["calls", "a b/ü"])
async def test_a_session_reaches_no_further_than_its_folder(place: Place, bucket: str, prefix: str) -> None:
    folder = place.folder(bucket, prefix)
    receipt(await place.put(folder))
    credentials = next(iter(place.sessions._kept.values()))  # noqa: SLF001
    sent = payload.of_bytes(DATA, None)
    for key in ("elsewhere.json", f"{prefix}x/k", f"x{prefix}/k", "calls2/k"):
        written = Written(folder, key, sent, ORGANIZATION, uuid4())
        answer = await place.buckets.call("PUT", written, credentials, payload=sent)
        assert answer.status == 403, key


@where(sessions=True)
async def test_a_destination_is_proven_before_anything_depends_on_it(place: Place, bucket: str) -> None:
    preflight = Preflight(place.network, place.sessions, place.buckets)
    verdict = await preflight.verify(place.folder(bucket, "a b"), ORGANIZATION)
    passed = {check.name: check.passed for check in verdict.checks}
    can = place.server.can
    # Where there are no roles there is no external ID to be asked for: whoever may deliver may deliver here.
    assert (
        passed.pop("assume-without-external-id") is passed.pop("assume-with-another-external-id") is can.role
    )
    assert passed.pop("conditional-write") is (can.conditional or None)
    assert passed == {"assume": True, "write": True, "read": True, "delete": True}
    assert (place.server.keys(bucket), verdict.conditional) == ([], can.conditional)


@where(role=True)
async def test_a_bucket_of_a_role_that_does_not_exist_is_named(place: Place) -> None:
    folder = place.folder(
        "nobody-has-this", role=place.server.make_role("nobody-has-this", str(ORGANIZATION))
    )
    outcome = await place.put(folder)
    assert isinstance(outcome, Hopeless)
    assert outcome.reason == "There is no such bucket."


# --- certificates


@pytest.mark.parametrize("place", [f"{name}-tls" for name in ABILITIES], indirect=True)
@pytest.mark.parametrize("trusted", [False, True])
async def test_an_unknown_authority_and_another_name_are_refused(
    place: Place, bucket: str, authority: Authority, trusting: ssl.SSLContext, trusted: bool
) -> None:
    """trusted: the authority is known, but the certificate is for another name."""
    folder, url = place.folder(bucket), place.address.presign(bucket, "a", **JSON)
    with terminator(authority.server_context("other.example.test"), place.server.port) as port:
        tls, names = (trusting, Names(port)) if trusted else (None, place.names)
        async with Network(place.address.policy, tls=tls, resolver=names) as network:
            wary = replace(place, network=network)
            outcomes = [await wary.put_signed(wary.read(url)), await wary.put(folder)]
    for outcome in outcomes:
        assert isinstance(outcome, Unreachable)
        cause = "Hostname mismatch" if trusted else "unable to get local issuer certificate"
        assert f"The server's certificate is not valid: {cause}" in outcome.reason
    assert place.server.keys(bucket) == []
