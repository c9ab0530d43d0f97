"""Recordings and deliveries from the command line, against the real service and a real endpoint."""

import asyncio
import base64
import hashlib
import hmac
import json
import math
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from cli_support import Run, clean_environment
from demo.processes import free_port
from test_serve_command import Running

_CALLPOST = Path(sys.executable).with_name("callpost")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Two seconds of a tone: nothing to recognise, and so soon done."""
    path = tmp_path / "a tone.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (round(8000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(16000))
        file.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


@pytest.fixture(scope="module")
def api(
    postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The service, as an environment for its callers: each delivery is tried once."""
    folder = tmp_path_factory.mktemp("service")
    name = f"test_{uuid4().hex}"
    environment = {
        "CALLPOST_DATABASE_URL": urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}")),
        "CALLPOST_DATA": str(folder / "data"),
        "CALLPOST_MODEL": "tiny.en",
        "CALLPOST_ALLOW_HTTP": "true",
        "CALLPOST_ALLOW_PRIVATE_NETWORKS": "true",
        "CALLPOST_ALLOWED_PORTS": "0",
        "CALLPOST_METRICS_PORT": str(free_port()),
        "CALLPOST_RETRY_SLOTS_S": "0",
        "CALLPOST_RETRY_TRIES_PER_SLOT": "1",
    }
    asyncio.run(_execute(postgres_url, f"create database {name} template {template_database}"))
    serve = Running(folder, ("serve", "--port", "0"), environment)
    try:
        url = f"http://127.0.0.1:{serve.port()}"
        made = subprocess.run(
            [_CALLPOST, "keys", "create", "tests"],
            env={**clean_environment(), **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        yield {"CALLPOST_URL": url, "CALLPOST_TOKEN": made.stdout.strip(), **environment}
    finally:
        serve.stop()
        asyncio.run(_execute(postgres_url, f"drop database {name} with (force)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


class _Sink(BaseHTTPRequestHandler):
    """An endpoint that takes what the server's `answer` says."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.headers, body))  # type: ignore[attr-defined] - set below
        self.send_response(self.server.answer)  # type: ignore[attr-defined] - set below
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own
        pass


@contextmanager
def _endpoint() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    server.answer, server.requests = 500, []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_recording_from_sending_to_the_repeated_delivery(
    run: Run, api: dict[str, str], sound: Path, tmp_path: Path
) -> None:
    with _endpoint() as endpoint:
        url = f"http://127.0.0.1:{endpoint.server_address[1]}/results"
        (tmp_path / "configuration.json").write_text(json.dumps({"publish": {"callbacks": [{"url": url}]}}))
        (tmp_path / "metadata.json").write_text(json.dumps({"externalId": "order 7"}))
        words = ("--configuration", "configuration.json", "--metadata", "metadata.json", "--wait", "--json")
        posted = run("media", "post", sound.name, *words, code=1, **api)
        media = json.loads(posted.stdout)
        assert media["status"] == "finished"
        assert media["metadata"]["externalId"] == "order 7"
        assert [delivery["status"] for delivery in media["deliveries"]] == ["failed"], "hence the exit code"
        media_id = media["mediaId"]

        assert "500" in run("deliveries", "show", media_id, "1", **api).stdout
        assert media_id in run("deliveries", "list", "--status", "failed", **api).stdout
        assert media_id not in run("deliveries", "list", "--status", "delivered", **api).stdout
        endpoint.answer = 200  # type: ignore[attr-defined]
        run("deliveries", "retry", media_id, "1", **api)
        run("media", "status", media_id, "--wait", **api)
        shown = json.loads(run("deliveries", "show", media_id, "1", "--json", **api).stdout)
        assert shown["status"] == "delivered"
        assert [attempt["outcome"] for attempt in shown["history"]] == ["refused", "delivered"]
        dry = json.loads(run("deliveries", "replay", media_id, "--dry-run", "--json", **api).stdout)
        assert (dry["count"], len(dry["destinations"])) == (1, 1)
        again = run("deliveries", "replay", "--external-id", "order 7", "--status", "delivered", **api)
        assert "Sent again: 1." in again.stderr
        run("media", "status", media_id, "--wait", **api)
        replayed = json.loads(run("deliveries", "show", media_id, "2", "--json", **api).stdout)
        assert (replayed["status"], replayed["replayOf"]) == ("delivered", shown["deliveryId"])
        assert replayed["receipt"]["sha256"] == shown["receipt"]["sha256"]
        assert shown["receipt"]["sha256"] in run("deliveries", "show", media_id, "1", **api).stdout

    metrics = f"http://127.0.0.1:{api['CALLPOST_METRICS_PORT']}/metrics"
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        shown_metrics = answer.read().decode()
    assert 'callpost_delivery_attempts_total{outcome="refused"} 1.0' in shown_metrics
    assert 'callpost_deliveries_ended_total{state="failed"} 1.0' in shown_metrics

    assert "finished" in run("media", "status", media_id, **api).stdout
    assert "order 7" in run("media", "show", media_id, **api).stdout
    assert run("media", "show", media_id, "--transcript", "webvtt", **api).stdout.startswith("WEBVTT")
    listed = json.loads(run("deliveries", "list", media_id, "--json", **api).stdout)
    assert len(listed["deliveries"]) == 2


def test_a_paused_destination_gets_nothing_until_it_is_resumed(
    run: Run, api: dict[str, str], sound: Path, tmp_path: Path
) -> None:
    with _endpoint() as endpoint:
        endpoint.answer = 200  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{endpoint.server_address[1]}/results"
        (tmp_path / "configuration.json").write_text(json.dumps({"publish": {"callbacks": [{"url": url}]}}))
        words = ("--configuration", "configuration.json", "--wait", "--json")
        media = json.loads(run("media", "post", sound.name, *words, **api).stdout)
        media_id, destination = media["mediaId"], media["deliveries"][0]["destination"]

        assert "paused; 0 waiting" in run("destination", "pause", destination, **api).stdout
        run("deliveries", "replay", media_id, **api)
        time.sleep(1)
        assert "paused" in run("destination", "list", **api).stdout
        listed = json.loads(run("destination", "list", "--json", **api).stdout)["destinations"]
        (shown,) = (one for one in listed if one["destination"] == destination)
        assert (shown["waiting"], shown["paused"]) == (1, True)

        elsewhere = ("--number", "1", "--to", f"{url}-elsewhere", "--method", "POST")
        counted = run("deliveries", "replay", media_id, *elsewhere, "--dry-run", "--json", **api)
        assert json.loads(counted.stdout)["count"] == 1
        assert "Sent again: 1" in run("deliveries", "replay", media_id, *elsewhere, **api).stderr
        assert "gets 2 at a time" in run("destination", "limit", destination, "2", **api).stdout
        limited = json.loads(run("destination", "limit", destination, "--json", **api).stdout)
        assert limited["concurrency"] is None
        assert "open" in run("destination", "resume", destination, **api).stdout
        run("media", "status", media_id, "--wait", **api)
        shown = json.loads(run("deliveries", "show", media_id, "2", "--json", **api).stdout)
        assert shown["status"] == "delivered"
    assert "(10205)" in run("destination", "pause", "s3:none", code=1, **api).stderr


def test_a_webhook_is_signed_by_each_secret_until_it_is_retired(
    run: Run, api: dict[str, str], sound: Path, tmp_path: Path
) -> None:
    with _endpoint() as endpoint:
        endpoint.answer = 200  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{endpoint.server_address[1]}/results"
        (tmp_path / "configuration.json").write_text(json.dumps({"publish": {"callbacks": [{"url": url}]}}))
        add = ("organization", "webhook-secret", "add")
        first = run(*add, **api).stdout.strip()
        second = json.loads(run(*add, "--json", **api).stdout)["secret"]
        words = ("--configuration", "configuration.json", "--wait", "--json")
        media_id = json.loads(run("media", "post", sound.name, *words, **api).stdout)["mediaId"]
        retired = json.loads(run("organization", "webhook-secret", "retire", "--json", **api).stdout)
        assert retired == {"retired": 1}
        run("deliveries", "replay", media_id, **api)
        run("media", "status", media_id, "--wait", **api)
        before, after = endpoint.requests  # type: ignore[attr-defined]
    assert _signatures(*before) == {_signed(second, *before), _signed(first, *before)}
    assert _signatures(*after) == {_signed(second, *after)}


def _signatures(headers: Message, _: bytes) -> set[str]:
    return set(headers["webhook-signature"].split())


def _signed(secret: str, headers: Message, body: bytes) -> str:
    """By the words of the Standard Webhooks specification."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def test_what_the_api_refuses_is_said_with_its_code(
    run: Run, api: dict[str, str], sound: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "configuration.json"
    broken.write_text('{"publish": {"callbacks": [{"url": "nonsense"}]}}')
    done = run("media", "post", sound, "--configuration", broken, code=1, **api)
    assert "publish.callbacks[0].url" in done.stderr
    assert "(60006)" in done.stderr
    assert "(10003)" in run("media", "post", sound, code=1, **{**api, "CALLPOST_TOKEN": "wrong"}).stderr
    assert "(10205)" in run("media", "show", str(uuid4()), code=1, **api).stderr
    assert "(10205)" in run("deliveries", "retry", str(uuid4()), "1", code=1, **api).stderr


def test_a_slip_costs_no_upload(run: Run, sound: Path, tmp_path: Path) -> None:
    there = {"CALLPOST_TOKEN": "x", "CALLPOST_URL": "http://127.0.0.1:1"}
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    broken = run("media", "post", sound, "--configuration", "broken.json", code=1, **there)
    assert "broken.json is not JSON" in broken.stderr
    listed = run("media", "post", sound, "--metadata", "list.json", code=1, **there)
    assert "list.json holds no JSON object" in listed.stderr
    assert "There is no file gone.wav" in run("media", "post", "gone.wav", code=1, **there).stderr


def test_a_replay_of_everything_is_not_a_slip_of_the_fingers(run: Run) -> None:
    there = {"CALLPOST_TOKEN": "x", "CALLPOST_URL": "http://127.0.0.1:1"}
    assert "say which deliveries" in run("deliveries", "replay", code=2, **there).stderr
    words = ("deliveries", "replay", "--status", "failed", "--role", "arn:aws:iam::999533888199:role/x")
    assert "say with --to where to" in run(*words, code=2, **there).stderr


def test_a_service_that_is_not_there_is_named(run: Run, sound: Path) -> None:
    there = {"CALLPOST_TOKEN": "a-token", "CALLPOST_URL": "http://127.0.0.1:1"}
    done = run("media", "post", sound, code=1, **there)
    assert "http://127.0.0.1:1 does not answer" in done.stderr
    assert "a-token" not in done.stderr
    assert "CALLPOST_TOKEN" in run("deliveries", "list", code=1).stderr
