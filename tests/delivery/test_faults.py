"""What AWS does on bad days and no test server imitates, played by a scripted one."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from uuid import uuid4

import pytest
from aiohttp import web
from http_server import HttpServer, Reply, Seen

from callpost.delivery import payload, session_policy, signed_put
from callpost.delivery.aws import Aws, AwsEndpoints
from callpost.delivery.bucket import Buckets, Written
from callpost.delivery.preflight import Preflight, Roles
from callpost.delivery.sessions import Sessions
from callpost.delivery.signing import Credentials
from callpost.model.delivery import (
    BucketFolder,
    Delivered,
    EndpointPolicy,
    Hopeless,
    Outcome,
    PresignedObject,
    Refused,
    SignatureVersion,
    Unreachable,
)
from callpost.network import Network

DATA = b"{}"
LOCAL = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
ROLE = "arn:aws:iam::999533888199:role/r"
FOLDER = BucketFolder("acme-calls", "calls", ROLE, "us-east-1")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ETAG = f'"{hashlib.md5(DATA, usedforsecurity=False).hexdigest()}"'


def session(_: Seen) -> Reply:
    text = (
        "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        "<SessionToken>t</SessionToken><Expiration>2026-03-01T13:00:00Z</Expiration></Credentials>"
    )
    return web.Response(text=text)


def error(code: str, status: int, extra: str = "", **headers: str) -> Callable[[Seen], Reply]:
    text = f"<Error><Code>{code}</Code><Message>m</Message>{extra}</Error>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: web.Response(status=status, text=text, headers=named)


def stored(_: Seen) -> Reply:
    return web.Response(status=200, headers={"ETag": ETAG})


@dataclass
class Cloud:
    """STS and every region's S3 behind one address: /sts and /s3/{region}. script: what S3 answers."""

    buckets: Buckets
    sessions: Sessions
    preflight: Preflight
    server: HttpServer
    network: Network
    script: list[Callable[[Seen], Reply]] = field(default_factory=lambda: [stored])
    sts: list[Callable[[Seen], Reply]] = field(default_factory=lambda: [session])

    async def answer(self, seen: Seen) -> Reply:
        replies = self.sts if seen.path.startswith("/sts") else self.script
        return (replies.pop(0) if len(replies) > 1 else replies[0])(seen)

    async def put(self, folder: BucketFolder = FOLDER, data: bytes = DATA) -> Outcome:
        sent = payload.of_bytes(data, "application/json")
        return await self.buckets.put(Written(folder, "calls/k", sent, uuid4(), uuid4()))

    def asked(self) -> list[str]:
        """Method and path of what S3 was asked."""
        return [f"{seen.method} {seen.path}" for seen in self.server.seen if seen.path.startswith("/s3")]


@pytest.fixture
async def cloud(http_server: HttpServer) -> AsyncIterator[Cloud]:
    endpoints = AwsEndpoints(f"{http_server.url}/s3/{{region}}", f"{http_server.url}/sts", True, True)
    async with Network(LOCAL) as network:
        requests = Aws(network, lambda: NOW)
        sessions = Sessions(requests, endpoints, lambda: Credentials("AKIA", "own"))
        buckets = Buckets(requests, sessions, endpoints)
        preflight = Preflight(network, sessions, buckets)
        made = Cloud(buckets, sessions, preflight, http_server, network)
        http_server.replies = [made.answer]
        yield made


PUT = "PUT /s3/{region}/acme-calls/calls/k"


@pytest.mark.parametrize(
    "fault",
    [
        error("PermanentRedirect", 301, x_amz_bucket_region="eu-west-1"),
        error("AuthorizationHeaderMalformed", 400, "<Region>eu-west-1</Region>"),
        error("TemporaryRedirect", 307, Location="https://acme-calls.s3-eu-west-1.amazonaws.com/calls/k"),
    ],
)
async def test_a_wrong_region_is_corrected_once_and_remembered(
    cloud: Cloud, fault: Callable[[Seen], Reply]
) -> None:
    cloud.script = [fault, stored]
    assert isinstance(await cloud.put(), Delivered)
    assert isinstance(await cloud.put(), Delivered)
    assert cloud.asked() == [PUT.format(region="us-east-1"), *[PUT.format(region="eu-west-1")] * 2]
    assert "/eu-west-1/s3/aws4_request" in cloud.server.seen[-1].headers["authorization"]


async def test_an_unknown_region_is_asked_for_and_remembered(cloud: Cloud) -> None:
    cloud.script = [error("AccessDenied", 403, x_amz_bucket_region="ap-south-1"), stored]
    folder = replace(FOLDER, region=None)
    for _ in range(2):
        assert isinstance(await cloud.put(folder), Delivered)
    assert cloud.asked() == ["HEAD /s3/us-east-1/acme-calls", *[PUT.format(region="ap-south-1")] * 2]


async def test_a_redirect_to_somebody_else_is_not_followed(cloud: Cloud) -> None:
    cloud.script = [
        error("TemporaryRedirect", 307, Location="https://acme-calls.s3-eu-west-1.evil.org/calls/k")
    ]
    assert isinstance(await cloud.put(), Refused)
    assert len(cloud.asked()) == 1


