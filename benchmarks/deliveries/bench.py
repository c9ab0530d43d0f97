"""A worker's deliveries on a database of their own: planned, delivered, timed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import asyncpg
from benchmarks.deliveries import processes

from callpost.delivery import rendering
from callpost.delivery.aws import AwsEndpoints
from callpost.delivery.courier import Courier, CourierSettings
from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.delivery.signing import Credentials
from callpost.model.configuration import Callback, Configuration
from callpost.model.delivery import EndpointPolicy, NewDelivery, RetrySchedule
from callpost.model.media import Media, MediaStatus, Metadata, Submission
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.network import Network
from callpost.render import content
from callpost.store import deliveries, media, organizations, reports
from callpost.store.database import Database
from callpost.store.deliveries import Limits, Settlement
from callpost.store.media import NewMedia
from callpost.store.migrate import migrate
from callpost.store.objects import Objects

DESTINATIONS = 50
API_URL = "https://callpost.example.org"
ANALYTICS = Callback("https://example.org/")
# Of a pre-signed URL as boto3 makes it; the sink checks no signature.
QUERY = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20260301%2Fus-east-1%2Fs3%2F"
    f"aws4_request&X-Amz-Date={datetime.now(UTC):%Y%m%dT%H%M%SZ}&X-Amz-Expires=604800"
    f"&X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature={'ab' * 32}"
)
# By the server itself: a million rows sent to it one by one would take many minutes.
_COPIES = """
insert into deliveries
select (jsonb_populate_record(planned, jsonb_build_object(
           'delivery_id', gen_random_uuid(), 'number', planned.number + copy * $3::int))).*
  from deliveries planned, generate_series(1, $2::int) copy
 where media_id = $1
