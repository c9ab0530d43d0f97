"""What a customer may ask of the objects in a bucket: encryption, owner, ACL, tags; what refusals tell."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from demo.customer import CALLPOST_ACCOUNT, CUSTOMER_ACCOUNT, Account, Key
from http_server import HttpServer, Reply, Seen
from places import Place, receipt, where

from callpost.delivery import iam, payload, session_policy
from callpost.delivery.aws import Aws, AwsEndpoints
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.payload import Payload
from callpost.delivery.preflight import Preflight
from callpost.delivery.sessions import Sessions
from callpost.delivery.signing import Credentials
from callpost.model.configuration import S3Options
from callpost.model.delivery import BucketFolder, Delivered, EndpointPolicy, Hopeless, Outcome, Refused
from callpost.network import Body, Network

LOCAL = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORGANIZATION = uuid4()
ROLE = "arn:aws:iam::999533888199:role/r"
KEY_ARN = "arn:aws:kms:us-east-1:999533888199:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OWNER = "999533888199"
EVERYTHING = S3Options(KEY_ARN, True, OWNER, (("team", "a b/c"), ("empty", "")))
FOLDER = BucketFolder("acme-calls", "calls", ROLE, "us-east-1", options=EVERYTHING)
OWNER_HEADER = "x-amz-expected-bucket-owner"
_MEBIBYTE = 1024 * 1024
LARGE = 17 * _MEBIBYTE  # two parts


def large() -> Payload:
    """More than goes in one piece, never in memory at once."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield bytes(_MEBIBYTE)

    return Payload(Body(LARGE, chunks), LARGE, ZEROS, "audio/wav")


ZEROS = payload.of_bytes(bytes(LARGE), None).sha256


@dataclass
class Sender:
    buckets: Buckets
    preflight: Preflight
    network: Network

    async def put(
        self, folder: BucketFolder, sent: Payload | None = None, who: UUID = ORGANIZATION
    ) -> Outcome:
        sent = sent or payload.of_bytes(b"{}", "application/json")
        return await self.buckets.put(Written(folder, f"{folder.prefix}/k", sent, who, uuid4()))


def sender_of(network: Network, endpoints: AwsEndpoints, key: Credentials) -> Sender:
    requests = Aws(network, lambda: datetime.now(UTC))
    sessions = Sessions(requests, endpoints, lambda: key)
    buckets = Buckets(requests, sessions, endpoints, in_parts_over=8 * _MEBIBYTE)
    return Sender(buckets, Preflight(network, sessions, buckets), network)


# --- on a server that stands for AWS


@pytest.fixture
async def sender(account: Account, callpost_key: Key) -> AsyncIterator[Sender]:
    async with Network(LOCAL) as network:
        endpoints = AwsEndpoints(account.endpoint, account.endpoint, s3_trusted=True, sts_trusted=True)
        yield sender_of(network, endpoints, Credentials(callpost_key.access_key_id, callpost_key.secret))


@pytest.fixture
def own_bucket(account: Account) -> str:
    return account.make_bucket(f"acme-{uuid4().hex[:12]}")


@pytest.fixture
def kms_key(account: Account) -> str:
    return str(account.client("kms").create_key()["KeyMetadata"]["Arn"])


def folder_of(
    account: Account, bucket: str, options: S3Options, grant: iam.Grant | None = None
) -> BucketFolder:
    """A folder that a role may write to with exactly the policy that the IAM kit prints."""
    client, name = account.client("iam"), f"role-{uuid4().hex[:8]}"
    wanted = grant or iam.Grant(
        bucket,
        CALLPOST_ACCOUNT,
        str(ORGANIZATION),
        "calls",
        kms_key=options.kms_key_id,
        acl=options.bucket_owner_full_control,
        tags=bool(options.tags),
    )
    role = client.create_role(RoleName=name, AssumeRolePolicyDocument=iam.trust(wanted))["Role"]["Arn"]
    client.put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=iam.policy(wanted))
    return BucketFolder(bucket, "calls", role, options=options)


