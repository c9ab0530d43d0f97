"""Servers for the benchmark, in one small program: prints its port, serves until it is ended.

It takes every PUT or POST, discards the body and answers 200 with the checksum it was given, as S3 does. A
path below /silent is never answered. A POST to / is STS: it lends a session where there is an external ID.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import uvloop

_CHECKSUM = b"x-amz-checksum-sha256"
_REFUSAL = b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"


class Sink(asyncio.Protocol):
    """One connection, one request after another."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.left, self.head, self.form = 0, b"", b""

    def data_received(self, data: bytes) -> None:
        while data:
            if self.left:
                taken = min(self.left, len(data))
                if self.is_sts:
                    self.form += data[:taken]
                self.left, data = self.left - taken, data[taken:]
            else:
                self.head += data
                head, end, data = self.head.partition(b"\r\n\r\n")
                if not end:
                    return
                self._begin(head)
            if not self.left:
                self._answer()

    def _begin(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        self.head, self.form, self.is_sts = b"", b"", first.startswith(b"POST / ")
        self.silent = b" /silent" in first
        self.fields = {name.lower(): value for name, _, value in (line.partition(b":") for line in lines)}
        self.left = int(self.fields.get(b"content-length", 0))

    def _answer(self) -> None:
        if self.silent:
            return
        status, body = _assume_role(self.form) if self.is_sts else (b"200 OK", b"")
        checksum = self.fields.get(_CHECKSUM)
        extra = _CHECKSUM + b":" + checksum + b"\r\n" if checksum else b""
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        self.transport.write(b"HTTP/1.1 " + status + b"\r\n" + extra + length + body)


def _assume_role(form: bytes) -> tuple[bytes, bytes]:
    if b"ExternalId" not in parse_qs(form):
        return b"403 Forbidden", _REFUSAL
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    values = {"AccessKeyId": "ASIABENCHMARK", "SecretAccessKey": "secret", "SessionToken": "t" * 400}
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in {**values, "Expiration": expires}.items())
    return b"200 OK", f"<AssumeRoleResponse><Credentials>{fields}</Credentials></AssumeRoleResponse>".encode()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