async def test_a_region_that_is_none_never_becomes_part_of_a_host(cloud: Cloud) -> None:
    cloud.script = [error("PermanentRedirect", 301, x_amz_bucket_region="evil.org/x")]
    assert isinstance(await cloud.put(), Refused)
    assert isinstance(await cloud.put(replace(FOLDER, region=None)), Refused)
    assert {line.split("/")[2] for line in cloud.asked()} == {"us-east-1"}


async def test_regions_that_contradict_each_other_end(cloud: Cloud) -> None:
    here, there = (
        error("PermanentRedirect", 301, x_amz_bucket_region=name) for name in ("eu-west-1", "us-west-2")
    )
    cloud.script = [here, there, here, there]
    assert isinstance(await cloud.put(), Refused)
    assert len(cloud.asked()) == 2


async def test_slow_down_is_the_schedules(cloud: Cloud) -> None:
    cloud.script = [error("SlowDown", 503, Retry_After="7")]
    outcome = await cloud.put()
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.retry_after_s, outcome.reason) == (503, 7, "S3 asks for fewer requests.")
    assert len(cloud.asked()) == 1


async def test_success_with_an_error_inside_is_none(cloud: Cloud) -> None:
    cloud.script = [error("InternalError", 200)]
    outcome = await cloud.put()
    assert isinstance(outcome, Refused)
    assert outcome.reason == "S3 failed."


async def test_a_session_that_has_ended_is_replaced_once(cloud: Cloud) -> None:
    cloud.script = [error("ExpiredToken", 400), stored]
    assert isinstance(await cloud.put(), Delivered)
    assert cloud.sessions.requests == 2
    cloud.script = [error("ExpiredToken", 400)]
    assert isinstance(await cloud.put(), Refused)
    assert len(cloud.asked()) == 4


async def test_a_wrong_clock_is_set_by_the_servers(cloud: Cloud) -> None:
    theirs = NOW + timedelta(minutes=20)
    cloud.script = [error("RequestTimeTooSkewed", 403, Date=format_datetime(theirs, usegmt=True)), stored]
    assert isinstance(await cloud.put(), Delivered)
    assert isinstance(await cloud.put(), Delivered)
    dates = [seen.headers["x-amz-date"] for seen in cloud.server.seen if seen.path.startswith("/s3")]
    assert dates == ["20260301T120000Z", "20260301T122000Z", "20260301T122000Z"]


async def test_a_wrong_clock_is_set_by_sts_too(cloud: Cloud) -> None:
    theirs = format_datetime(NOW + timedelta(minutes=20), usegmt=True)
    cloud.sts = [error("SignatureDoesNotMatch", 403, Date=theirs), session]
    assert isinstance(await cloud.put(), Delivered)


async def test_a_server_without_conditional_writes_is_remembered_and_the_receipt_says_so(
    cloud: Cloud,
) -> None:
    cloud.script = [error("NotImplemented", 501), stored]
    for _ in range(2):
        outcome = await cloud.put()
        assert isinstance(outcome, Delivered)
        assert outcome.receipt.conditional is False
    conditions = [
        "if-none-match" in seen.headers for seen in cloud.server.seen if seen.path.startswith("/s3")
    ]
    assert conditions == [True, False, False]


async def test_an_object_that_is_there_already_is_compared(cloud: Cloud) -> None:
    def same(seen: Seen) -> Reply:
        headers = {"ETag": ETAG, "x-amz-version-id": "v1", "Content-Length": "2"}
        return web.Response(status=200, headers=headers) if seen.method == "HEAD" else 500

    cloud.script = [error("PreconditionFailed", 412), same]
    outcome = await cloud.put()
    assert isinstance(outcome, Delivered)
    assert (outcome.receipt.version_id, outcome.receipt.conditional) == ("v1", True)
    assert [line.split()[0] for line in cloud.asked()] == ["PUT", "HEAD"]


async def test_an_object_of_another_checksum_is_not_taken_for_ours(cloud: Cloud) -> None:
    def other(seen: Seen) -> Reply:
        digest = base64.b64encode(hashlib.sha256(b"[]").digest()).decode()
        headers = {"ETag": ETAG, "x-amz-checksum-sha256": digest, "Content-Length": "2"}
        return web.Response(status=200, headers=headers) if seen.method == "HEAD" else 500

    cloud.script = [error("PreconditionFailed", 412), other, stored]
    outcome = await cloud.put()
    assert isinstance(outcome, Delivered)
    assert [line.split()[0] for line in cloud.asked()] == ["PUT", "HEAD", "PUT"]


async def test_an_object_that_arrived_otherwise_is_no_success(cloud: Cloud) -> None:
    wrong = web.Response(status=200, headers={"ETag": f'"{"0" * 32}"'})
    cloud.script = [lambda _: wrong]
    outcome = await cloud.put()
    assert isinstance(outcome, Refused)
    assert "checksum" in outcome.reason


async def test_a_write_that_meets_another_is_tried_again_later(cloud: Cloud) -> None:
    cloud.script = [error("ConditionalRequestConflict", 409)]
    assert isinstance(await cloud.put(), Refused)


async def test_a_connection_that_breaks_is_unreachable(cloud: Cloud) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.transport.abort()

    broken = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = broken.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/b/k?X-Amz-Signature=secret"
    late = NOW + timedelta(days=1)
    target = PresignedObject(url, "127.0.0.1", None, "k", SignatureVersion.V4, late, False, None)
    sent = payload.of_bytes(b"x" * 3_000_000, "application/json")
    outcome = await signed_put.put(cloud.network, target, sent, NOW)
    broken.close()
    assert isinstance(outcome, Unreachable)
    assert "secret" not in str(outcome)


@pytest.mark.parametrize(
    ("code", "status", "message", "hopeless"),
    [
        ("AccessDenied", 403, "Request has expired", True),
        ("AccessDenied", 403, "Access Denied", False),
        ("SignatureDoesNotMatch", 403, "", True),
        ("ExpiredToken", 400, "", True),
        ("InvalidRequest", 400, "Please use AWS4-HMAC-SHA256.", True),
        ("InvalidRequest", 400, "Missing something", False),
        ("SlowDown", 503, "", False),
        ("NoSuchBucket", 404, "", True),
    ],
)
async def test_what_a_presigned_url_cannot_be_mended_by_waiting_is_hopeless(
    cloud: Cloud, code: str, status: int, message: str, hopeless: bool
) -> None:
    text = (
        f"<Error><Code>{code}</Code><Message>{message}</Message><StringToSign>secret</StringToSign></Error>"
    )
    cloud.script = [lambda _: web.Response(status=status, text=text)]
    url = f"{cloud.server.url}/s3/k?X-Amz-Signature=a"
    late = NOW + timedelta(days=1)
    target = PresignedObject(url, "127.0.0.1", None, "k", SignatureVersion.V4, late, False, None)
    outcome = await signed_put.put(cloud.network, target, payload.of_bytes(DATA, None), NOW)
    assert isinstance(outcome, Hopeless if hopeless else Refused)
    assert "secret" not in outcome.excerpt
    assert code in outcome.excerpt


async def test_many_deliveries_wait_for_one_session(cloud: Cloud) -> None:
    who = uuid4()
    sent = payload.of_bytes(DATA, None)
    await asyncio.gather(
        *(cloud.buckets.put(Written(FOLDER, "calls/k", sent, who, uuid4())) for _ in range(50))
    )
    assert cloud.sessions.requests == 1


async def test_a_failed_session_is_told_to_all_and_not_kept(cloud: Cloud) -> None:
    who, sent = uuid4(), payload.of_bytes(DATA, None)
    cloud.sts = [error("Throttling", 400), session]
    written = Written(FOLDER, "calls/k", sent, who, uuid4())
    outcomes = await asyncio.gather(*(cloud.buckets.put(written) for _ in range(5)))
    assert {type(outcome) for outcome in outcomes} == {Refused}
    assert isinstance(await cloud.buckets.put(written), Delivered)


async def test_a_session_is_asked_for_this_folder_this_organization_and_this_recording(cloud: Cloud) -> None:
    written = Written(FOLDER, "calls/k", payload.of_bytes(DATA, None), uuid4(), uuid4())
    await cloud.buckets.put(written)
    form = dict(pair.split("=", 1) for pair in cloud.server.seen[0].body.decode().split("&"))
    assert form["ExternalId"] == str(written.organization_id)
    assert form["RoleSessionName"] == str(written.media_id)
    assert form["DurationSeconds"] == "3600"
    assert "acme-calls%2Fcalls%2F%2A" in form["Policy"]


async def test_a_role_that_is_open_to_others_is_found_out_once_a_day(cloud: Cloud) -> None:
    roles, who = Roles(cloud.preflight, lambda: NOW), uuid4()
    warnings = await asyncio.gather(*(roles.warning(FOLDER, who) for _ in range(20)))
    assert all("confused deputy" in warning for warning in warnings)
    assert len(cloud.server.seen) == 2
    cloud.sts = [error("AccessDenied", 403)]
    assert await roles.warning(FOLDER, uuid4()) == ""
    assert await Roles(cloud.preflight, lambda: NOW, enabled=False).warning(FOLDER, uuid4()) == ""
    assert len(cloud.server.seen) == 4


async def test_the_session_policy_names_one_folder_and_stays_within_awss_limit() -> None:

    odd = replace(FOLDER, prefix="a*b?c$d")
    statement = json.loads(session_policy.writing(odd, "a*b?c$d/k"))["Statement"][0]
    assert statement["Resource"] == "arn:aws:s3:::acme-calls/a${*}b${?}c${$}d/*"
    assert json.loads(session_policy.writing(FOLDER, "elsewhere/k"))["Statement"][0]["Resource"] == (
        "arn:aws:s3:::acme-calls/*"
    )
    long = replace(FOLDER, prefix="*" * 800)
    assert len(session_policy.writing(long, f"{long.prefix}/k")) <= 2048
