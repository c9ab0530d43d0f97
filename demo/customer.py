"""The customer's side: an AWS account (MiniStack, which checks signatures and policies), and a web server.

Two accounts live on it. The customer's holds the bucket and the role of the seed's instructions; callpost's
holds nothing but the user that callpost signs with, so that all it may do in the bucket comes from the role.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import boto3
from botocore.config import Config

from demo.processes import free_port, running

CUSTOMER_ACCOUNT = "999533888199"  # the one in the seed's examples
CALLPOST_ACCOUNT = "111122223333"
REGION = "us-east-1"
ROLE_NAME = "s3-delivery-role"

# The policy of the seed, word for word; the bucket's name goes in where it says so.
_SEED_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"],
            "Resource": ["arn:aws:s3:::[s3-bucket-name]", "arn:aws:s3:::[s3-bucket-name]/*"],
        }
    ],
}


# An account's number serves as its owner's access key; such keys skip every check, so that they only set up.
_ROOT_SECRET = "test"  # noqa: S105 - MiniStack's, the same for everybody


def trust_policy(external_id: str | None) -> str:
    """callpost's account may assume the role; None: without any external ID, as it must not be."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{CALLPOST_ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True)
class Key:
    """A user's credentials."""

    access_key_id: str
    secret: str = field(repr=False)

    def environment(self) -> dict[str, str]:
        """As the AWS SDKs read them."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": REGION,
        }


@dataclass(frozen=True)
class Account:
    """The customer's account on a server at `endpoint`."""

    endpoint: str

    def client(self, service: str, key: Key | None = None, *, config: Config | None = None) -> Any:
        """A boto3 client with the rights of `key`, by default those of the account's owner."""
        key = key or Key(CUSTOMER_ACCOUNT, _ROOT_SECRET)
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret,
            config=config,
        )

    def make_bucket(self, name: str) -> str:
        self.client("s3").create_bucket(Bucket=name)
        return name

    def make_role(self, bucket: str, external_id: str | None, name: str = ROLE_NAME) -> str:
        """The role of the seed: callpost's account may assume it, with the external ID. Returns its ARN.

        Without an external ID it is what the seed warns of: open to whoever makes callpost deliver.
        """
        iam = self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy(external_id))
        policy = json.dumps(_SEED_POLICY).replace("[s3-bucket-name]", bucket)
        iam.put_role_policy(RoleName=name, PolicyName="deliver", PolicyDocument=policy)
        return str(role["Role"]["Arn"])

    def make_user(self, account: str, action: str, resource: str) -> Key:
        """A user who may do one thing, in the customer's account or in callpost's."""
        iam = self.client("iam", Key(account, _ROOT_SECRET))
        name = f"user-{uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        allow = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Key(key["AccessKeyId"], key["SecretAccessKey"])

    def presign(
        self, signer: Key, bucket: str, key: str, content_type: str, *, version: str | None = None
    ) -> str:
        """A pre-signed PUT as the seed's script makes it; version "s3v4" for SigV4, None: boto3's default."""
        config = Config(signature_version=version) if version else None
        return str(
            self.client("s3", signer, config=config).generate_presigned_url(
                ClientMethod="put_object",
                Params={"Bucket": bucket, "Key": key, "ContentType": content_type},
                ExpiresIn=86400,
                HttpMethod="PUT",
            )
        )

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Every object of the bucket, read back by its owner."""
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@contextmanager
def account(folder: Path) -> Iterator[Account]:
    """A fresh AWS-compatible server that enforces signatures, policies and external IDs."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environment = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    command = [str(Path(sys.executable).with_name("ministack"))]
    log = folder / "ministack.log"
    with running(command, environment=environment, log=log, ready=lambda: answers(endpoint)):
        yield Account(endpoint)


def answers(url: str) -> bool:
    """Whether an HTTP server is there, whatever it says."""
    try:
        with urlopen(url, timeout=2):  # noqa: S310 - our own server
            return True
    except URLError as error:
        return hasattr(error, "code")
    except OSError:
        return False


@dataclass
class Endpoint:
    """A web server that takes callbacks and keeps their bodies."""

    url: str
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """An HTTP endpoint on this machine for the length of the block."""
    taken = Endpoint(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as taken.url:
        yield taken


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[str]:
    """Answers for the length of the block; gives the URL for callbacks."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/callbacks"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
