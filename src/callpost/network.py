"""The only door out: callbacks, S3, STS and mediaUrl all leave through here.

A customer names the URL, so every connection is checked where it is made: the socket is created for the
address that is really connected, whatever a name resolved to a moment ago. A filter in the resolver is not
enough, since an address written as a literal never meets it.
"""

import errno
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter
from yarl import URL

from callpost import __version__
from callpost.errors import CallpostError, Problem, Rejected, TooLarge
from callpost.model.delivery import EndpointPolicy

ANSWER_BYTES: Final = 65_536
_CONNECT_TIMEOUT_S = 10.0
_CHUNK_BYTES = 262_144
_MOST_REDIRECTS = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}

_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
# Never opened, whatever the operator allows: where clouds keep a machine's credentials, and what translates
# to them in ways that are a network's own (RFC 8215, RFC 7915) or long out of use (6to4).
_NEVER = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",
            "fe80::/10",
            "fd00:ec2::/32",
            "fd20:ce::/32",
            "168.63.129.16/32",
            "100.100.100.200/32",
            "192.0.0.0/24",
            "2002::/16",
            "64:ff9b:1::/48",
            "::ffff:0:0:0/96",
        ),
    )
)

Address = IPv4Address | IPv6Address


def tls_context(ca_bundle: Path) -> ssl.SSLContext:
    """How servers are verified: by the system's authorities and those of `ca_bundle` (PEM).

    Raises OSError where it cannot be read, and ssl.SSLError where it holds no certificate.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(ca_bundle)
    return context


class NoAnswer(CallpostError):
    """The other side did not answer. The text says why, and never holds the URL."""


class AddressRefused(NoAnswer):
    """The name leads to an address that results are not sent to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. headers: by lower-case name. body: the first `ANSWER_BYTES` of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Body:
    """A body of known size that can be read more than once. size: bytes."""

    size: int
    chunks: Callable[[], AsyncIterator[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """url goes out byte for byte. timeout_s: for all of it. trusted: the operator named this server."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Body = field(default=b"", repr=False)
    timeout_s: float = 60.0
    trusted: bool = False


class Network:
    """Guarded HTTP. Follows no redirects, reads no proxy settings, keeps no cookies."""

    def __init__(
        self,
        policy: EndpointPolicy,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """tls: how servers are verified, resolver: how names are looked up; None: as the system does."""
        self._policy = policy
        self._tls = tls
        self._resolver = resolver
        self._guarded: aiohttp.ClientSession | None = None
        self._trusting: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._guarded = self._session(self._guard)
        self._trusting = self._session(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in (self._guarded, self._trusting):
            if session is not None:
                await session.close()

    async def send(self, request: Request) -> Answer:
        """Make one request and read its answer, whatever its status.

        Raises NoAnswer (AddressRefused where the address is not allowed).
        """
        reason = None if request.trusted else _why_not_url(request.url, self._policy)
        if reason:
            raise AddressRefused(reason)
        try:
            return await self._exchange(request)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _explained(error, request.timeout_s) from None

    async def fetch(self, url: str, limit: int | None = None) -> AsyncIterator[bytes]:
        """The bytes behind a mediaUrl, redirects followed and each of them checked.

        limit: bytes. Raises Rejected with 10203 (unreachable), 10204 (malformed), 10205 (not found) or 10207
        (another status), TooLarge with 10800.
        """
        size = 0
        async for chunk in self._download(url):
            size += len(chunk)
            if limit is not None and size > limit:
                raise TooLarge(Problem(10800, f"The recording is larger than {limit} bytes."))
            yield chunk

    async def _exchange(self, request: Request) -> Answer:
        session = _opened(self._trusting if request.trusted else self._guarded)
        async with session.request(
            request.method,
            URL(request.url, encoded=True),
            data=_data(request.body),
            headers=request.headers,
            timeout=aiohttp.ClientTimeout(request.timeout_s, sock_connect=_CONNECT_TIMEOUT_S),
            allow_redirects=False,
            # A type that was not signed must not appear, so none is ever added by itself.
            skip_auto_headers=("Content-Type", "Accept-Encoding"),
        ) as response:
            body = await response.content.read(ANSWER_BYTES) if request.method != "HEAD" else b""
            body += await _rest(response, ANSWER_BYTES - len(body))
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, body)

    async def _download(self, url: str) -> AsyncIterator[bytes]:
        for _ in range(_MOST_REDIRECTS + 1):
            self._require(url)
            try:
                async with self._get(url) as response:
                    if not 300 <= response.status < 400:
                        _require_found(response.status)
                        async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                            yield chunk
                        return
                    url = urljoin(url, response.headers.get("Location", ""))
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                reason = _explained(error, _CONNECT_TIMEOUT_S)
                raise Rejected(Problem(10203, f"mediaUrl cannot be reached: {reason}", "mediaUrl")) from None
        raise Rejected(Problem(10203, "mediaUrl leads from redirect to redirect.", "mediaUrl"))

    def _get(self, url: str) -> "aiohttp.client._RequestContextManager":
        # No limit on the whole: a long recording takes its time, as long as something keeps coming.
        timeout = aiohttp.ClientTimeout(None, sock_connect=_CONNECT_TIMEOUT_S, sock_read=60)
        session = _opened(self._guarded)
        return session.get(URL(url, encoded=True), timeout=timeout, allow_redirects=False)

    def _require(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            valid = (
                bool(parts.hostname)
                and parts.scheme in _DEFAULT_PORTS
                and url.isascii()
                and url.isprintable()
            )
        except ValueError:
            valid = False
        if not valid or (parts.scheme == "http" and not self._policy.allow_http):
            allowed = "http or https" if self._policy.allow_http else "https"
            raise Rejected(Problem(10204, f"mediaUrl is not a valid URL of {allowed}.", "mediaUrl"))
        if reason := _why_not_url(url, self._policy):
            raise Rejected(Problem(10203, reason, "mediaUrl"))

    def _session(self, socket_factory: aiohttp.SocketFactoryType | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            ttl_dns_cache=10,
            socket_factory=socket_factory,
            ssl=self._tls or True,
            resolver=self._resolver,
        )
        return aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"callpost/{__version__}"},
            read_bufsize=_CHUNK_BYTES,
        )

    def _guard(self, address: Any) -> socket.socket:  # noqa: ANN401 - aiohttp's private tuple
        family, kind, protocol, _, target = address
        if not is_allowed(target[0], self._policy):
            raise OSError(errno.EACCES, "address not allowed")
        return socket.socket(family, kind, protocol)


@lru_cache(maxsize=4096)
def is_allowed(address: str, policy: EndpointPolicy) -> bool:
    """Whether results may be sent to, and media fetched from, an IP address."""
    found = ip_address(address.partition("%")[0])
    return all(_is_allowed(part, policy.allow_private_networks) for part in _unwrapped(found))


@lru_cache(maxsize=4096)
def why_not(host: str, port: int | None, policy: EndpointPolicy) -> str | None:
    """Why a host cannot be connected to, as far as can be said without looking it up; None where it may
    be.
    """
    if policy.allowed_ports is not None and port not in policy.allowed_ports:
        return f"Port {port} is not among those allowed."
    try:
        allowed = is_allowed(_as_address(host), policy)
    except ValueError:
        return None
    return None if allowed else "The address is not a public one."


def _why_not_url(url: str, policy: EndpointPolicy) -> str | None:
    try:
        parts = urlsplit(url)
        return why_not(parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme), policy)
    except ValueError:
        return "The URL is not valid."


def _as_address(host: str) -> str:
    """An IP address in whatever form the system's own resolver takes: 127.1, 0x7f000001, 2130706433.

    Raises ValueError for a name.
    """
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        raise ValueError(host) from None


def _unwrapped(address: Address) -> tuple[Address, ...]:
    """The address and every one that is carried inside it."""
    if isinstance(address, IPv4Address):
        return (address,)
    carried = IPv4Address(int(address) & 0xFFFF_FFFF)
    # These are other spellings of the address inside; the rest are addresses of their own as well.
    if address.ipv4_mapped or address in _NAT64:
        return (carried,)
    inner = [*(address.teredo or ()), *([carried] if address in _COMPATIBLE and int(address) > 1 else ())]
    return (address, *inner)


def _is_allowed(address: Address, private: bool) -> bool:
    never = address.is_multicast or address.is_unspecified or any(address in network for network in _NEVER)
    if never:
        return False
    return private or (
        address.is_global and not address.is_reserved and not getattr(address, "is_site_local", False)
    )


def _require_found(status: int) -> None:
    if status in (404, 410):
        raise Rejected(Problem(10205, "There is nothing at mediaUrl.", "mediaUrl"))
    if not 200 <= status < 300:
        raise Rejected(Problem(10207, f"Downloading mediaUrl failed with status {status}.", "mediaUrl"))


def _data(body: bytes | Body) -> "bytes | _Restartable":
    if isinstance(body, Body):
        return _Restartable(body)
    # Written in one go, many megabytes would hold up every other delivery.
    return body if len(body) <= _CHUNK_BYTES else _Restartable(Body(len(body), lambda: _slices(body)))


async def _slices(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _CHUNK_BYTES):
        yield data[start : start + _CHUNK_BYTES]


async def _rest(response: aiohttp.ClientResponse, room: int) -> bytes:
    """A long answer is cut short: the connection is given up rather than read to its end."""
    parts = []
    while room > 0 and (chunk := await response.content.read(room)):
        parts.append(chunk)
        room -= len(chunk)
    return b"".join(parts)


def _opened(session: aiohttp.ClientSession | None) -> aiohttp.ClientSession:
    if session is None:
        raise RuntimeError("the network is used outside of its `async with`")
    return session


def _explained(error: Exception, timeout_s: float) -> NoAnswer:
    """Why there was no answer, in words that never repeat the URL."""
    if isinstance(error, OSError) and error.errno == errno.EACCES:
        return AddressRefused("The name leads to an address that is not a public one.")
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return NoAnswer(reason.format(timeout_s=timeout_s, detail=_detail(error)))
    return NoAnswer(f"The connection failed ({type(error).__name__}).")


def _detail(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(getattr(error.certificate_error, "verify_message", "not valid"))
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or type(error.os_error).__name__
    return ""


_REASONS: Final = (
    (aiohttp.ConnectionTimeoutError, "The connection was not accepted in time."),
    (TimeoutError, "There was no answer within {timeout_s:.0f} s."),
    (aiohttp.ClientConnectorCertificateError, "The server's certificate is not valid: {detail}."),
    (aiohttp.ClientConnectorDNSError, "The host's name cannot be resolved."),
    (aiohttp.ClientSSLError, "TLS could not be agreed on: {detail}."),
    (aiohttp.ClientConnectorError, "The connection could not be made: {detail}."),
    (aiohttp.ServerDisconnectedError, "The server closed the connection without an answer."),
    (aiohttp.ClientPayloadError, "The answer broke off."),
    (aiohttp.InvalidURL, "The URL is not valid."),
    (aiohttp.ClientResponseError, "The answer was not HTTP."),
    (OSError, "The connection broke."),
)


class _Restartable(aiohttp.Payload):
    """A body that aiohttp may write twice: it repeats a PUT on a kept connection that had gone stale."""

    def __init__(self, body: Body) -> None:
        super().__init__(body, content_type="application/octet-stream")
        self._body = body
        self._size = body.size

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:  # noqa: ARG002 - aiohttp's own
        raise TypeError("a streamed body is not text")

    async def write(self, writer: AbstractStreamWriter) -> None:
        sent = 0
        async for chunk in self._body.chunks():
            sent += len(chunk)
            await writer.write(chunk)
        if sent != self._body.size:
            raise OSError(errno.EIO, f"the body had {sent} bytes instead of {self._body.size}")

    async def write_with_length(self, writer: AbstractStreamWriter, _: int | None) -> None:
        await self.write(writer)
