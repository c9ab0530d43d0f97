"""Sending into real buckets: MiniStack with authorization on stands for AWS, SeaweedFS for anything else."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from demo.customer import CALLPOST_ACCOUNT, Account, Key
from seaweed import Seaweed

from callpost.delivery import destination, payload, signed_put, signing
from callpost.delivery.aws import Aws, AwsEndpoints
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.payload import Payload
from callpost.delivery.sessions import Sessions
from callpost.delivery.signing import Credentials, Scope
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import (
    BucketFolder,
    Delivered,
    EndpointPolicy,
    Hopeless,
    Outcome,
    PresignedObject,
    Receipt,
    Refused,
    Unreachable,
)
from callpost.network import Body, Network

DATA = b'{"mediaId": "1"}'
LOCAL = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
ORGANIZATION = uuid4()


def now() -> datetime:
    return datetime.now(UTC)


def receipt(outcome: Outcome) -> Receipt:
    assert isinstance(outcome, Delivered), outcome
    return outcome.receipt


@pytest.fixture
async def network() -> AsyncIterator[Network]:
    async with Network(LOCAL) as opened:
        yield opened


@pytest.fixture
def bucket(account: Account) -> str:
    return account.make_bucket(f"acme-{uuid4().hex[:12]}")


def presigned(url: str, **given: Any) -> PresignedObject:
    target, _ = destination.read(Callback(url, **given), "publish.callbacks[0]", LOCAL)
    assert isinstance(target, PresignedObject)
    return target


async def put(
    network: Network, target: PresignedObject, data: bytes = DATA, *, kind: str | None = None
) -> Outcome:
    sent = payload.of_bytes(data, kind or target.signed_type or "application/json")
    return await signed_put.put(network, target, sent, now())


# --- pre-signed URLs


async def test_boto3s_default_url_delivers(
    account: Account, bucket: str, signer: Key, network: Network
) -> None:
    url = account.presign(signer, bucket, "in/a b.json", "application/json")
    assert "AWSAccessKeyId" in url
    proof = receipt(await put(network, presigned(url)))
    assert account.objects(bucket) == {"in/a b.json": DATA}
    assert (proof.sha256, proof.size, proof.verified) == (hashlib.sha256(DATA).hexdigest(), len(DATA), "etag")
    assert proof.location == f"{account.endpoint}/{bucket}/in/a%20b.json"


async def test_a_sigv4_url_delivers(account: Account, bucket: str, signer: Key, network: Network) -> None:
    url = account.presign(signer, bucket, "a.json", "application/json", version="s3v4")
    receipt(await put(network, presigned(url)))
    head = account.client("s3").head_object(Bucket=bucket, Key="a.json")
    assert head["ContentType"] == "application/json"


@pytest.mark.parametrize("version", [None, "s3v4"])
async def test_another_type_than_the_signed_one_is_hopeless(
    account: Account, bucket: str, signer: Key, network: Network, version: str | None
) -> None:
    target = presigned(account.presign(signer, bucket, "a", "application/json", version=version))
    outcome = await put(network, target, kind="text/plain")
    assert isinstance(outcome, Hopeless)
    assert "Content-Type" in outcome.reason
    assert account.objects(bucket) == {}


async def test_an_expired_url_is_hopeless_and_asks_nobody(
    account: Account, bucket: str, signer: Key, network: Network
) -> None:
    target = presigned(account.presign(signer, bucket, "a", "application/json", version="s3v4"))
    late = now() + timedelta(days=2)
    outcome = await signed_put.put(network, target, payload.of_bytes(DATA, "application/json"), late)
    assert isinstance(outcome, Hopeless)
    assert "expired at" in outcome.reason


async def test_dfxp_signed_as_its_other_type_gets_a_second_try(
    account: Account, bucket: str, signer: Key, network: Network
) -> None:
    url = account.presign(signer, bucket, "a.dfxp", "application/ttml+xml", version="s3v4")
    target = presigned(url, type=CallbackType.TRANSCRIPT, format=TranscriptFormat.DFXP)
    assert target.signed_type == "application/ttaf+xml"
    receipt(await put(network, target))
    assert (
        account.client("s3").head_object(Bucket=bucket, Key="a.dfxp")["ContentType"] == "application/ttml+xml"
    )


async def test_a_recording_is_streamed_to_a_presigned_url(
    account: Account, bucket: str, signer: Key, network: Network
) -> None:
    url = account.presign(signer, bucket, "a.wav", "application/octet-stream", version="s3v4")
    target = presigned(url, type=CallbackType.MEDIA, stream="original")
    receipt(await signed_put.put(network, target, streamed(300_000, "application/octet-stream"), now()))
    assert account.objects(bucket)["a.wav"] == b"x" * 300_000


@pytest.mark.parametrize("version", ["s3", "s3v4"])
async def test_a_second_server_verifies_presigned_urls_too(
    other_server: Seaweed, network: Network, version: str
) -> None:
    client = other_server.client(version)
    name = f"calls-{uuid4().hex[:12]}"
    other_server.client().create_bucket(Bucket=name)
    url = client.generate_presigned_url(
        "put_object", Params={"Bucket": name, "Key": "k", "ContentType": "application/json"}, HttpMethod="PUT"
    )
    receipt(await put(network, presigned(url)))
    assert other_server.client().get_object(Bucket=name, Key="k")["Body"].read() == DATA
    assert isinstance(await put(network, presigned(url), kind="text/plain"), Hopeless)


def streamed(size: int, content_type: str | None = "application/json") -> Payload:
    """`size` bytes that are never in memory at once."""
    chunk = 65_536

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, chunk):
            yield b"x" * min(chunk, size - start)

    digest = hashlib.sha256()
    for start in range(0, size, chunk):
        digest.update(b"x" * min(chunk, size - start))
    return Payload(Body(size, chunks), size, digest.hexdigest(), content_type)


# --- by role


class Sender:
    """Everything that a delivery by role needs, against one account."""

    def __init__(self, account: Account, key: Key, network: Network) -> None:
        self.endpoints = AwsEndpoints(account.endpoint, account.endpoint, s3_trusted=True, sts_trusted=True)
        self.clock_offset = timedelta()
        own = Credentials(key.access_key_id, key.secret)
        requests = Aws(network, lambda: datetime.now(UTC) + self.clock_offset)
        self.sessions = Sessions(requests, self.endpoints, lambda: own)
        self.buckets = Buckets(requests, self.sessions, self.endpoints)

    async def put(
        self,
        folder: BucketFolder,
        data: bytes | Payload = DATA,
        name: str = "analytics.json",
        who: UUID = ORGANIZATION,
    ) -> Outcome:
        sent = data if isinstance(data, Payload) else payload.of_bytes(data, "application/json")
        key = "/".join(filter(None, (folder.prefix, name)))
        return await self.buckets.put(Written(folder, key, sent, who, uuid4()))


@pytest.fixture
def sender(account: Account, callpost_key: Key, network: Network) -> Sender:
    return Sender(account, callpost_key, network)


def make_role(
    account: Account, bucket: str, external_id: str | None, actions: tuple[str, ...] = ("s3:*",)
) -> str:
    """A role that callpost may assume, of a name of its own; external_id None: asks for none."""
    iam = account.client("iam")
    name = f"role-{uuid4().hex[:8]}"
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{CALLPOST_ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    resource = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=policy)
    return str(arn)


async def test_a_role_with_the_right_external_id_delivers(
    account: Account, bucket: str, sender: Sender
) -> None:
    folder = BucketFolder(bucket, "calls/2026", make_role(account, bucket, str(ORGANIZATION)))
    proof = receipt(await sender.put(folder))
    assert account.objects(bucket) == {"calls/2026/analytics.json": DATA}
    assert (proof.location, proof.conditional) == (f"s3://{bucket}/calls/2026/analytics.json", True)
    assert proof.verified == "etag"
    assert proof.etag == f'"{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}"'


async def test_a_role_of_another_organization_is_hopeless(
    account: Account, bucket: str, sender: Sender
) -> None:
    folder = BucketFolder(bucket, "", make_role(account, bucket, str(uuid4())))
    outcome = await sender.put(folder)
    assert isinstance(outcome, Hopeless)
    assert "external ID" in outcome.reason
    assert "trust policy" in outcome.remedy


async def test_a_role_that_does_not_exist_is_hopeless(bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "", "arn:aws:iam::999533888199:role/nobody")
    assert isinstance(await sender.put(folder), Hopeless)


async def test_a_role_that_may_not_write_says_what_to_grant(
    account: Account, bucket: str, sender: Sender
) -> None:
    folder = BucketFolder(bucket, "", make_role(account, bucket, str(ORGANIZATION), ("s3:GetObject",)))
    outcome = await sender.put(folder)
    assert isinstance(outcome, Refused)
    assert (outcome.status, "s3:PutObject" in outcome.remedy) == (403, True)


async def test_a_session_reaches_no_further_than_its_folder(
    account: Account, bucket: str, sender: Sender
) -> None:
    folder = BucketFolder(bucket, "calls", make_role(account, bucket, str(ORGANIZATION)))
    outside = replace(folder, prefix="")
    receipt(await sender.put(folder))
    credentials = next(iter(sender.sessions._kept.values()))  # noqa: SLF001
    written = Written(outside, "elsewhere.json", payload.of_bytes(DATA, None), ORGANIZATION, uuid4())
    answer = await sender.buckets.call("PUT", written, credentials, payload=written.payload)
    assert answer.status == 403


async def test_the_same_delivery_never_makes_a_second_version(
    account: Account, bucket: str, sender: Sender
) -> None:
    s3 = account.client("s3")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    folder = BucketFolder(bucket, "a", make_role(account, bucket, str(ORGANIZATION)))
    first, again = receipt(await sender.put(folder)), receipt(await sender.put(folder))
    assert first.version_id == again.version_id is not None
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 1


async def test_other_contents_replace_the_object(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "a", make_role(account, bucket, str(ORGANIZATION)))
    receipt(await sender.put(folder, b"old"))
    proof = receipt(await sender.put(folder, b"new"))
    assert account.objects(bucket) == {"a/analytics.json": b"new"}
    assert proof.conditional is False


async def test_a_role_that_may_only_put_is_enough(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "a", make_role(account, bucket, str(ORGANIZATION), ("s3:PutObject",)))
    receipt(await sender.put(folder))
    receipt(await sender.put(folder))
    assert account.objects(bucket) == {"a/analytics.json": DATA}


async def test_a_recording_is_streamed_by_role(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "", make_role(account, bucket, str(ORGANIZATION)))
    receipt(await sender.put(folder, streamed(3_000_000), "media/original.wav"))
    assert account.objects(bucket)["media/original.wav"] == b"x" * 3_000_000


async def test_a_large_recording_goes_in_parts(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "", make_role(account, bucket, str(ORGANIZATION)))
    size = 65 * 1024 * 1024
    sent = streamed(size, "application/octet-stream")
    receipt(await sender.put(folder, sent, "original.wav"))
    again = receipt(await sender.put(folder, sent, "original.wav"))
    head = account.client("s3").head_object(Bucket=bucket, Key="original.wav")
    assert (head["ContentLength"], head["Metadata"]["sha256"]) == (size, sent.sha256)
    assert again.conditional is True
    assert "Uploads" not in account.client("s3").list_multipart_uploads(Bucket=bucket)


async def test_parts_that_fail_are_given_up(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "", make_role(account, bucket, str(ORGANIZATION)))
    lost = replace(streamed(65 * 1024 * 1024), sha256="0" * 64)
    assert isinstance(await sender.put(folder, lost, "original.wav"), Unreachable)
    assert account.objects(bucket) == {}
    assert "Uploads" not in account.client("s3").list_multipart_uploads(Bucket=bucket)


async def test_one_session_serves_many_deliveries(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "a", make_role(account, bucket, str(ORGANIZATION)))
    outcomes = await asyncio.gather(*(sender.put(folder, name=f"{n}.json") for n in range(30)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert sender.sessions.requests == 1


async def test_a_session_is_refreshed_before_it_ends(account: Account, bucket: str, sender: Sender) -> None:
    folder = BucketFolder(bucket, "a", make_role(account, bucket, str(ORGANIZATION)))
    receipt(await sender.put(folder, name="1"))
    sender.clock_offset = timedelta(minutes=51)
    outcome = await sender.put(folder, name="2")
    assert sender.sessions.requests >= 2
    assert isinstance(outcome, Delivered), outcome


async def test_sessions_are_not_shared_between_organizations(
    account: Account, bucket: str, sender: Sender
) -> None:
    folder = BucketFolder(bucket, "a", make_role(account, bucket, str(ORGANIZATION)))
    receipt(await sender.put(folder))
    assert isinstance(await sender.put(folder, who=uuid4()), Hopeless)


async def test_a_bucket_that_does_not_exist_is_named(account: Account, sender: Sender) -> None:
    folder = BucketFolder("nobody-has-this", "", make_role(account, "nobody-has-this", str(ORGANIZATION)))
    outcome = await sender.put(folder)
    assert isinstance(outcome, Hopeless)
    assert outcome.reason == "There is no such bucket."


async def test_without_credentials_of_our_own_it_is_the_operators_fault(
    account: Account, bucket: str, network: Network
) -> None:
    requests = Aws(network, now)
    endpoints = AwsEndpoints(account.endpoint, account.endpoint, s3_trusted=True, sts_trusted=True)
    buckets = Buckets(requests, Sessions(requests, endpoints, lambda: None), endpoints)
    folder = BucketFolder(bucket, "", "arn:aws:iam::999533888199:role/r")
    outcome = await buckets.put(Written(folder, "k", payload.of_bytes(DATA, None), ORGANIZATION, uuid4()))
    assert isinstance(outcome, Unreachable)
    assert "operator" in outcome.reason


async def test_a_second_server_writes_conditionally(other_server: Seaweed, network: Network) -> None:
    name = f"calls-{uuid4().hex[:12]}"
    other_server.client().create_bucket(Bucket=name)
    own = Credentials("customer", "customer-secret")
    requests = Aws(network, now)
    buckets = Buckets(requests, Sessions(requests))
    folder = BucketFolder(name, "", "arn:aws:iam::999533888199:role/r", None, other_server.endpoint)
    written = Written(folder, "a b/ü.json", payload.of_bytes(DATA, "application/json"), ORGANIZATION, uuid4())
    headers = {"if-none-match": "*", "x-amz-checksum-sha256": written.payload.sha256_base64}
    first = await buckets.call("PUT", written, own, headers, payload=written.payload)
    again = await buckets.call("PUT", written, own, headers, payload=written.payload)
    assert (first.status, again.status) == (200, 412)
    wrong = {"x-amz-checksum-sha256": payload.of_bytes(b"other", None).sha256_base64}
    refused = await buckets.call("PUT", written, own, wrong, payload=written.payload)
    assert refused.status == 400


# --- the signature itself


@pytest.mark.parametrize("token", [None, "session/token=="])
def test_the_signature_is_botocores(token: str | None) -> None:
    key = signing.quote_key("a b/ü+(1).json")
    url = f"https://s3.eu-west-1.amazonaws.com/bucket/{key}?partNumber=1&uploadId=x%2Fy"
    digest = hashlib.sha256(DATA).hexdigest()
    given = {"content-type": "application/json", "x-amz-checksum-sha256": "abc=", "if-none-match": "*"}
    ours = signing.sign(
        "PUT",
        url,
        given,
        payload_sha256=digest,
        credentials=Credentials("AKIAEXAMPLE", "secret", token),
        scope=Scope("eu-west-1", "s3"),
        now=now(),
    )
    request = AWSRequest("PUT", url, {**given, "X-Amz-Content-SHA256": digest}, DATA)
    request.context["timestamp"] = ours["x-amz-date"]
    theirs = S3SigV4Auth(BotocoreCredentials("AKIAEXAMPLE", "secret", token), "s3", "eu-west-1")
    theirs._modify_request_before_signing(request)  # noqa: SLF001
    signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
    assert ours["authorization"].endswith(f"Signature={signature}")
