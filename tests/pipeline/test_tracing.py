"""One trace from the POST to the last attempt, in a real collector; and nothing where nobody asks for it."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from desk import SOUND, FakeRecognizer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from callpost import services, settings, tracing, worker
from callpost.api.app import create_app
from callpost.errors import Rejected
from callpost.services import Services
from callpost.store import keys

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SECRET = "secret-path"


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as the collector has it."""

    name: str
    trace: str
    span: str
    parent: str
    attributes: dict[str, Any]


@dataclass
class Sink:
    """A collector of spans, and the customer's endpoint."""

    url: str = ""
    spans: list[Seen] = field(default_factory=list)
    raw: bytes = b""
    answers: list[int] = field(default_factory=list)
    delivered: asyncio.Event = field(default_factory=asyncio.Event)

    async def collect(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.raw += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans += [_seen(span) for span in scope.spans]
        return web.Response()

    async def receive(self, request: web.Request) -> web.Response:
        await request.read()
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.delivered.set()
        return web.Response(status=status)


def _seen(span: Any) -> Seen:
    attributes = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}
    return Seen(span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), attributes)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    application = web.Application()
    application.router.add_post("/v1/traces", sink.collect)
    application.router.add_post(f"/{SECRET}", sink.receive)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]  # noqa: SLF001
    yield sink
    await runner.cleanup()


@asynccontextmanager
async def working(given: settings.Settings) -> AsyncIterator[Services]:
    """A worker with a recogniser that hears the same in everything."""
    stop = asyncio.Event()
    async with services.opened(given) as opened:
        task = asyncio.create_task(worker.work(opened, FakeRecognizer(), stop))
        try:
            yield opened
        finally:
            stop.set()
            await asyncio.wait_for(task, 30)


@asynccontextmanager
async def calling(opened: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with opened.database.connection() as connection:
        _, token = await keys.create(
            connection, opened.organization.organization_id, "test", now=datetime.now(UTC)
        )
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(create_app(opened))
    async with httpx.AsyncClient(transport=transport, base_url="http://t", headers=headers) as client:
        yield client


def files(sink: Sink) -> dict[str, Any]:
    configuration = {"publish": {"callbacks": [{"url": f"{sink.url}/{SECRET}"}]}}
    return {
        "media": ("call.wav", SOUND, "audio/wav"),
        "configuration": (None, json.dumps(configuration)),
    }


async def test_one_trace_goes_from_the_post_to_the_delivered_object(
    sink: Sink, fresh_database_url: str, tmp_path: Path
) -> None:
    given = settings.load(
        database_url=fresh_database_url,
        data=tmp_path,
        otlp_endpoint=sink.url,
        allow_http=True,
        allow_private_networks=True,
        allowed_ports=(0,),
    )
    sink.answers = [503]
    async with working(given) as opened, calling(opened) as client:
        header = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        accepted = await client.post("/v3/media", files=files(sink), headers=header)
        media_id = accepted.json()["mediaId"]
        async with asyncio.timeout(60):
            await sink.delivered.wait()
    spans = {(span.name, span.attributes.get("callpost.attempt")): span for span in sink.spans}
    request, accept = spans["POST /v3/media", None], spans["accept", None]
    process, first, second = spans["process", None], spans["deliver", 1], spans["deliver", 2]
    assert {span.trace for span in sink.spans} == {TRACE}
    assert request.parent == CALLER
    assert [span.parent for span in (accept, process)] == [request.span, accept.span]
    for name in ("recognize", "analyze", "store"):
        assert spans[name, None].parent == process.span
    assert first.parent == second.parent == spans["store", None].span
    assert {span.attributes["callpost.media_id"] for span in (request, accept, process, first)} == {media_id}
    assert process.attributes["callpost.status"] == "finished"
    assert request.attributes["http.response.status_code"] == 200
    assert first.attributes["http.response.status_code"] == 503
    assert (first.attributes["callpost.outcome"], second.attributes["callpost.outcome"]) == (
        "refused",
        "delivered",
    )
    assert first.attributes["callpost.destination"].startswith("http:127.0.0.1")
    assert SECRET.encode() not in sink.raw


async def test_nothing_is_kept_of_a_trace_where_nobody_exports(
    sink: Sink, fresh_database_url: str, tmp_path: Path
) -> None:
    given = settings.load(database_url=fresh_database_url, data=tmp_path, allow_http=True)
    async with services.opened(given) as opened, calling(opened) as client:
        header = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        parts = {"mediaUrl": (None, "http://a.example/x")}
        assert (await client.post("/v3/media", files=parts, headers=header)).is_success
        assert await opened.database.pool.fetchval("select trace from media") is None
    assert sink.spans == []


@contextmanager
def remembering() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing.exporting_to(provider):
        yield exporter


def test_an_error_is_named_by_its_type_alone() -> None:
    with remembering() as exporter, pytest.raises(Rejected), tracing.span("work"):
        raise Rejected([])
    (span,) = exporter.get_finished_spans()
    assert (span.status.is_ok, span.status.description, span.events) == (False, "Rejected", ())


def test_what_nobody_exports_is_not_made() -> None:
    with tracing.span("work", {"callpost.media_id": "x"}) as span:
        assert not span.is_recording()
        assert tracing.current() is None
    with remembering(), tracing.span("work"):
        assert str(tracing.current()).startswith("00-")
    assert tracing.current() is None


def test_a_header_that_is_none_begins_a_trace_of_its_own() -> None:
    with remembering() as exporter, tracing.span("work", within="anything"):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.parent is None
