"""The contract of HTTP callbacks, plain and over TLS."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from certificates import Authority
from fault_proxy import FaultProxy, breaks_in_the_answer, breaks_while_sending, loses_the_answer
from http_server import HttpServer, silence
from places import DATA, impatient, receipt, streamed

from callpost.delivery import destination, endpoint, payload
from callpost.delivery.payload import Payload
from callpost.model.configuration import Callback
from callpost.model.delivery import EndpointPolicy, Hopeless, HttpEndpoint, Outcome, Refused, Unreachable
from callpost.network import Network

LOCAL = EndpointPolicy(allow_http=True, allow_private_networks=True, allowed_ports=None)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Customer:
    """An endpoint over one of the transports."""

    server: HttpServer
    network: Network
    tls: ssl.SSLContext | None

    async def send(self, sent: Payload | bytes = DATA, path: str = "/hook", method: str = "POST") -> Outcome:
        target, _ = destination.read(Callback(self.server.url + path, method=method), "", LOCAL)
        assert isinstance(target, HttpEndpoint)
        if isinstance(sent, bytes):
            sent = payload.of_bytes(sent, "application/json")
        return await endpoint.send(self.network, target, sent, {"callpost-attempt": "1"}, NOW)


def port_of(server: HttpServer) -> int:
    return int(server.url.rpartition(":")[2])


@pytest.fixture(params=["plain", "tls"])
async def customer(
    request: pytest.FixtureRequest, authority: Authority, trusting: ssl.SSLContext
) -> AsyncIterator[Customer]:
    tls = authority.server_context("hooks.example.test") if request.param == "tls" else None
    async with HttpServer(tls=tls) as server, Network(LOCAL, tls=trusting) as network:
        yield Customer(server, network, tls)


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_result_arrives_as_it_is(customer: Customer, method: str) -> None:
    path = "/a%20b%2Fc?token=%3D%26&x=%C3%BC"
    proof = receipt(await customer.send(path=path, method=method))
    (seen,) = customer.server.seen
    assert (seen.method, seen.path, seen.body) == (method, path, DATA)
    assert seen.headers["content-type"] == "application/json"
    assert (seen.headers["content-length"], seen.headers["callpost-attempt"]) == (str(len(DATA)), "1")
    assert proof.location == f"{customer.server.url}/a%20b%2Fc"
    assert (proof.size, proof.status) == (len(DATA), 200)


@pytest.mark.parametrize("path", ["/a//b/../c%2f%2F+;x:@!$'()*,~?y=%2B+&z=%7E", "/%61/./?a=b&&c=d&", "/?"])
async def test_a_url_goes_out_byte_for_byte(customer: Customer, path: str) -> None:
    receipt(await customer.send(path=path))
    (seen,) = customer.server.seen
    assert seen.path == path.removesuffix("?")


async def test_a_recording_is_streamed(customer: Customer) -> None:
    sent = streamed(3_000_001)
    assert receipt(await customer.send(sent)).sha256 == sent.sha256
    (seen,) = customer.server.seen
    assert payload.of_bytes(seen.body, None).sha256 == sent.sha256
    assert seen.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(customer: Customer, status: int) -> None:
    customer.server.replies = [status]
    assert receipt(await customer.send()).status == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(customer: Customer, status: int) -> None:
    customer.server.replies = [web.Response(status=status, headers={"Location": "/elsewhere"})]
    outcome = await customer.send()
    assert isinstance(outcome, Refused)
    assert (outcome.status, "not followed" in outcome.reason) == (status, True)
    assert len(customer.server.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 406, 410, 429, 500, 503])
async def test_any_other_status_is_tried_again(customer: Customer, status: int) -> None:
    customer.server.replies = [web.Response(status=status, text="no\x00")]
    outcome = await customer.send()
    assert isinstance(outcome, Refused)
    assert (outcome.status, outcome.retry_after_s, outcome.excerpt) == (status, None, "no\ufffd")
    assert len(customer.server.seen) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(minutes=3), usegmt=True), 180),
        (format_datetime(NOW - timedelta(minutes=3), usegmt=True), 0),
        ("9999999", 24 * 3600),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
async def test_retry_after_is_read_in_both_forms(customer: Customer, value: str, seconds: int | None) -> None:
    customer.server.replies = [web.Response(status=429, headers={"Retry-After": value})]
    outcome = await customer.send()
    assert isinstance(outcome, Refused)
    assert outcome.retry_after_s == seconds


async def test_silence_is_not_waited_for(customer: Customer) -> None:
    customer.server.replies = [silence]
    outcome = await customer.send(impatient())
    assert isinstance(outcome, Unreachable)
    assert "no answer within" in outcome.reason


@pytest.mark.parametrize("fault", [breaks_while_sending, loses_the_answer, breaks_in_the_answer])
async def test_a_connection_that_breaks_is_unreachable(customer: Customer, fault: Any) -> None:
    port = port_of(customer.server)
    async with HttpServer() as behind, FaultProxy(port_of(behind), customer.tls) as faults:
        customer.server.url = customer.server.url.replace(str(port), str(faults.port))
        faults.fail(fault)
        assert isinstance(await customer.send(streamed(2_000_000)), Unreachable)
        receipt(await customer.send())


# --- certificates


def signed_by_nobody(authority: Authority) -> ssl.SSLContext:
    return authority.server_context("hooks.example.test")


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    async with HttpServer(tls=signed_by_nobody(authority)) as server, Network(LOCAL) as network:
        outcome = await Customer(server, network, None).send()
    assert isinstance(outcome, Unreachable)
    assert outcome.reason == "The server's certificate is not valid: unable to get local issuer certificate."
    assert server.seen == []


async def test_a_certificate_for_another_name_is_refused(
    authority: Authority, trusting: ssl.SSLContext
) -> None:
    async with HttpServer(tls=authority.server_context("other.example.test")) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        async with Network(LOCAL, tls=trusting) as network:
            outcome = await Customer(server, network, None).send()
    assert isinstance(outcome, Unreachable)
    assert "is not valid: Hostname mismatch, certificate is not valid for 'localhost'" in outcome.reason
    assert server.seen == []


async def test_a_server_that_speaks_no_tls_is_said_to(trusting: ssl.SSLContext) -> None:
    async with HttpServer() as server, Network(LOCAL, tls=trusting) as network:
        server.url = server.url.replace("http:", "https:")
        outcome = await Customer(server, network, None).send()
    assert isinstance(outcome, Unreachable)
    assert "TLS could not be agreed on" in outcome.reason


async def test_an_address_that_is_not_public_is_hopeless_without_the_operators_leave() -> None:
    async with HttpServer() as server, Network(replace(LOCAL, allow_private_networks=False)) as network:
        outcome = await Customer(server, network, None).send()
    assert isinstance(outcome, Hopeless)
    assert server.seen == []
