"""One run: recordings are posted while processes are killed, and then the books are balanced."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.chaos import client as clients
from benchmarks.chaos import proof
from benchmarks.chaos.client import Client, Document
from benchmarks.chaos.installation import Installation
from benchmarks.chaos.killer import Killer
from benchmarks.chaos.line import slow_line
from benchmarks.chaos.proof import Auditor, Books
from benchmarks.chaos.sink import Sink, sink
from demo import customer
from demo.customer import Account, answers
from demo.processes import free_port
from demo.service import ask

_BUCKET = "chaos"
_FOLDER = "calls"
_POSTERS = 6
_START_S = 90.0
_SETTLE_S = 300.0


@dataclass(frozen=True)
class Plan:
    """pause_s: mean time between two kills. longest_s: after which nothing is posted any more."""

    recordings: int
    kills: int
    freezes: int
    workers: int
    seed: int
    pause_s: float
    longest_s: float = 1800


@dataclass(frozen=True)
class Outcome:
    """What happened, and what it came to. left: parts of recordings that have ended, by their files."""

    plan: Plan
    books: Books
    killer: Killer
    client: Client
    ended_by_themselves: list[str]
    left: list[str]
    settled: bool
    seconds: float

    @property
    def violations(self) -> list[str]:
        missing = self.plan.recordings - self.books.recordings + self.books.twice
        return [
            *([] if self.settled else ["something is still pending"]),
            *([f"{missing} recordings could not be posted"] if missing else []),
            *([f"only {self.killer.kills} kills"] if self.killer.kills < self.plan.kills else []),
            *self.ended_by_themselves,
            *(f"{part} is still there" for part in self.left),
            *self.books.violations,
        ]


def run(plan: Plan, folder: Path, tell: Callable[[str], None] = lambda _: None) -> Outcome:
    """All of it, in a folder that others may enter. tell: hears of every kill."""
    began = time.monotonic()
    chance = random.Random(plan.seed)  # noqa: S311 - a run has to be repeatable
    cue = threading.Event()
    with ExitStack() as stack:
        account = stack.enter_context(customer.account(folder))
        account.make_bucket(_BUCKET)
        account.client("s3").put_bucket_versioning(
            Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        endpoint = stack.enter_context(sink(cue, _another(chance)))
        port = free_port()
        line = slow_line(account.endpoint, cue, _another(chance))
        behind_line = Account(stack.enter_context(line))
        environment = _environment(behind_line, folder, port)
        installation = Installation(folder, environment, port, plan.workers, _another(chance))
        stack.enter_context(installation.running())
        url = f"http://127.0.0.1:{port}"
        _wait_for(lambda: answers(f"{url}/v3/"))
        data = folder / "data"
        token = ask(data, "keys", "create", "chaos")["token"]
        role = account.make_role(_BUCKET, ask(data, "organization", "show")["organizationId"])
        client = Client(url, token, cue, time.monotonic() + plan.longest_s)
        killer = Killer(
            installation,
            cue,
            _another(chance),
            plan.pause_s,
            lambda: len(endpoint.seen),
            plan.recordings / plan.kills,
            tell=tell,
        )
        recordings = {one.external_id: one for one in clients.recordings(plan.recordings, chance)}
        _post_under_fire(plan, client, killer, recordings, _configure(behind_line, role, endpoint))
        tell("the killing is over")
        media = proof.media_of(client, recordings)
        settled = proof.settled(client, media, _SETTLE_S)
        tell("everything has ended" if settled else "something is still pending")
        books = Auditor(client, account, _BUCKET, endpoint).audit(media)
        ended = installation.ended_by_themselves
        left = [str(path) for path in data.rglob("parts/*")]
    return Outcome(plan, books, killer, client, ended, left, settled, time.monotonic() - began)


def _environment(account: Account, folder: Path, port: int) -> dict[str, str]:
    signer = account.make_user(customer.CALLPOST_ACCOUNT, "sts:AssumeRole", "*")
    return {
        **signer.environment(),
        "CALLPOST_DATA": str(folder / "data"),
        "CALLPOST_API_URL": f"http://127.0.0.1:{port}",
        "CALLPOST_S3_ENDPOINTS": account.endpoint,
        "CALLPOST_STS_ENDPOINT": account.endpoint,
        "CALLPOST_ALLOW_HTTP": "true",
        "CALLPOST_ALLOW_PRIVATE_NETWORKS": "true",
        "CALLPOST_ALLOWED_PORTS": "0",
        "CALLPOST_RECORDINGS_AT_ONCE": "4",
        "CALLPOST_RETRY_SLOTS_S": "0,2,4,8,16,32,64",
        "CALLPOST_STOP_GRACE_S": "2",
    }


def _configure(account: Account, role: str, endpoint: Sink) -> Callable[[], Document]:
    signer = account.make_user(customer.CUSTOMER_ACCOUNT, "s3:PutObject", f"arn:aws:s3:::{_BUCKET}/*")
    by_role = {
        "s3Delivery": True,
        "url": f"{account.endpoint}/{_BUCKET}",
        "role": role,
        "prependFolder": _FOLDER,
    }

    def configure() -> Document:
        # A key of its own for each post: those of one recording posted twice must not replace each other.
        signed = account.presign(
            signer, _BUCKET, f"signed/{uuid4()}.json", "application/json", version="s3v4"
        )
        return {
            "publish": {
                "callbacks": [
                    {"url": signed, "method": "PUT", "type": "analytics"},
                    {**by_role, "type": "analytics"},
                    {**by_role, "type": "transcript", "format": "text"},
                    {"url": endpoint.url, "method": "POST", "type": "analytics"},
                ]
            }
        }

    return configure


def _post_under_fire(
    plan: Plan,
    client: Client,
    killer: Killer,
    recordings: dict[str, clients.Recording],
    configure: Callable[[], Document],
) -> None:
    """Post as kills go on, so that there is work under way at every kill."""
    stop = threading.Event()
    killing = threading.Thread(target=killer.run, args=(plan.kills, plan.freezes, stop), daemon=True)
    killing.start()
    deadline = time.monotonic() + plan.longest_s

    def post(place: int, recording: clients.Recording) -> None:
        # The share posted runs ahead of the share killed by two kills.
        while killing.is_alive() and place * plan.kills > plan.recordings * (killer.kills + 2):
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)
        client.deliver(recording, configure)

    with ThreadPoolExecutor(_POSTERS) as pool:
        list(pool.map(post, range(plan.recordings), recordings.values()))
    killing.join(max(0.0, deadline - time.monotonic()))
    stop.set()


def _another(chance: random.Random) -> random.Random:
    """Chance for another part, so that how one part uses it changes nothing for the others."""
    return random.Random(chance.random())  # noqa: S311 - a run has to be repeatable


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("callpost does not come up")
        time.sleep(0.1)
