"""Proving destinations on a server that enforces trust policies, and the texts a customer pastes."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from demo.customer import CALLPOST_ACCOUNT, Account, Key
from http_server import HttpServer

from callpost.delivery import iam
from callpost.delivery.aws import Aws, AwsEndpoints
from callpost.delivery.bucket import Buckets
from callpost.delivery.iam import Grant
from callpost.delivery.preflight import Check, Preflight, Verdict
from callpost.delivery.sessions import Sessions
from callpost.delivery.signing import Credentials
from callpost.model.delivery import BucketFolder, EndpointPolicy, HttpEndpoint
from callpost.network import Network

ORGANIZATION = uuid4()
GRANT = Grant("acme-calls", CALLPOST_ACCOUNT, str(ORGANIZATION), "calls")


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def preflight(account: Account, callpost_key: Key) -> AsyncIterator[Preflight]:
    policy = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
    endpoints = AwsEndpoints(account.endpoint, account.endpoint, s3_trusted=True, sts_trusted=True)
    own = Credentials(callpost_key.access_key_id, callpost_key.secret)
    async with Network(policy) as network:
        requests = Aws(network, clock)
        sessions = Sessions(requests, endpoints, lambda: own)
        yield Preflight(network, sessions, Buckets(requests, sessions, endpoints), CALLPOST_ACCOUNT)


def make_folder(account: Account, trust: Any, policy: Any = None) -> BucketFolder:
    bucket = account.make_bucket(f"acme-{uuid4().hex[:12]}")
    client, name = account.client("iam"), f"role-{uuid4().hex[:8]}"
    role = client.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    grant = Grant(bucket, CALLPOST_ACCOUNT, str(ORGANIZATION), "calls")
    document = json.dumps(policy) if policy else iam.policy(grant)
    client.put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=document)
    return BucketFolder(bucket, "calls", role)


def outcomes(verdict: Verdict) -> dict[str, bool | None]:
    return {check.name: check.passed for check in verdict.checks}


def check(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)


TRUST = json.loads(iam.trust(GRANT))
OPEN_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{key: value for key, value in TRUST["Statement"][0].items() if key != "Condition"}],
}


async def test_the_least_policy_of_the_kit_is_enough(account: Account, preflight: Preflight) -> None:
    folder = make_folder(account, TRUST)
    verdict = await preflight.verify(folder, ORGANIZATION)
    assert verdict.passed
    assert outcomes(verdict) == {
        "assume-without-external-id": True,
        "assume-with-another-external-id": True,
        "assume": True,
        "write": True,
        "conditional-write": True,
        "read": True,
        "delete": None,
    }
    assert verdict.conditional is True
    assert verdict.region == "us-east-1"


async def test_the_documented_policy_lets_the_probe_be_removed(
    account: Account, preflight: Preflight
) -> None:
    folder = make_folder(account, TRUST)
    grant = Grant(folder.bucket, CALLPOST_ACCOUNT, str(ORGANIZATION))
    wide = iam.policy(grant, documented=True)
    name = folder.role.rpartition("/")[2]
    account.client("iam").put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=wide)
    verdict = await preflight.verify(folder, ORGANIZATION)
    assert outcomes(verdict)["delete"] is True
    assert account.objects(folder.bucket) == {}


async def test_a_role_open_to_everybody_is_said_to_be(account: Account, preflight: Preflight) -> None:
    verdict = await preflight.verify(make_folder(account, OPEN_TRUST), ORGANIZATION)
    assert not verdict.passed
    found = check(verdict, "assume-without-external-id")
    assert found.passed is False
    assert "confused deputy" in found.detail
    assert json.loads(found.snippet) == json.loads(iam.trust(GRANT))
    assert check(verdict, "assume-with-another-external-id").passed is False


async def test_a_role_for_somebody_else_is_not_assumed(account: Account, preflight: Preflight) -> None:
    verdict = await preflight.verify(make_folder(account, TRUST), uuid4())
    found = check(verdict, "assume")
    assert (verdict.passed, found.passed) == (False, False)
    assert "external ID" in found.detail
    assert "sts:ExternalId" in found.snippet


async def test_a_role_that_may_not_write_gets_the_policy_to_paste(
    account: Account, preflight: Preflight
) -> None:
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    folder = make_folder(account, TRUST, {"Version": "2012-10-17", "Statement": [read]})
    found = check(await preflight.verify(folder, ORGANIZATION), "write")
    assert found.passed is False
    assert json.loads(found.snippet)["Statement"][0]["Resource"] == f"arn:aws:s3:::{folder.bucket}/calls/*"


async def test_a_role_that_may_only_put_passes_where_that_is_said(
    account: Account, preflight: Preflight
) -> None:
    put = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
    folder = make_folder(account, TRUST, {"Version": "2012-10-17", "Statement": [put]})
    verdict = await preflight.verify(folder, ORGANIZATION, put_only=True)
    assert verdict.passed
    assert "read" not in outcomes(verdict)


async def test_an_endpoint_is_reached_without_posting_anything(
    preflight: Preflight, http_server: HttpServer
) -> None:
    endpoint = HttpEndpoint(f"{http_server.url}/hook", "POST", "h")
    assert (await preflight.verify(endpoint, ORGANIZATION)).passed
    assert [seen.method for seen in http_server.seen] == ["HEAD"]
    assert not (await preflight.verify(HttpEndpoint("http://127.0.0.1:1/", "POST", "h"), ORGANIZATION)).passed


def test_the_documented_policy_is_the_seeds_word_for_word() -> None:
    assert json.loads(iam.policy(Grant("[s3-bucket-name]", "1", "2"), documented=True)) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"],
                "Resource": ["arn:aws:s3:::[s3-bucket-name]", "arn:aws:s3:::[s3-bucket-name]/*"],
            }
        ],
    }


def test_the_cloudformation_stack_makes_the_role(account: Account) -> None:
    client = account.client("cloudformation")
    name = f"stack-{uuid4().hex[:8]}"
    grant = Grant("acme-calls", CALLPOST_ACCOUNT, str(ORGANIZATION), "calls", role_name=name)
    client.create_stack(
        StackName=name, TemplateBody=iam.cloudformation(grant), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    client.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["Outputs"][0]["OutputValue"].endswith(f":role/{name}")
    role = account.client("iam").get_role(RoleName=name)["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(iam.trust(grant))


def test_the_texts_name_what_is_filled_in() -> None:
    for text in (iam.terraform(GRANT), iam.steps(GRANT)):
        assert "acme-calls" in text
        assert str(ORGANIZATION) in text
        assert CALLPOST_ACCOUNT in text
    assert iam.terraform(GRANT).count("JSON") == 4
