"""The servers that stand for the world's buckets, what each of them can do, and how a delivery reaches them.

MiniStack is AWS: over TLS under AWS's own names, so that nothing of the product is set otherwise than for AWS
itself. SeaweedFS is a second verifier of signatures. JuiceFS (MinIO's code) is an old S3-compatible server.
"""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

import boto3
from aiohttp.abc import AbstractResolver, ResolveResult
from botocore.config import Config
from demo.customer import REGION, Key, trust_policy

from callpost.delivery.aws import AwsEndpoints
from callpost.model.delivery import EndpointPolicy


@dataclass(frozen=True)
class Abilities:
    """What a server does of what AWS does; a case runs where it has something to show.

    role: assumes roles, with external IDs and session policies. sessions: at least hands out sessions, with
    session policies. conditional: If-None-Match. checksums: refuses what does not fit its
    x-amz-checksum-sha256. versions: keeps them. virtual_v2: verifies SigV2 where the bucket is in the host's
    name. closed: writes into no bucket that nobody made. literal_policies: ${*} in a policy means the
    character.
    """

    role: bool = False
    sessions: bool = False
    conditional: bool = False
    checksums: bool = False
    versions: bool = False
    virtual_v2: bool = True
    closed: bool = True
    literal_policies: bool = True


ABILITIES: Mapping[str, Abilities] = {
    "ministack": Abilities(
        role=True, sessions=True, conditional=True, checksums=True, versions=True, literal_policies=False
    ),
    "seaweedfs": Abilities(conditional=True, checksums=True, versions=True, virtual_v2=False, closed=False),
    "juicefs": Abilities(sessions=True, literal_policies=False),
}
TRANSPORTS = ("plain", "tls")
DOMAINS = {"ministack": "s3.localhost", "seaweedfs": "s3.seaweed.test", "juicefs": "s3.juicefs.test"}
AWS_NAMES = (
    *(f"{name}.amazonaws.com" for name in ("s3", "*.s3", "*", "*.s3.us-east-1")),
    *(f"{name}.{region}.amazonaws.com" for name in ("s3", "sts") for region in ("us-east-1", "eu-west-1")),
)
NAMES = {name: (domain, f"*.{domain}", domain.replace("s3.", "sts.")) for name, domain in DOMAINS.items()} | {
    "ministack": AWS_NAMES
}


@dataclass(frozen=True)
class Server:
    """A running server. owner: may do everything; signer: the customer's user that signs URLs."""

    name: str
    port: int
    owner: Key
    signer: Key
    tls_port: int
    callpost: Key | None = None

    @property
    def can(self) -> Abilities:
        return ABILITIES[self.name]

    def client(self, service: str = "s3") -> Any:
        """For setting up and looking at what arrived, beside everything that is tested."""
        return _client(service, f"http://127.0.0.1:{self.port}", self.owner, None, "s3v4", "path")

    def make_bucket(self, region: str | None = None) -> str:
        name = f"acme-{uuid4().hex[:12]}"
        place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region else {}
        self.client().create_bucket(Bucket=name, **place)
        return name

    def make_role(self, bucket: str, external_id: str | None, actions: tuple[str, ...] = ("s3:*",)) -> str:
        """A role of a new name that callpost's account may assume; external_id None: without any."""
        iam, name = self.client("iam"), f"role-{uuid4().hex[:8]}"
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy(external_id))["Role"][
            "Arn"
        ]
        resource = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        allow = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=policy)
        return str(arn)

    def get(self, bucket: str, key: str) -> bytes:
        return bytes(self.client().get_object(Bucket=bucket, Key=key)["Body"].read())

    def head(self, bucket: str, key: str) -> Mapping[str, Any]:
        return dict(self.client().head_object(Bucket=bucket, Key=key))

    def keys(self, bucket: str) -> list[str]:
        return [entry["Key"] for entry in self.client().list_objects_v2(Bucket=bucket).get("Contents", ())]

    def uploads(self, bucket: str) -> list[str]:
        """Multipart uploads that were begun and not ended."""
        found = self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())
        return [entry["UploadId"] for entry in found]


@dataclass(frozen=True)
class Address:
    """How a server is reached. endpoint: None for AWS by its own names."""

    server: Server
    tls: bool

    @property
    def is_aws(self) -> bool:
        return self.tls and self.server.name == "ministack"

    @property
    def url(self) -> str:
        if self.is_aws:
            return f"https://s3.{REGION}.amazonaws.com"
        return f"{'https' if self.tls else 'http'}://{DOMAINS[self.server.name]}"

    @property
    def port(self) -> int:
        return self.server.tls_port if self.tls else self.server.port

    @property
    def policy(self) -> EndpointPolicy:
        """What an operator would set: for AWS nothing at all."""
        return EndpointPolicy() if self.is_aws else EndpointPolicy(s3_endpoints=(self.url,))

    @property
    def endpoints(self) -> AwsEndpoints:
        return AwsEndpoints() if self.is_aws else AwsEndpoints(sts=self.url.replace("//s3.", "//sts."))

    def presign(
        self,
        bucket: str,
        key: str,
        *,
        version: str | None = "s3v4",
        style: str = "path",
        signer: Key | None = None,
        token: str | None = None,
        expires_s: int = 3600,
        **parameters: Any,
    ) -> str:
        """A pre-signed PUT by boto3; version None: its default."""
        endpoint = None if self.is_aws else self.url
        client = _client("s3", endpoint, signer or self.server.signer, token, version, style)
        given = {"Bucket": bucket, "Key": key, **parameters}
        return str(client.generate_presigned_url("put_object", given, expires_s, "PUT"))


@cache
def _client(  # noqa: PLR0917
    service: str, endpoint: str | None, key: Key, token: str | None, version: str | None, style: str
) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret,
        aws_session_token=token,
        config=Config(signature_version=version if service == "s3" else None, s3={"addressing_style": style}),
    )


class Names(AbstractResolver):
    """Every name leads to one port of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del port, family
        there = ("127.0.0.1", self.port)
        return [
            ResolveResult(
                hostname=host, host=there[0], port=there[1], family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass
