"""The only door out: what it refuses, and that it says nothing of what it was given."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from callpost.errors import Rejected, TooLarge
from callpost.model.delivery import EndpointPolicy
from callpost.network import ANSWER_BYTES, AddressRefused, Body, Network, NoAnswer, Request, is_allowed

PUBLIC = EndpointPolicy(allow_http=True, allowed_ports=None)
LOCAL = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server on 127.0.0.1 with a page for every purpose."""

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name == "redirect":
            raise web.HTTPFound("/audio")
        if name == "inward":
            raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")
        if name == "loop":
            raise web.HTTPFound("/loop")
        if name == "silence":
            await asyncio.sleep(60)
        if name == "echo":
            body = await request.read()
            return web.json_response({"headers": dict(request.headers), "size": len(body)})
        if name == "long":
            return web.Response(body=b"x" * 1_000_000)
        return (
            web.Response(body=b"audio")
            if name == "audio"
            else web.Response(status=404 if name == "none" else 500)
        )

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{name}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


HOSTILE = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200
198.18.0.1 192.0.2.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16 192.0.0.192 ::1 ::
::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
2002:7f00:1:: 2002:808:808::1 2001:0:4136:e378:8000:63bf:f5ff:fffe fe80::1 fc00::1 fd00:ec2::254 fec0::1
ff02::1 2001:db8::1 fe80::1%eth0
"""
SPELLINGS = """
127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 [::1] [::ffff:127.0.0.1] localhost localhost. LOCALHOST
[::ffff:7f00:1] 127.0.0.1. 169.254.169.254 [fe80::1] 0 [::] [64:ff9b::7f00:1]
"""


@pytest.mark.parametrize("address", HOSTILE.split())
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address, PUBLIC)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "52.216.1.1", "2600:1f18::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address, PUBLIC)


def test_the_operators_leave_for_private_networks_ends_at_the_clouds_metadata() -> None:
    assert is_allowed("127.0.0.1", LOCAL)
    assert is_allowed("10.0.0.1", LOCAL)
    for address in (
        "169.254.169.254",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "64:ff9b:1:a9fe:a9:fe00::",
        "::ffff:0:169.254.169.254",
        "fe80::1",
        "ff02::1",
    ):
        assert not is_allowed(address, LOCAL)


@pytest.mark.parametrize("host", SPELLINGS.split())
async def test_no_spelling_of_a_local_address_gets_through(url: str, host: str) -> None:
    port = url.rpartition(":")[2]
    async with Network(PUBLIC) as network:
        with pytest.raises(NoAnswer):
            await network.send(Request("GET", f"http://{host}:{port}/audio", timeout_s=5))


class Rebinding(AbstractResolver):
    """Says a public address when asked, as a name server in a rebinding attack does the first time."""

    def __init__(self) -> None:
        self.address = "127.0.0.1"

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self.address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_a_name_that_resolves_inward_is_refused_where_it_is_connected(url: str) -> None:
    port = url.rpartition(":")[2]
    async with Network(PUBLIC, resolver=Rebinding()) as network:
        with pytest.raises(AddressRefused):
            await network.send(Request("GET", f"http://rebind.example.org:{port}/audio"))
    async with Network(LOCAL, resolver=Rebinding()) as network:
        answer = await network.send(Request("GET", f"http://rebind.example.org:{port}/audio"))
        assert answer.body == b"audio"


async def test_only_allowed_ports_are_connected_to(url: str) -> None:
    policy = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=frozenset({443}))
    async with Network(policy) as network:
        with pytest.raises(AddressRefused, match="Port"):
            await network.send(Request("GET", f"{url}/audio"))
        assert (await network.send(Request("GET", f"{url}/audio", trusted=True))).status == 200


async def test_redirects_are_not_followed_and_proxies_not_used(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with Network(LOCAL) as network:
        assert (await network.send(Request("GET", f"{url}/redirect"))).status == 302


async def test_no_header_is_added_that_a_signature_might_miss(url: str) -> None:
    async with Network(LOCAL) as network:
        answer = await network.send(Request("PUT", f"{url}/echo", {"Content-Length": "2"}, b"{}"))
    assert '"Content-Type"' not in answer.text
    assert "x-amz" not in answer.text.lower()


async def test_a_long_answer_is_cut_short(url: str) -> None:
    async with Network(LOCAL) as network:
        assert len((await network.send(Request("GET", f"{url}/long"))).body) == ANSWER_BYTES


async def test_a_body_is_streamed_with_its_length(url: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    async with Network(LOCAL) as network:
        answer = await network.send(Request("PUT", f"{url}/echo", {}, Body(4_000_000, chunks)))
    assert '"size": 4000000' in answer.text
    assert '"Content-Length": "4000000"' in answer.text
    assert "chunked" not in answer.text


async def test_a_body_of_another_size_than_announced_is_a_failure(url: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"too short"

    async with Network(LOCAL) as network:
        with pytest.raises(NoAnswer):
            await network.send(Request("PUT", f"{url}/echo", {}, Body(4_000_000, chunks), timeout_s=5))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("{url}/silence?token=secret", "no answer within 1 s"),
        ("http://no-such-host.invalid/?token=secret", "cannot be resolved"),
        ("http://127.0.0.1:1/?token=secret", "could not be made"),
        ("{tls}/audio?token=secret", "TLS|certificate"),
    ],
)
async def test_a_failure_says_why_and_never_repeats_the_url(url: str, target: str, reason: str) -> None:
    tls = url.replace("http:", "https:")
    async with Network(LOCAL) as network:
        with pytest.raises(NoAnswer, match=reason) as failure:
            await network.send(Request("GET", target.format(url=url, tls=tls), timeout_s=1))
    assert "secret" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_a_request_shows_neither_its_url_nor_its_headers() -> None:
    shown = repr(Request("PUT", "https://e.org/?Signature=secret", {"authorization": "secret"}, b"secret"))
    assert "secret" not in shown


async def fetch(url: str, policy: EndpointPolicy = LOCAL, limit: int | None = None) -> bytes:
    async with Network(policy) as network:
        return b"".join([chunk async for chunk in network.fetch(url, limit)])


async def test_media_is_fetched_through_redirects(url: str) -> None:
    assert await fetch(f"{url}/audio") == await fetch(f"{url}/redirect") == b"audio"


@pytest.mark.parametrize(
    ("name", "code"),
    [("none", 10205), ("broken", 10207), ("inward", 10203), ("loop", 10203)],
)
async def test_media_that_cannot_be_fetched_is_refused_with_its_code(url: str, name: str, code: int) -> None:
    with pytest.raises(Rejected) as refusal:
        await fetch(f"{url}/{name}?token=secret")
    assert [problem.code for problem in refusal.value.problems] == [code]
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("not a url", 10204),
        ("ftp://example.org/a.wav", 10204),
        ("https://", 10204),
        ("http://127.0.0.1:1/", 10203),
        ("https://no-such-host.invalid/a.wav", 10203),
    ],
)
async def test_a_media_url_that_leads_nowhere_is_refused_with_its_code(target: str, code: int) -> None:
    with pytest.raises(Rejected) as refusal:
        await fetch(target)
    assert [problem.code for problem in refusal.value.problems] == [code]


async def test_media_over_plain_http_needs_the_operators_leave() -> None:
    with pytest.raises(Rejected) as refusal:
        await fetch("http://example.org/a.wav", EndpointPolicy())
    assert refusal.value.problems[0].code == 10204


async def test_media_that_is_too_large_is_stopped(url: str) -> None:
    with pytest.raises(TooLarge):
        await fetch(f"{url}/long", limit=100_000)


async def test_servers_are_verified() -> None:
    async with Network(PUBLIC) as network:
        session = network._guarded  # noqa: SLF001
        assert session is not None
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        context = connector._ssl  # noqa: SLF001
        assert context is True or (isinstance(context, ssl.SSLContext) and context.check_hostname)