"""
_SAID = (
    "Thank you for calling Harbour Broadband, this is Priya. How can I help you today?",
    "Hi Priya, the internet in my flat has been down since Tuesday, and the router shows a red light.",
    "I'm sorry to hear that. Let me look at your line and run a test, it takes less than two minutes.",
    "Okay, I have restarted it twice already, if that helps.",
)
_TURNS = 24


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Drained:
    """per_second: from the first claim to the last record. took_s: of each, from its due time, sorted."""

    per_second: float
    took_s: list[float]


@dataclass(slots=True)
class Bench:
    """sink: where the results go. sts: where roles are assumed."""

    database: Database
    objects: Objects
    network: Network
    organization_id: UUID
    sink: str
    sts: str
    numbers: dict[UUID, int] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def opened(cls, server_url: str, folder: Path, sink: str, sts: str) -> AsyncIterator["Bench"]:
        """On a fresh database of a server."""
        policy = EndpointPolicy(True, True, None, (sink,))
        async with AsyncExitStack() as stack:
            url = await stack.enter_async_context(_fresh_database(server_url))
            database = await Database.open(url)
            stack.push_async_callback(database.close)
            network = await stack.enter_async_context(Network(policy))
            async with database.transaction() as connection:
                organization = await organizations.ensure_first(connection)
            objects = Objects(str(folder / f"objects-{uuid4().hex}"))
            yield cls(database, objects, network, organization.organization_id, sink, sts)

    def courier(self) -> Courier:
        """A new one, which has read and rendered nothing yet."""
        policy = EndpointPolicy(True, True, None, (self.sink,))
        endpoints = AwsEndpoints(s3=self.sink, sts=self.sts)
        own = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
        return Courier(
            self.network, self.objects, CourierSettings(policy, API_URL, endpoints), now, lambda: own
        )

    async def plan(self, recordings: int, each: int, *, prepared: bool = True, roles: int = 0) -> None:
        """Recordings with results, each with so many deliveries of its analytics, due now.

        prepared: what they send was rendered when the recording ended, as the service does; else it is when
        it is sent, as that of a replay may be. roles: how many roles the deliveries go out by; 0: by
        pre-signed URLs.
        """
        made = await self._recordings(recordings, prepared=prepared)
        numbers = range(recordings * each)
        new = [self._by_role(made[number // each], number % roles) if roles else
               self.presigned(made[number // each], number) for number in numbers]  # fmt: skip
        await self.insert(new)

    def presigned(self, media_id: UUID, number: int, *, silent: bool = False) -> NewDelivery:
        """To one of the destinations in turn, or to one that takes connections and never answers."""
        place = f"{self.sts}/silent" if silent else f"{self.sink}/bucket"
        callback = Callback(f"{place}/{uuid4()}.json?{QUERY}")
        key = "s3:silent" if silent else f"s3:bucket-{number % DESTINATIONS}"
        return self._new(media_id, callback, key)

    def _by_role(self, media_id: UUID, role: int) -> NewDelivery:
        arn = f"arn:aws:iam::123456789012:role/customer-{role}"
        url = f"https://s3.us-east-1.amazonaws.com/bucket-{role}/calls"
        callback = Callback(url, role=arn, s3_delivery=True)
        return self._new(media_id, callback, f"s3:bucket-{role}", f"calls/{media_id}/{uuid4()}.json")

    def _new(
        self, media_id: UUID, callback: Callback, key: str, object_key: str | None = None
    ) -> NewDelivery:
        number = self.numbers[media_id] = self.numbers.get(media_id, 0) + 1
        return NewDelivery(
            uuid4(), media_id, self.organization_id, number, callback, key, "application/json", object_key
        )

    async def server_process(self) -> int:
        """The process of PostgreSQL that has started all its others."""
        async with self.database.connection() as connection:
            return processes.parent_of(await connection.fetchval("select pg_backend_pid()"))

    async def recording(self) -> UUID:
        return (await self._recordings(1))[0]

    async def _recordings(self, count: int, *, prepared: bool = True) -> list[UUID]:
        made = [uuid4() for _ in range(count)]
        submission = Submission(Configuration(), Metadata())
        async with self.database.transaction() as connection:
            for media_id in made:
                await media.insert(
                    connection, NewMedia(media_id, self.organization_id, submission, None, now())
                )
        for media_id in made:
            report = report_of(media_id, self.organization_id)
            renderings = rendering.prepared(report, (ANALYTICS,), API_URL) if prepared else {}
            await reports.save(self.objects, report, renderings)
        return made

    async def insert(self, new: Sequence[NewDelivery], due_at: datetime | None = None) -> None:
        for start in range(0, len(new), 10_000):
            async with self.database.transaction() as connection:
                await deliveries.insert(connection, new[start : start + 10_000], due_at or now())

    async def wait_much_later(self, count: int) -> None:
        """Deliveries that are due in eight hours, at all destinations alike."""
        media_id = await self.recording()
        new = [self.presigned(media_id, number) for number in range(DESTINATIONS)]
        await self.insert(new, now() + timedelta(hours=8))
        async with self.database.connection() as connection:
            await connection.execute(_COPIES, media_id, count // DESTINATIONS - 1, DESTINATIONS, timeout=600)
            await connection.execute("vacuum analyze deliveries", timeout=600)

    @asynccontextmanager
    async def dispatching(
        self, settled: Callable[[Settlement], None], courier: Courier | None = None
    ) -> AsyncIterator[None]:
        """One worker's dispatcher with the settings that are the default."""
        stop = asyncio.Event()
        settings = DispatcherSettings(limits=Limits(), schedule=RetrySchedule((0,), 1), grace_s=0)
        dispatcher = Dispatcher(self.database, courier or self.courier(), settings, now, settled=settled)
        task = asyncio.create_task(dispatcher.run(stop))
        try:
            yield
        finally:
            stop.set()
            await task

    async def drain(self, count: int, courier: Courier | None = None) -> Drained:
        """Deliver until `count` have arrived and are recorded. Raises RuntimeError where one does not."""
        took: list[float] = []
        done = asyncio.get_running_loop().create_future()

        def settled(settlement: Settlement) -> None:
            if done.done():
                return
            if settlement.receipt is None:
                done.set_exception(RuntimeError(settlement.attempt.reason))
                return
            took.append(seconds(settlement))
            if len(took) == count:
                done.set_result(None)

        started = perf_counter()
        async with self.dispatching(settled, courier):
            await done
            per_second = count / (perf_counter() - started)
        return Drained(per_second, sorted(took))


def seconds(settlement: Settlement) -> float:
    """From the due time to the object's arrival."""
    assert settlement.receipt is not None  # noqa: S101
    return (settlement.receipt.delivered_at - settlement.claimed.due_at).total_seconds()


def report_of(media_id: UUID, organization_id: UUID) -> Report:
    """A call of two minutes, whose analytics with captions have about 50 KB."""
    turns, clock = [], 500
    for number in range(_TURNS):
        words = []
        for word in _SAID[number % len(_SAID)].split():
            words.append(Word(word, clock, clock + 300, 0.912))
            clock += 350
        turns.append(Turn(("Agent", "Caller")[number % 2], number % 2, tuple(words)))
        clock += 400
    made = Media(
        media_id, organization_id, "Acme", MediaStatus.FINISHED, now(), Metadata({}), length_ms=clock
    )
    return Report(made, Results(Transcript(tuple(turns))))


def rendered() -> bytes:
    """What every delivery sends, but for its ids."""
    return content.render(report_of(uuid4(), uuid4()), ANALYTICS, API_URL)


@asynccontextmanager
async def _fresh_database(server_url: str) -> AsyncIterator[str]:
    name = f"benchmark_{uuid4().hex}"
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database {name}")
    try:
        database_url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
        await migrate(database_url)
        yield database_url
    finally:
        await server.execute(f"drop database {name} with (force)")
        await server.close()
