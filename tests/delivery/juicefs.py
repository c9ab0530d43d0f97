"""JuiceFS's S3 gateway on free ports of 127.0.0.1: MinIO's code of some years ago."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.customer import Key, answers
from demo.processes import free_port, running

KEY = Key("customer", "customer-secret")


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
        yield port
        process.kill()
