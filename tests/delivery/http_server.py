"""An HTTP server that answers as it is told, and keeps every request."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from aiohttp import web


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Reply = web.StreamResponse | int
Behaviour = Callable[[Seen], Awaitable[Reply]]


class HttpServer:
    """`replies` are given in turn, the last one for ever. tls: it is spoken to over TLS."""

    def __init__(self, *replies: Reply | Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.replies: list[Reply | Behaviour] = list(replies) or [200]
        self.seen: list[Seen] = []
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(request.method, request.raw_path, headers, body)
        self.seen.append(seen)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if callable(reply):
            reply = await reply(seen)
        return web.Response(status=reply) if isinstance(reply, int) else reply


async def silence(_: Seen) -> Reply:
    """Accepts a request and never answers it."""
    await asyncio.sleep(3600)
    return 200
