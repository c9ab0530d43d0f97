"""Signed requests to AWS: where its services are, and the one way to ask them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from callpost.delivery import explain, hosts, signing
from callpost.delivery.signing import Credentials, Scope
from callpost.network import Answer, Body, Network, Request

Clock = Callable[[], datetime]

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_HOME_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
}
# Beyond it S3 answers RequestTimeTooSkewed, STS that the signature has expired or is not yet current.
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired", "SignatureDoesNotMatch", "InvalidSignatureException")
_SKEW = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class AwsEndpoints:
    """Where S3 and STS of a region are.

    region: of callpost's own STS endpoint, None: the home region of the role's partition. s3_trusted,
    sts_trusted: whether the addresses may be private ones. They may be by default: the names are AWS's or the
    operator's, never a customer's, and in a private network AWS itself answers at private addresses
    (interface endpoints).
    """

    s3: str = "https://s3.{region}.{suffix}"
    sts: str = "https://sts.{region}.{suffix}"
    s3_trusted: bool = True
    sts_trusted: bool = True
    region: str | None = None

    def s3_of(self, region: str) -> str:
        return self.s3.format(region=region, suffix=hosts.suffix_of(region))

    def sts_of(self, region: str) -> str:
        return self.sts.format(region=region, suffix=hosts.suffix_of(region))


@dataclass(frozen=True, slots=True)
class Call:
    """A request to be signed. url: encoded, its query sorted. sha256: of the body, lower-case hex."""

    method: str
    url: str
    scope: Scope
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body = b""
    sha256: str = EMPTY_SHA256
    timeout_s: float = 60.0
    trusted: bool = False


class Aws:
    """Signs and sends; corrects its clock by the server's where the server finds it wrong."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self.clock = clock
        self._offsets: dict[str, timedelta] = {}

    async def send(self, call: Call, credentials: Credentials) -> Answer:
        """The answer, whatever its status. Raises NoAnswer."""
        answer = await self._send(call, credentials)
        if answer.status in (400, 403) and self._correct_clock(call, answer):
            answer = await self._send(call, credentials)
        return answer

    async def ask(self, method: str, url: str, *, trusted: bool) -> Answer:
        """An unsigned request. Raises NoAnswer."""
        return await self._network.send(Request(method, url, timeout_s=20, trusted=trusted))

    async def _send(self, call: Call, credentials: Credentials) -> Answer:
        now = self.clock() + self._offsets.get(_host(call), timedelta())
        headers = signing.sign(
            call.method,
            call.url,
            call.headers,
            payload_sha256=call.sha256,
            credentials=credentials,
            scope=call.scope,
            now=now,
        )
        request = Request(call.method, call.url, headers, call.body, call.timeout_s, call.trusted)
        return await self._network.send(request)

    def _correct_clock(self, call: Call, answer: Answer) -> bool:
        """Whether the clock was wrong, and is corrected now for this server."""
        theirs = explain.http_date(answer)
        if theirs is None or explain.read_error(answer).code not in _SKEWED:
            return False
        known = self._offsets.get(_host(call), timedelta())
        offset = theirs - self.clock()
        if abs(offset - known) < _SKEW:
            return False
        self._offsets[_host(call)] = offset
        return True


def home_region(partition: str) -> str:
    """Where a partition's global questions are asked."""
    return _HOME_REGIONS.get(partition, "us-east-1")


def partition_of_role(role: str) -> str:
    return role.split(":")[1]


def _host(call: Call) -> str:
    return urlsplit(call.url).netloc