@pytest.mark.parametrize("sent", [None, large()], ids=["in one piece", "in parts"])
async def test_an_object_is_written_as_asked_with_the_policy_that_is_printed(
    account: Account, own_bucket: str, kms_key: str, sender: Sender, sent: Payload | None
) -> None:
    options = replace(EVERYTHING, kms_key_id=kms_key)
    outcome = await sender.put(folder_of(account, own_bucket, options), sent)
    assert isinstance(outcome, Delivered), outcome
    s3 = account.client("s3")
    head = s3.head_object(Bucket=own_bucket, Key="calls/k")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", kms_key)
    if sent is None:  # MiniStack forgets the tags of what comes in parts
        tags = s3.get_object_tagging(Bucket=own_bucket, Key="calls/k")["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == dict(options.tags)
    assert outcome.receipt.encryption == f"aws:kms {kms_key}"
    again = await sender.put(folder_of(account, own_bucket, options), sent)
    assert isinstance(again, Delivered)
    assert again.receipt.conditional is True


async def test_a_destination_is_proven_with_what_is_asked_for(
    account: Account, own_bucket: str, kms_key: str, sender: Sender
) -> None:
    options = replace(EVERYTHING, kms_key_id=kms_key)
    verdict = await sender.preflight.verify(
        folder_of(account, own_bucket, options), ORGANIZATION, put_only=True
    )
    assert verdict.passed, verdict
    assert verdict.encryption == "aws:kms"


@where(conditional=True)
async def test_other_servers_take_tags_and_the_owners_acl_too(place: Place, bucket: str) -> None:
    options = S3Options(bucket_owner_full_control=True, tags=EVERYTHING.tags)
    receipt(await place.put(place.folder(bucket, "calls", s3_options=options)))
    tags = place.server.client().get_object_tagging(Bucket=bucket, Key="calls/analytics.json")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == dict(options.tags)


# --- on a scripted server, for what test servers do not do


@dataclass
class Cloud:
    sender: Sender
    server: HttpServer
    refusal: web.Response | None = None
    asked: list[Seen] = field(default_factory=list)

    async def answer(self, seen: Seen) -> Reply:
        if seen.path.startswith("/sts"):
            return web.Response(text=_SESSION)
        self.asked.append(seen)
        if self.refusal is not None:
            return self.refusal
        if "uploads" in seen.path:
            return web.Response(text="<R><UploadId>u1</UploadId></R>")
        return web.Response(status=200)


_SESSION = (
    "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
    "</SessionToken><Expiration>2099-03-01T13:00:00Z</Expiration></Credentials>"
)


@pytest.fixture
async def cloud(http_server: HttpServer) -> AsyncIterator[Cloud]:
    endpoints = AwsEndpoints(f"{http_server.url}/s3/{{region}}", f"{http_server.url}/sts", True, True)
    async with Network(LOCAL) as network:
        made = Cloud(sender_of(network, endpoints, Credentials("AKIA", "own")), http_server)
        http_server.replies = [made.answer]
        yield made


CREATION = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": KEY_ARN,
    "x-amz-acl": "bucket-owner-full-control",
    "x-amz-tagging": "team=a%20b%2Fc&empty=",
}


async def test_the_owner_is_demanded_with_every_request(cloud: Cloud) -> None:
    await cloud.sender.put(FOLDER)
    assert [seen.method for seen in cloud.asked] == ["PUT", "HEAD"]
    assert {seen.headers[OWNER_HEADER] for seen in cloud.asked} == {OWNER}
    assert CREATION.items() <= {name.lower(): value for name, value in cloud.asked[0].headers.items()}.items()


async def test_parts_carry_the_owner_and_only_the_beginning_the_rest(cloud: Cloud) -> None:
    await cloud.sender.put(FOLDER, large())
    first, *rest = (seen for seen in cloud.asked if seen.method != "HEAD")
    assert (first.method, len(rest)) == ("POST", 3)
    assert all(seen.headers[OWNER_HEADER] == OWNER for seen in cloud.asked)
    assert all(first.headers[name] == value for name, value in CREATION.items())
    assert not any(name in seen.headers for seen in rest for name in CREATION)


