"""A proxy before a real server that does what servers do on bad days, and what no test server imitates.

Everything passes through as it came, byte for byte, so that signatures hold; a fault may answer instead,
break the connection, or wait.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from typing import Self
from xml.sax.saxutils import escape

import aiohttp
from aiohttp import web
from yarl import URL

_SKEW = timedelta(minutes=15)
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding")
_ALL_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


@dataclass(frozen=True)
class Passed:
    """A request that came, and the status it was answered with; None: with none."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None

    @property
    def is_sts(self) -> bool:
        return self.host.startswith("sts.")

    @property
    def wrote(self) -> bool:
        """Whether it put an object there."""
        return self.method == "PUT" and self.status == 200 and not self.is_sts


class Request:
    """One request on its way. A fault reads it, answers it, passes it on, or breaks it off."""

    def __init__(self, request: web.Request, forward: Callable[["Request"], Awaitable[web.Response]]) -> None:
        self.raw = request
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        self.body = b""
        self._forward = forward

    async def read(self) -> bytes:
        self.body = self.body or await self.raw.read()
        return self.body

    async def forward(self) -> web.Response:
        """What the server behind answers."""
        return await self._forward(self)

    def break_off(self) -> None:
        """A reset, as of a server that was killed or a firewall that forgot."""
        assert self.raw.transport is not None
        self.raw.transport.abort()

    @property
    def is_sts(self) -> bool:
        return self.headers["host"].startswith("sts.")


Fault = Callable[[Request], Awaitable[web.StreamResponse | None]]


class FaultProxy:
    """s3, sts: faults for requests to each, one after the other; where there is none left, all is well."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.s3: Iterator[Fault] = iter(())
        self.sts: Iterator[Fault] = iter(())
        self.passed: list[Passed] = []
        self.port = 0
        self._behind, self._tls = port, tls
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        self.port = self._runner.addresses[0][1]
        self._session = aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=_ALL_AUTOMATIC)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        assert self._session is not None
        await self._session.close()

    def fail(self, *faults: Fault, sts: Iterable[Fault] = ()) -> None:
        """The next requests to S3, and to STS, meet these faults in turn."""
        self.s3, self.sts = iter(faults), iter(sts)

    @property
    def asked(self) -> list[str]:
        """Method and status of what S3 was asked."""
        return [f"{passed.method} {passed.status}" for passed in self.passed if not passed.is_sts]

    @property
    def writes(self) -> int:
        """How often an object was put there."""
        return sum(passed.wrote for passed in self.passed)

    async def _answer(self, raw: web.Request) -> web.StreamResponse:
        request = Request(raw, self._forward)
        fault = next(self.sts if request.is_sts else self.s3, None)
        answer: web.StreamResponse | None = None
        try:
            answer = await fault(request) if fault else None
            answer = answer or await request.forward()
            return answer
        finally:
            gone = raw.transport is None or raw.transport.is_closing()
            status = None if answer is None or gone else answer.status
            host = request.headers["host"]
            self.passed.append(Passed(raw.method, host, raw.raw_path, request.headers, request.body, status))

    async def _forward(self, request: Request) -> web.Response:
        assert self._session is not None
        raw, url = request.raw, URL(f"http://127.0.0.1:{self._behind}{request.raw.raw_path}", encoded=True)
        headers = [(name, value) for name, value in raw.headers.items() if name.lower() not in _HOP_BY_HOP]
        async with self._session.request(
            raw.method, url, headers=headers, data=BytesIO(await request.read()), allow_redirects=False
        ) as answer:
            body = await answer.read()
            kept = [
                (name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP
            ]
            return web.Response(status=answer.status, headers=kept, body=body or None)


# --- what can go wrong


def says(code: str, status: int, message: str = "m", extra: str = "", **headers: str) -> Fault:
    """An error as S3 and STS write it."""
    text = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>{extra}</Error>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def fault(request: Request) -> web.Response:
        await request.read()
        if request.raw.method == "HEAD":
            return web.Response(status=status, headers=named)
        return web.Response(status=status, text=text, headers=named)

    return fault


def answers(status: int, text: str = "", **headers: str) -> Fault:
    """Anything else."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def fault(request: Request) -> web.Response:
        await request.read()
        return web.Response(status=status, text=text, headers=named)

    return fault


async def well(_: Request) -> None:
    """Nothing is wrong this time."""


async def breaks_while_sending(request: Request) -> web.Response:
    """The connection is reset when a part of the body is there."""
    await request.raw.content.read(1000)
    request.break_off()
    return web.Response()


async def loses_the_answer(request: Request) -> web.Response:
    """The server did as it was asked, and nobody hears of it."""
    await request.forward()
    request.break_off()
    return web.Response()


async def breaks_in_the_answer(request: Request) -> web.StreamResponse:
    """The server did as it was asked, and its answer breaks off."""
    await request.forward()
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request.raw)
    await answer.write(b"<Some")
    request.break_off()
    return answer


async def never_answers(request: Request) -> None:
    await request.read()
    await asyncio.sleep(3600)


def late(seconds: float) -> Fault:
    async def fault(_: Request) -> None:
        await asyncio.sleep(seconds)

    return fault


def elsewhere(region: str, refusal: Fault) -> Fault:
    """As AWS where the bucket is in another region than the request is signed for."""

    async def fault(request: Request) -> web.StreamResponse | None:
        is_right = f"/{region}/s3/aws4_request" in request.headers.get("authorization", "")
        return None if is_right else await refusal(request)

    return fault


async def checks_the_clock(request: Request) -> web.StreamResponse | None:
    """As AWS: what was signed more than 15 minutes ago, or ahead, is refused."""
    now = datetime.now(UTC)
    signed = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(now - signed) <= _SKEW:
        return None
    date = format_datetime(now, usegmt=True)
    code = ("SignatureDoesNotMatch", 403) if request.is_sts else ("RequestTimeTooSkewed", 403)
    return await says(*code, "The difference is too large.", Date=date)(request)
