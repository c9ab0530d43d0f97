"""SeaweedFS's S3 server on free ports of 127.0.0.1."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.customer import Key, answers
from demo.processes import free_port, running

KEY = Key("customer", "customer-secret")
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
)
# Each bucket has volumes of its own, of which one is enough here.
_ENVIRONMENT = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}


@contextmanager
def seaweed(folder: Path, domain: str) -> Iterator[int]:
    """The port of one server for master, volumes and S3; domain: for virtual-hosted requests."""
    ports = [free_port() for _ in range(8)]
    identity = {
        "name": "customer",
        "credentials": [{"accessKey": KEY.access_key_id, "secretKey": KEY.secret}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    settings = folder / "s3.json"
    settings.write_text(json.dumps({"identities": [identity]}))
    command = [
        str(Path(sys.executable).with_name("weed")),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}={port}" for name, port in zip(_PORTS, ports, strict=False)),
        "-filer",
        "-s3",
        f"-s3.port={ports[6]}",
        f"-s3.port.grpc={ports[7]}",
        f"-s3.config={settings}",
        f"-s3.domainName={domain}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-volume.max=1000",
        "-master.volumeSizeLimitMB=256",
        "-master.telemetry=false",
        "-volume.preStopSeconds=1",
    ]
    ready = lambda: answers(f"http://127.0.0.1:{ports[6]}")  # noqa: E731
    with running(command, environment=_ENVIRONMENT, log=folder / "seaweed.log", ready=ready) as process:
        yield ports[6]
        # It may hang when it is asked to stop, and what it holds is of no use any more.
        process.kill()
