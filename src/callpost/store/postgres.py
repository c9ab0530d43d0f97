"""The embedded PostgreSQL: one server for one data folder, shared by every process that asks for it.

    async with postgres.running(folder) as url:
        ...

The server runs as long as any process is inside such a block, and stops by itself when the last one leaves,
is killed, or crashes. How and why: docs/decisions/0002-embedded-postgresql.md.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from enum import Enum, auto
from pathlib import Path

import asyncpg
import structlog

from callpost.errors import ConfigurationProblem
from callpost.store import postgres_keeper
from callpost.store.postgres_folder import OTHERWISE, Folder, Lock, open_folder
from callpost.store.postgres_host import installations
from callpost.store.postgres_keeper import Plan

log = structlog.get_logger()

_POLL_S = 0.05
_WATCH_S = 1.0
_PROBE_S = 5.0
_SPAWN_S = 60.0
_FIRST_NEWS_S = 3.0
_NEWS_S = 10.0
_LONGEST_PAUSE_S = 30.0
_KEEPERS = 5
_LOG_BYTES = 1024 * 1024

Progress = Callable[[str], None]


def _tell_log(text: str) -> None:
    log.info("postgres.waiting", state=text)


@asynccontextmanager
async def running(
    data: Path,
    *,
    user: str | None = None,
    options: Mapping[str, str] | None = None,
    progress: Progress = _tell_log,
    patience_s: float = 600,
    farewell_s: float = 30,
) -> AsyncIterator[str]:
    """The URL of the PostgreSQL that lives in `data`/postgres, running until the block ends.

    user: whom the server runs as where we are root. options: server settings, of effect where it has to be
    started. progress: told what is waited for. patience_s: a recovery may take minutes. farewell_s: how
    long the last one to leave waits for the server to stop.

    Raises ConfigurationProblem where the server cannot run; the message names what mends it.
    """
    folder = await asyncio.to_thread(open_folder, data, next(iter(installations())))
    use = _Use(folder, user, dict(options or {}))
    try:
        async with asyncio.timeout(patience_s):
            url = await use.begin(progress)
    except TimeoutError:
        use.lock.close()
        raise ConfigurationProblem(
            f"The embedded PostgreSQL in {folder.path} accepted no connection within {patience_s:.0f} s; "
            f"its log is {folder.log}. {OTHERWISE}"
        ) from None
    except BaseException:
        use.lock.close()
        raise
    watch = asyncio.create_task(use.watch())
    try:
        yield url
    finally:
        watch.cancel()
        await asyncio.wait([watch])
        await use.leave(farewell_s)


async def require(url: str, *, patience_s: float = 0) -> None:
    """See to it that a server of the operator's own can be used, waiting `patience_s` for it to come up.

    Raises ConfigurationProblem, which never quotes the URL: it holds a password.
    """
    began = time.monotonic()
    while reason := await _unusable(url):
        if time.monotonic() - began >= patience_s:
            raise ConfigurationProblem(f"The database of CALLPOST_DATABASE_URL cannot be used: {reason}")
        log.info("postgres.waiting", state=reason)
        await asyncio.sleep(_WATCH_S)


async def _unusable(url: str) -> str:
    """Why nobody can connect; empty where one can. Raises ConfigurationProblem where waiting cannot help."""
    try:
        connection = await asyncpg.connect(url, timeout=_PROBE_S)
        await connection.close(timeout=_PROBE_S)
    except (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
        return str(error)
    except OSError as error:
        return str(error) or "it does not answer"
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise ConfigurationProblem(f"The database of CALLPOST_DATABASE_URL cannot be used: {error}") from None
    return ""


class _Keeper(Enum):
    """What became of the look for a keeper. UNCLEAR: somebody else is looking, or starting one."""

    ALIVE = auto()
    STARTED = auto()
    UNCLEAR = auto()


class _Use:
    """One process's use of the server."""

    def __init__(self, folder: Folder, user: str | None, options: dict[str, str]) -> None:
        self.folder = folder
        self.user = user
        self.options = options
        self.socket: str | None = None
        self.lock = folder.users()

    async def begin(self, progress: Progress) -> str:
        """Count as a user, then see to it that the server runs; its URL."""
        news = _News(progress)
        while not self.lock.take(shared=True):
            news.tell("the server is stopping and will be started again")
            await asyncio.sleep(_POLL_S)
        return await self._served(news)

    async def watch(self) -> None:
        """Replace a keeper that was killed. The server and its users outlive it by this alone."""
        pause_s = _WATCH_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                if await asyncio.to_thread(self._ensure_keeper, waited=False) is _Keeper.STARTED:
                    log.warning("postgres.keeper_replaced", folder=str(self.folder.path))
                    await self._served(_News(_tell_log), waited=True)
                pause_s = _WATCH_S
            except (ConfigurationProblem, OSError) as problem:
                log.error("postgres.lost", reason=str(problem))  # noqa: TRY400 - the reason says it all
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def leave(self, farewell_s: float) -> None:
        """Count no longer. The last one waits for the server, lest a container end under it."""
        self.lock.close()
        for _ in range(int(farewell_s / _POLL_S)):
            if await asyncio.to_thread(self._over):
                return
            await asyncio.sleep(_POLL_S)

    async def _served(self, news: "_News", *, waited: bool = False) -> str:
        """Until the server accepts connections. waited: a keeper was at work when we last looked."""
        keepers = 0
        while True:
            keeper = await asyncio.to_thread(self._ensure_keeper, waited=waited)
            waited = waited or keeper is not _Keeper.UNCLEAR
            keepers += keeper is _Keeper.STARTED
            if keepers > _KEEPERS:
                raise ConfigurationProblem(self._keeper_died())
            status = self.folder.read_status() if waited else None
            refusal = await _refusal(status.url) if status and status.socket else "it is being prepared"
            if status and not refusal:
                self.socket = status.socket
                return status.url
            news.tell(refusal)
            await asyncio.sleep(_POLL_S)

    def _ensure_keeper(self, *, waited: bool) -> _Keeper:
        """Raises ConfigurationProblem with the reason why the keeper that we waited for gave up."""
        with self.folder.start() as start:
            if not start.take():
                return _Keeper.UNCLEAR
            with self.folder.keeper() as lock:
                if not lock.take():
                    return _Keeper.ALIVE
                status = self.folder.read_status()
                if waited and status and status.failure:
                    raise ConfigurationProblem(status.failure)
                self.folder.forget_status()
                self._spawn(lock)
                return _Keeper.STARTED

    def _spawn(self, lock: Lock) -> None:
        """Start a keeper, which takes over the lock. It detaches itself: its first process ends at once."""
        plan = Plan(str(self.folder.path), lock.descriptor, self.user, self.socket, self.options)
        with self.folder.open_log(self.folder.keeper_log) as output:
            if output.tell() > _LOG_BYTES:
                output.truncate(0)
            subprocess.run(  # noqa: S603 - our own module
                [sys.executable, "-m", postgres_keeper.__name__, json.dumps(asdict(plan))],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock.descriptor,),
                start_new_session=True,
                timeout=_SPAWN_S,
                check=False,  # one that fails lets go of the lock, and is missed by that
            )

    def _keeper_died(self) -> str:
        last = self.folder.keeper_log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        return f"The keeper of the embedded PostgreSQL keeps dying: {' / '.join(last)} {OTHERWISE}"

    def _over(self) -> bool:
        """Whether the keeper is gone, or others use the server."""
        try:
            with self.folder.users() as users:
                if not users.take() and users.take(shared=True):
                    return True
            with self.folder.start() as start, self.folder.keeper() as keeper:
                return start.take() and keeper.take()
        except FileNotFoundError:
            return True


async def _refusal(url: str) -> str:
    """Why the server accepts no connection yet; empty where it does."""
    try:
        connection = await asyncpg.connect(url, timeout=_PROBE_S)
        await connection.close(timeout=_PROBE_S)
    except (asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError, OSError) as error:
        return str(error) if isinstance(error, asyncpg.PostgresError) else "it is starting"
    except asyncpg.TooManyConnectionsError:
        return ""
    return ""


@dataclass(slots=True)
class _News:
    """Tells what is waited for, now and then."""

    progress: Progress
    began: float = field(default_factory=time.monotonic)
    next_at_s: float = _FIRST_NEWS_S

    def tell(self, state: str) -> None:
        waited_s = time.monotonic() - self.began
        if waited_s >= self.next_at_s:
            self.next_at_s = waited_s + _NEWS_S
            self.progress(f"waiting for the database since {waited_s:.0f} s: {state}")