async def test_the_owner_is_demanded_when_an_upload_is_given_up(cloud: Cloud) -> None:
    broken = replace(large(), sha256="0" * 64)
    await cloud.sender.put(FOLDER, broken)
    assert cloud.asked[-1].method == "DELETE"
    assert cloud.asked[-1].headers[OWNER_HEADER] == OWNER


async def test_without_options_nothing_is_asked_for(cloud: Cloud) -> None:
    await cloud.sender.put(replace(FOLDER, options=S3Options()))
    assert not {*CREATION, OWNER_HEADER} & set(cloud.asked[0].headers)


DENIED = "User: arn:aws:sts::1:assumed-role/r/m is not authorized to perform: {} on resource: x"


@pytest.mark.parametrize(
    ("code", "status", "message", "options", "cause", "remedy"),
    [
        (
            "AccessDenied",
            403,
            DENIED.format("kms:GenerateDataKey"),
            S3Options(),
            "KMS key",
            "kms:GenerateDataKey",
        ),
        (
            "AccessDenied",
            403,
            DENIED.format("s3:PutObjectTagging"),
            EVERYTHING,
            "s3:PutObjectTagging",
            "Grant",
        ),
        ("AccessDenied", 403, "Access Denied", EVERYTHING, OWNER, "s3:PutObjectAcl"),
        ("AccessDenied", 403, "Access Denied", S3Options(), "this place", "s3:PutObject "),
        ("KMS.NotFoundException", 400, "", EVERYTHING, "does not exist", "kmsKeyId"),
        ("KMS.DisabledException", 400, "", EVERYTHING, "disabled", "Enable"),
    ],
)
async def test_a_refusal_says_what_is_missing(  # noqa: PLR0917
    cloud: Cloud, code: str, status: int, message: str, options: S3Options, cause: str, remedy: str
) -> None:
    cloud.refusal = web.Response(status=status, text=error(code, message))
    outcome = await cloud.sender.put(replace(FOLDER, options=options))
    assert isinstance(outcome, Refused)
    assert cause in outcome.reason
    assert remedy in outcome.remedy


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("AccessControlListNotSupported", "bucketOwnerFullControl"), ("InvalidTag", "s3Options.tags")],
)
async def test_what_the_bucket_never_takes_is_hopeless(cloud: Cloud, code: str, remedy: str) -> None:
    cloud.refusal = web.Response(status=400, text=error(code, "m"))
    outcome = await cloud.sender.put(FOLDER)
    assert isinstance(outcome, Hopeless)
    assert remedy in outcome.remedy


def error(code: str, message: str) -> str:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"


# --- the policies


def statements(policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return found


def test_the_session_may_do_what_was_asked_for_and_no_more() -> None:
    write, kms = statements(session_policy.writing(FOLDER, "calls/k"))
    assert write["Action"][3:] == ["s3:PutObjectAcl", "s3:PutObjectTagging"]
    assert kms["Resource"] == KEY_ARN
    plain = replace(FOLDER, options=S3Options(kms_key_id="alias/calls"))
    write, kms = statements(session_policy.writing(plain, "calls/k"))
    assert write["Action"] == ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"]
    assert kms["Resource"] == "*"
    assert "s3:PutObjectTagging" in statements(session_policy.probing(FOLDER, "calls/k"))[0]["Action"]


def test_the_printed_policy_names_each_permission_once() -> None:
    grant = iam.Grant("b", "1", "2", "calls", kms_key=KEY_ARN, acl=True, tags=True)
    write, kms = statements(iam.policy(grant))
    assert set(write["Action"]) == {
        "s3:PutObject",
        "s3:GetObject",
        "s3:AbortMultipartUpload",
        "s3:PutObjectAcl",
        "s3:PutObjectTagging",
    }
    assert (write["Resource"], kms["Resource"]) == ("arn:aws:s3:::b/calls/*", KEY_ARN)
    assert len(statements(iam.policy(replace(grant, kms_key=None)))) == 1
    assert CUSTOMER_ACCOUNT == OWNER
