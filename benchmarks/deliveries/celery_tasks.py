"""The same PUTs as tasks of Celery, with boto3. `python celery_tasks.py COUNT` puts tasks into the queue.

Set up to be fast: no results, prefetching, kept connections, no checksums that S3 does not require; and, as
a delivery service has to, to acknowledge a task when it is done.
"""

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from celery import Celery

app = Celery(broker=f"redis+socket://{os.environ['BENCHMARK_REDIS']}")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
)


@lru_cache(maxsize=1)
def _body() -> bytes:
    return Path(os.environ["BENCHMARK_BODY"]).read_bytes()


@lru_cache(maxsize=1)
def _client() -> Any:
    config = Config(
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path"},
        max_pool_connections=64,
        tcp_keepalive=True,
    )
    return boto3.client(
        "s3",
        endpoint_url=os.environ["BENCHMARK_SINK"],
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",  # noqa: S106 - the sink checks no signature
        config=config,
    )


@app.task(name="put", autoretry_for=(Exception,), retry_backoff=True)
def put(bucket: str, key: str) -> None:
    _client().put_object(Bucket=bucket, Key=key, Body=_body(), ContentType="application/json")


if __name__ == "__main__":
    with app.producer_pool.acquire() as producer:
        for number in range(int(sys.argv[1])):
            put.apply_async((f"bucket-{number % 50}", f"{number}.json"), producer=producer)
