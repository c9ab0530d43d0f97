"""JuiceFS's S3 gateway on free ports of 127.0.0.1: MinIO's code of some years ago, its STS included."""

import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from demo.customer import Key, answers
from demo.processes import free_port, running

KEY = Key("customer", "customer-secret")
# The owner's own key may not ask for sessions. MinIO knows no roles: a session may do what its user may, as
# far as the session policy lets it.
CALLPOST_KEY = Key("callpost", "callpost-secret")


@contextmanager
def juicefs(folder: Path, domain: str) -> Iterator[int]:
    """The port of a gateway that keeps its objects in `folder`; domain: for virtual-hosted requests."""
    program = str(Path(sys.executable).with_name("juicefs"))
    database = f"sqlite3://{folder}/meta.db"
    made = ["format", "--storage", "file", "--bucket", f"{folder}/objects/", database, "jfs"]
    subprocess.run([program, *made], check=True, capture_output=True)
    port = free_port()
    command = [program, "gateway", "--multi-buckets", "--keep-etag", "--object-meta", "--no-usage-report"]
    command += ["--metrics", f"127.0.0.1:{free_port()}", "--cache-dir", "memory", "--domain", domain]
    command += ["--log", str(folder / "gateway.log"), database, f"127.0.0.1:{port}"]
    environment = {"MINIO_ROOT_USER": KEY.access_key_id, "MINIO_ROOT_PASSWORD": KEY.secret}
    ready = lambda: answers(f"http://127.0.0.1:{port}/minio/health/live")  # noqa: E731
    with running(command, environment=environment, log=folder / "juicefs.log", ready=ready) as process:
        _make_user(port)
        yield port
        process.kill()


def _make_user(port: int) -> None:
    """Who may write anywhere, and assume roles."""
    user = json.dumps({"secretKey": CALLPOST_KEY.secret, "status": "enabled"}).encode()
    name = CALLPOST_KEY.access_key_id
    _administer(port, f"add-user?accessKey={name}", _sealed(user))
    _administer(port, f"set-user-or-group-policy?isGroup=false&policyName=readwrite&userOrGroup={name}")


def _administer(port: int, path: str, body: bytes = b"") -> None:
    url = f"http://127.0.0.1:{port}/minio/admin/v3/{path}"
    for _ in range(50):
        given = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
        signed = AWSRequest("PUT", url, given, body)
        S3SigV4Auth(Credentials(KEY.access_key_id, KEY.secret), "s3", "us-east-1").add_auth(signed)
        answer = requests.put(url, body, headers=dict(signed.headers), timeout=10)
        if answer.status_code == 200:
            return
        time.sleep(0.1)  # it listens before it is ready
    raise RuntimeError(answer.text)


def _sealed(data: bytes) -> bytes:
    """As MinIO's administrators' client sends secrets: one fragment, the last, under the password."""
    salt, nonce = secrets.token_bytes(32), secrets.token_bytes(8)
    key = Argon2id(salt=salt, length=32, iterations=1, lanes=4, memory_cost=64 * 1024)
    cipher = AESGCM(key.derive(KEY.secret.encode()))
    begin = cipher.encrypt(nonce + bytes(4), b"", b"")
    return salt + b"\0" + nonce + cipher.encrypt(nonce + b"\1\0\0\0", data, b"\x80" + begin)
