"""`callpost presign`, read back by what decides about a URL at submit."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cli_support import Invoke, Run
from demo.customer import CUSTOMER_ACCOUNT, Account, account

from callpost.delivery import destination
from callpost.errors import Problem
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import EndpointPolicy, PresignedObject, SignatureVersion

_KEY = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example-secret"}


@pytest.mark.parametrize(
    ("words", "callback", "mime"),
    [
        ([], Callback(url=""), "application/json"),
        (
            ["--type", "media"],
            Callback(url="", type=CallbackType.MEDIA, stream="original"),
            "application/octet-stream",
        ),
        *(
            (
                ["--type", "transcript", "--format", format_],
                Callback(url="", type=CallbackType.TRANSCRIPT, format=TranscriptFormat(format_)),
                mime,
            )
            for format_, mime in [
                ("json", "application/json"),
                ("text", "text/plain"),
                ("srt", "text/srt"),
                ("webvtt", "text/vtt"),
                ("dfxp", "application/ttaf+xml"),
            ]
        ),
    ],
)
def test_the_url_is_taken_for_the_callback_it_was_made_for(
    invoke: Invoke, words: list[str], callback: Callback, mime: str
) -> None:
    made = json.loads(invoke("presign", "my-bucket", "a b/result", *words, "--json", **_KEY))
    assert made["contentType"] == mime
    assert made["method"] == "PUT"
    read, problems = _read(replace(callback, url=made["url"]))
    assert not problems
    assert (read.bucket, read.object_key) == ("my-bucket", "a b/result")
    assert read.version is SignatureVersion.V4
    assert read.signs_type
    assert timedelta(hours=23) < read.expires_at - datetime.now(UTC) <= timedelta(hours=24)


def test_an_old_signature_is_made_where_it_is_asked_for(invoke: Invoke) -> None:
    url = invoke("presign", "my-bucket", "result", "--signature", "v2", **_KEY).strip()
    read, problems = _read(Callback(url=url))
    assert read.version is SignatureVersion.V2
    assert read.signed_type == "application/json"
    assert [problem.code for problem in problems] == [60006], "a warning: AWS takes it for old buckets only"


def _read(callback: Callback) -> tuple[PresignedObject, tuple[Problem, ...]]:
    read, problems = destination.read(callback, "publish.callbacks[0]", EndpointPolicy())
    assert isinstance(read, PresignedObject)
    return read, problems


@pytest.mark.parametrize(
    ("bucket", "words", "host"),
    [
        ("my-bucket", ["--region", "eu-west-1"], "my-bucket.s3.eu-west-1.amazonaws.com"),
        ("my.bucket", ["--region", "eu-west-1"], "s3.eu-west-1.amazonaws.com"),
        ("my-bucket", ["--endpoint-url", "http://minio.example.com:9000"], "minio.example.com:9000"),
    ],
)
def test_the_address_is_the_one_that_answers(
    invoke: Invoke, bucket: str, words: list[str], host: str
) -> None:
    url = invoke("presign", bucket, "key", *words, **_KEY).strip()
    assert urlsplit(url).netloc == host


@pytest.mark.parametrize(
    ("words", "seconds"),
    [(["--expires", "90"], 90), (["--expires", "30m"], 1800), (["--expires", "7d"], 604800)],
)
def test_it_is_good_for_as_long_as_was_asked(invoke: Invoke, words: list[str], seconds: int) -> None:
    assert f"X-Amz-Expires={seconds}&" in invoke("presign", "my-bucket", "key", *words, **_KEY)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--expires", "8d"], "at most 7 days"),
        (["--expires", "soon"], "--expires"),
        (["--expires", "0"], "--expires"),
        (["--format", "srt"], "only a transcript has a format"),
        (["--type", "video"], "--type"),
    ],
)
def test_what_cannot_be_is_wrong_usage(invoke: Invoke, words: list[str], message: str) -> None:
    assert message in invoke("presign", "my-bucket", "key", *words, code=2, **_KEY)


def test_without_credentials_it_says_so(run: Run, tmp_path: Path) -> None:
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none")}
    assert "credentials" in run("presign", "my-bucket", "key", code=1, **nowhere).stderr


def test_the_secret_is_not_shown(run: Run) -> None:
    done = run("presign", "my-bucket", "key", **_KEY)
    assert _KEY["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr


@pytest.mark.parametrize("signature", ["v4", "v2"])
def test_a_server_that_checks_signatures_takes_the_object(
    run: Run, tmp_path: Path, signature: str, customer: Account
) -> None:
    """And refuses another Content-Type: it is part of what was signed."""
    bucket = customer.make_bucket(f"bucket-{signature}")
    signer = customer.make_user(CUSTOMER_ACCOUNT, "s3:PutObject", f"arn:aws:s3:::{bucket}/*")
    words = ("--type", "transcript", "--format", "srt", "--signature", signature, "--json")
    endpoint = ("--endpoint-url", customer.endpoint)
    done = run("presign", bucket, "calls/one.srt", *words, *endpoint, **signer.environment())
    made = json.loads(done.stdout)
    assert (
        requests.put(made["url"], b"no", headers={"Content-Type": "text/plain"}, timeout=30).status_code
        == 403
    )
    sent = requests.put(made["url"], b"yes", headers={"Content-Type": made["contentType"]}, timeout=30)
    assert sent.status_code == 200
    assert customer.objects(bucket) == {"calls/one.srt": b"yes"}


@pytest.fixture(scope="module")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with account(tmp_path_factory.mktemp("customer")) as opened:
        yield opened
