"""SeaweedFS's S3 server on free ports of 127.0.0.1."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from demo.customer import answers
from demo.processes import free_port, running

ACCESS_KEY, SECRET_KEY = "customer", "customer-secret"


@dataclass(frozen=True)
class Seaweed:
    endpoint: str

    def client(self, version: str | None = "s3v4") -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(signature_version=version, s3={"addressing_style": "path"}),
        )


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """One server for master, volumes and S3; its gRPC ports are its HTTP ports and 10000."""
    ports = [free_port() for _ in range(8)]
    identity = {
        "name": "customer",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }
    settings = folder / "s3.json"
    settings.write_text(json.dumps({"identities": [identity]}))
    names = (
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    )
    command = [
        str(Path(sys.executable).with_name("weed")),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *(f"-{name}={port}" for name, port in zip(names, ports, strict=False)),
        "-filer",
        "-s3",
        f"-s3.port={ports[6]}",
        f"-s3.port.grpc={ports[7]}",
        f"-s3.config={settings}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-volume.max=20",
        "-master.volumeSizeLimitMB=64",
        "-master.telemetry=false",
        "-volume.preStopSeconds=1",
    ]
    endpoint = f"http://127.0.0.1:{ports[6]}"
    with running(
        command, environment={}, log=folder / "seaweed.log", ready=lambda: answers(endpoint)
    ) as process:
        yield Seaweed(endpoint)
        # It may hang when it is asked to stop, and what it holds is of no use any more.
        process.kill()
