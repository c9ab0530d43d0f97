"""A recording to deliver, and the servers it is delivered to."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from uuid import UUID

import pytest
from certificates import Authority, make_authority, terminator
from delivery_support import Recording, add_recording
from demo import customer
from demo.customer import CALLPOST_ACCOUNT, CUSTOMER_ACCOUNT, Account, Key
from fault_proxy import FaultProxy
from http_server import HttpServer
from juicefs import CALLPOST_KEY as JUICEFS_CALLPOST_KEY
from juicefs import KEY as JUICEFS_KEY
from juicefs import juicefs
from places import Place, Way
from s3_servers import DOMAINS, NAMES, Address, Names, Server
from seaweed import KEY as SEAWEED_KEY
from seaweed import seaweed

from callpost import settings
from callpost.network import Network
from callpost.store import organizations
from callpost.store.database import Database


@pytest.fixture
async def organization_id(database: Database) -> UUID:
    async with database.transaction() as connection:
        return (await organizations.ensure_first(connection)).organization_id


@pytest.fixture
async def recording(database: Database, organization_id: UUID) -> Recording:
    async with database.transaction() as connection:
        return await add_recording(connection, organization_id)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An AWS-compatible server that enforces signatures, policies and external IDs."""
    with customer.account(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture(scope="session")
def callpost_key(account: Account) -> Key:
    """The user that callpost signs with: it may assume roles, and nothing else."""
    return account.make_user(CALLPOST_ACCOUNT, "sts:AssumeRole", "*")


@pytest.fixture(scope="session")
def signer(account: Account) -> Key:
    """The customer's user that signs URLs."""
    return account.make_user(CUSTOMER_ACCOUNT, "s3:PutObject", "*")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signed the certificates of the servers here; nobody's system knows it."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def trusting(authority: Authority) -> ssl.SSLContext | None:
    """How callpost verifies servers where the operator named this authority."""
    return settings.load(ca_bundle=authority.bundle).tls


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, authority: Authority
) -> Iterator[Callable[[str], Server]]:
    """Each server by its name, started when it is first asked for and once only."""
    with ExitStack() as stack:

        @cache
        def start(name: str) -> Server:
            folder = tmp_path_factory.mktemp(name)
            callpost = None
            if name == "ministack":
                account = request.getfixturevalue("account")
                port = int(account.endpoint.rpartition(":")[2])
                owner, signer = Key(CUSTOMER_ACCOUNT, "test"), request.getfixturevalue("signer")
                callpost = request.getfixturevalue("callpost_key")
            else:
                begin, owner = (seaweed, SEAWEED_KEY) if name == "seaweedfs" else (juicefs, JUICEFS_KEY)
                port, signer = stack.enter_context(begin(folder, DOMAINS[name])), owner
                callpost = JUICEFS_CALLPOST_KEY if name == "juicefs" else None
            tls_port = stack.enter_context(terminator(authority.server_context(*NAMES[name]), port))
            return Server(name, port, owner, signer, tls_port, callpost)

        yield start


@pytest.fixture
async def place(
    request: pytest.FixtureRequest, servers: Callable[[str], Server], trusting: ssl.SSLContext | None
) -> AsyncIterator[Place]:
    """One server over one transport ("seaweedfs-tls")."""
    name, _, transport = request.param.partition("-")
    address = Address(servers(name), transport == "tls")
    names = Names(address.port)
    async with Network(address.policy, tls=trusting, resolver=names) as network:
        yield Place(address, network, names)


@pytest.fixture
def bucket(place: Place) -> str:
    return place.server.make_bucket()


@pytest.fixture(params=["presigned", "by-role"])
def way(request: pytest.FixtureRequest, place: Place, bucket: str) -> Way:
    return Way(place, bucket, signed=request.param == "presigned")


@pytest.fixture
async def faults(place: Place, authority: Authority) -> AsyncIterator[FaultProxy]:
    """What stands before the place and can fail."""
    server = place.server
    context = authority.server_context(*NAMES[server.name]) if place.address.tls else None
    async with FaultProxy(server.port, context) as proxy:
        place.names.port = proxy.port
        yield proxy


@pytest.fixture
async def http_server() -> AsyncIterator[HttpServer]:
    """An endpoint that answers as it is told and keeps what it was sent."""
    async with HttpServer() as server:
        yield server
