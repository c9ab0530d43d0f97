"""From a stored report to its destination: the courier, and the courier under the dispatcher."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiohttp import web
from delivery_support import NOW, Recording, at_work
from demo.customer import Account, Key
from http_server import HttpServer
from standardwebhooks import Webhook, WebhookVerificationError
from structlog.testing import capture_logs

from callpost.delivery import webhooks
from callpost.delivery.aws import AwsEndpoints
from callpost.delivery.courier import Courier, CourierSettings
from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.delivery.signing import Credentials
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import (
    ClaimedDelivery,
    Delivered,
    Delivery,
    DeliveryState,
    EndpointPolicy,
    Hopeless,
    NewDelivery,
    Outcome,
    Unreachable,
)
from callpost.model.media import Media, MediaStatus, Stream
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.network import Network
from callpost.render import content
from callpost.store import deliveries, reports
from callpost.store.database import Database
from callpost.store.objects import Objects

API_URL = "https://callpost.example.org"
AUDIO = b"RIFF" + bytes(range(256)) * 2000
TRANSCRIPT = Transcript((Turn("Agent", 0, (Word("Hello", 0, 400, 0.9), Word("there.", 400, 800, 0.8))),))
ANALYTICS = Callback("https://example.org/hook")
WEBVTT = replace(ANALYTICS, type=CallbackType.TRANSCRIPT, format=TranscriptFormat.WEBVTT)
MEDIA = replace(ANALYTICS, type=CallbackType.MEDIA, stream="original")


def clock() -> datetime:
    return datetime.now(UTC)


async def store_report(objects: Objects, recording: Recording) -> Report:
    key = reports.stream_key(recording.media_id, "original")
    await objects.put_bytes(key, AUDIO)
    digest = hashlib.sha256(AUDIO).hexdigest()
    stream = Stream("original", key, len(AUDIO), digest, "audio/x-wav", "wav")
    media = Media(
        recording.media_id, recording.organization_id, "Acme", MediaStatus.FINISHED, NOW, length_ms=800
    )
    report = Report(media, Results(TRANSCRIPT, streams=(stream,)))
    await reports.save(objects, report)
    return report


@dataclass
class Desk:
    """A courier with a stored report to carry."""

    courier: Courier
    report: Report
    recording: Recording
    http: HttpServer

    def claimed(
        self, callback: Callback, *, attempt: int = 1, object_key: str | None = None
    ) -> ClaimedDelivery:
        return ClaimedDelivery(
            uuid4(), self.recording.media_id, self.recording.organization_id, 1, 1, callback, "key",
            content.content_type(callback), object_key, attempt - 1, attempt, NOW, NOW, NOW,
        )  # fmt: skip

    async def deliver(
        self, callback: Callback, path: str = "/hook", attempt: int = 1, secrets: tuple[bytes, ...] = ()
    ) -> Outcome:
        url = callback.url if "://127" in callback.url else self.http.url + path
        claimed = self.claimed(replace(callback, url=url), attempt=attempt)
        return await self.courier.deliver(replace(claimed, webhook_secrets=secrets))


@pytest.fixture
def recording_of_nobody() -> Recording:
    return Recording(uuid4(), uuid4())


@pytest.fixture
async def desk(
    objects: Objects, recording_of_nobody: Recording, http_server: HttpServer
) -> AsyncIterator[Desk]:
    report = await store_report(objects, recording_of_nobody)
    policy = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
    async with Network(policy) as network:
        courier = Courier(network, objects, CourierSettings(policy, API_URL), clock, lambda: None)
        yield Desk(courier, report, recording_of_nobody, http_server)


async def test_an_endpoint_gets_the_document_with_its_type(desk: Desk) -> None:
    outcome = await desk.deliver(ANALYTICS, "/hook?token=secret")
    (seen,) = desk.http.seen
    assert (seen.method, seen.path) == ("POST", "/hook?token=secret")
    assert seen.headers["content-type"] == "application/json"
    assert json.loads(seen.body)["mediaId"] == str(desk.recording.media_id)
    assert isinstance(outcome, Delivered)
    assert outcome.receipt.location == f"{desk.http.url}/hook"
    assert outcome.receipt.sha256 == hashlib.sha256(seen.body).hexdigest()


async def test_every_attempt_carries_the_same_bytes_and_its_number(desk: Desk) -> None:
    for attempt in (1, 2):
        await desk.deliver(replace(WEBVTT, method="PUT"), attempt=attempt)
    first, second = desk.http.seen
    assert first.body == second.body
    assert first.body.startswith(b"WEBVTT")
    assert (first.method, first.headers["content-type"]) == ("PUT", "text/vtt")
    assert [seen.headers["callpost-attempt"] for seen in (first, second)] == ["1", "2"]


@pytest.mark.parametrize("callback", [ANALYTICS, WEBVTT])
async def test_the_standard_webhooks_library_verifies_what_arrives(desk: Desk, callback: Callback) -> None:
    older, newest, unknown = (webhooks.new_secret() for _ in range(3))
    for attempt, secrets in enumerate(((older,), (newest, older), (newest,)), 1):
        await desk.deliver(callback, attempt=attempt, secrets=secrets)
        seen = desk.http.seen[-1]
        for secret in (older, newest, unknown):
            receiver = Webhook(webhooks.written(secret))
            if secret in secrets:
                receiver.verify(seen.body, seen.headers, json_parse=False)
            else:
                with pytest.raises(WebhookVerificationError):
                    receiver.verify(seen.body, seen.headers, json_parse=False)


@pytest.mark.parametrize("header", [None, "webhook-id", "webhook-timestamp"])
async def test_the_standard_webhooks_library_refuses_what_was_changed(desk: Desk, header: str | None) -> None:
    secret = webhooks.new_secret()
    await desk.deliver(ANALYTICS, secrets=(secret,))
    (seen,) = desk.http.seen
    changed = {header: str(int(clock().timestamp()) - 1)} if header else {}
    body = seen.body if header else seen.body.replace(b"Hello", b"Jello")
    assert (body, changed) != (seen.body, {})
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(webhooks.written(secret)).verify(body, seen.headers | changed)


async def test_the_recording_itself_is_streamed(desk: Desk) -> None:
    await desk.deliver(MEDIA)
    (seen,) = desk.http.seen
    assert seen.body == AUDIO
    assert seen.headers["content-length"] == str(len(AUDIO))
    assert seen.headers["content-type"] == "application/octet-stream"


async def test_a_stream_that_there_is_not_is_hopeless(desk: Desk) -> None:
    outcome = await desk.deliver(replace(MEDIA, stream="redacted-audio"))
    assert isinstance(outcome, Hopeless)


async def test_results_that_are_gone_are_hopeless(desk: Desk, objects: Objects) -> None:
    await objects.delete(reports.folder(desk.recording.media_id))
    outcome = await desk.deliver(ANALYTICS)
    assert outcome == Hopeless("The results are no longer stored.")


async def test_a_destination_the_operator_no_longer_allows_is_hopeless(desk: Desk) -> None:
    outcome = await desk.courier.deliver(desk.claimed(replace(ANALYTICS, url="ftp://example.org/")))
    assert isinstance(outcome, Hopeless)


async def test_a_server_that_is_not_there_is_unreachable(desk: Desk) -> None:
    assert isinstance(await desk.deliver(replace(ANALYTICS, url="http://127.0.0.1:1/")), Unreachable)


# --- under the dispatcher, on real servers


@pytest.fixture
async def all_three(
    account: Account,
    callpost_key: Key,
    signer: Key,
    recording: Recording,
    http_server: HttpServer,
) -> list[Callback]:
    bucket = account.make_bucket(f"acme-{uuid4().hex[:12]}")
    role = account.make_role(bucket, str(recording.organization_id))
    url = f"{account.endpoint}/{bucket}"
    return [
        Callback(account.presign(signer, bucket, "v2.json", "application/json")),
        Callback(
            account.presign(signer, bucket, "v4.json", "application/json", version="s3v4"), method="POST"
        ),
        replace(WEBVTT, url=url, role=role, prepend_folder="calls", s3_delivery=True),
        replace(MEDIA, url=url, role=role, prepend_folder="calls"),
        Callback(f"{http_server.url}/hook?token=query-secret"),
    ]


async def test_all_three_kinds_of_destination_end_in_receipts_and_no_secret_is_logged(  # noqa: PLR0917
    database: Database,
    objects: Objects,
    recording: Recording,
    account: Account,
    callpost_key: Key,
    http_server: HttpServer,
    all_three: list[Callback],
) -> None:
    report = await store_report(objects, recording)
    http_server.replies = [500, web.Response(status=503, headers={"Retry-After": "1"}), 200]
    policy = EndpointPolicy(True, True, None, (account.endpoint,))
    endpoints = AwsEndpoints(sts=account.endpoint, sts_trusted=True)
    own = Credentials(callpost_key.access_key_id, callpost_key.secret)
    prefix = f"calls/{recording.media_id}"
    keys = [None, None, f"{prefix}/transcript.vtt", f"{prefix}/media/original.wav", None]
    new = [
        NewDelivery(
            uuid4(), recording.media_id, recording.organization_id, number, callback,
            f"test:{number}", content.content_type(callback), key,
        )
        for number, (callback, key) in enumerate(zip(all_three, keys, strict=True), 1)
    ]  # fmt: skip
    async with database.transaction() as connection:
        await deliveries.insert(connection, new, clock())
    with capture_logs() as logs:
        async with Network(policy) as network:
            courier = Courier(
                network, objects, CourierSettings(policy, API_URL, endpoints), clock, lambda: own
            )
            dispatcher = Dispatcher(database, courier, DispatcherSettings(poll_s=0.1), clock)
            async with at_work(dispatcher):
                ended = await _until_ended(database, recording)
    assert [delivery.state for delivery in ended] == [DeliveryState.DELIVERED] * 5, ended
    bucket = all_three[0].url.split("/")[3]
    assert account.objects(bucket) == {
        "v2.json": content.render(report, all_three[0], API_URL),
        "v4.json": content.render(report, all_three[1], API_URL),
        keys[2]: content.render(report, all_three[2], API_URL),
        keys[3]: AUDIO,
    }
    assert http_server.seen[-1].body == content.render(report, ANALYTICS, API_URL)
    receipts = [delivery.receipt for delivery in ended]
    assert [receipt.attempts for receipt in receipts if receipt] == [1, 1, 1, 1, 3]
    shown = json.dumps(logs, default=repr) + repr(ended)
    for secret in ("Signature=", "query-secret", callpost_key.secret, "AWSAccessKeyId"):
        assert secret not in shown


async def _until_ended(database: Database, recording: Recording) -> list[Delivery]:
    async with asyncio.timeout(30):
        while True:
            async with database.connection() as connection:
                found = await deliveries.of_media(connection, recording.organization_id, recording.media_id)
            if all(delivery.state is not DeliveryState.PENDING for delivery in found):
                return found
            await asyncio.sleep(0.02)
