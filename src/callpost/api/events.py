"""One wide event per request: ids, codes, times and sizes; no URL, no header, no token."""

import time
import traceback
from typing import Any
from uuid import uuid4

import structlog
from fastapi import Request
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callpost import tracing
from callpost.api.errors import INTERNAL, error_response
from callpost.store.deliveries import OUTAGE

log = structlog.get_logger()

_CLIENT_GONE = 499
_OUR_FAULT = 500
_RETRY_AFTER_S = "5"


class RequestEvents:
    """ASGI middleware: a reference for each request, a 500 for our own faults, one event at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = {**scope, "path": scope["path"].rstrip("/") or "/"}  # old clients end some paths with a slash
        scope.setdefault("state", {})["reference"] = str(uuid4())
        exchange = _Exchange(receive, send)
        asked = Headers(scope=scope).get("traceparent")
        with tracing.span(scope["method"], within=asked, kind=tracing.SpanKind.SERVER) as span:
            try:
                await self.app(scope, exchange.receive, exchange.send)
            except ClientDisconnect:
                exchange.status = exchange.status or _CLIENT_GONE
            except Exception as fault:  # noqa: BLE001 - whatever it is, the caller gets an answer
                _log_fault(scope, fault)
                await _answer_fault(scope, exchange, fault)
            finally:
                facts = _facts(scope, exchange)
                _describe(span, facts)
                log.info("api.request", **facts)


class _Exchange:
    """Counts and times what goes in and out."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self.status = 0
        self.bytes_in = 0
        self.bytes_out = 0

    @property
    def duration_ms(self) -> int:
        return round((time.perf_counter() - self._began) * 1000)

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.bytes_out += len(message.get("body", b""))
        await self._send(message)


def _log_fault(scope: Scope, fault: Exception) -> None:
    """The traceback as text. Not log.exception: renderers show local variables, and tokens are among them."""
    trace = "".join(traceback.format_exception(fault))
    log.error("api.fault", reference=scope["state"]["reference"], traceback=trace)


async def _answer_fault(scope: Scope, exchange: _Exchange, fault: Exception) -> None:
    """500, or 503 while the database is away; nothing where the answer has begun."""
    if exchange.status:
        return
    away = isinstance(fault, OUTAGE)
    headers = {"Retry-After": _RETRY_AFTER_S} if away else None
    response = error_response(Request(scope), 503 if away else 500, [INTERNAL], headers)
    await response(scope, exchange.receive, exchange.send)


def _describe(span: tracing.Span, facts: dict[str, Any]) -> None:
    """By the pattern of the path, as OpenTelemetry's HTTP conventions have it; the path itself has ids."""
    method, route, status = facts["method"], facts.get("route"), facts["status"]
    span.update_name(f"{method} {route}" if route else method)
    names = {"method": "http.request.method", "route": "http.route", "status": "http.response.status_code"}
    names |= {name: f"callpost.{name}" for name in ("media_id", "organization_id", "reference")}
    span.set_attributes({shown: facts[name] for name, shown in names.items() if name in facts})
    if status >= _OUR_FAULT:
        span.set_status(tracing.StatusCode.ERROR)


def _facts(scope: Scope, exchange: _Exchange) -> dict[str, object]:
    state, route = scope["state"], scope.get("route")
    facts = {
        "method": scope["method"],
        "route": getattr(route, "path", None),
        "status": exchange.status,
        "duration_ms": exchange.duration_ms,
        "bytes_in": exchange.bytes_in,
        "bytes_out": exchange.bytes_out,
        "media_id": state.get("media_id") or scope.get("path_params", {}).get("media_id"),
    }
    facts |= {name: state.get(name) for name in ("reference", "organization_id", "key_id", "codes")}
    return {name: value for name, value in facts.items() if value is not None}
