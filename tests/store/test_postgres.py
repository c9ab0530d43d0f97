"""The embedded PostgreSQL, by killing what can be killed. Every process here is a real one."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from callpost.errors import ConfigurationProblem
from callpost.store import postgres
from callpost.store.postgres_folder import Folder, Status
from callpost.store.postgres_server import prepare

_SOON_S = 20.0
_USER = """
import asyncio, sys
from pathlib import Path
from callpost.store import postgres

async def main():
    async with postgres.running(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data folder for all tests that leave it sound: making a database takes longer than most of them."""
    with tempfile.TemporaryDirectory(prefix="callpost-test-") as folder:
        Path(folder).chmod(0o755)
        subprocess.run([sys.executable, "-c", _USER, folder], stdin=subprocess.DEVNULL, check=True)
        yield Path(folder)


@pytest.fixture
def data(made: Path) -> Iterator[Path]:
    """A data folder with a database, stopped."""
    yield made
    _require_stopped(made)


@pytest.fixture
def empty(open_folder: Path) -> Iterator[Path]:
    """An empty data folder."""
    yield open_folder
    _require_stopped(open_folder)


def _require_stopped(data: Path) -> None:
    """Whatever a test does, nothing of its server is left running."""
    deadline = time.monotonic() + _SOON_S
    while (left := _processes_of(data)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, f"left running: {left}"


def _processes_of(data: Path) -> dict[int, str]:
    """Processes that name the folder in their command line or work in it, as every server process does."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            at = (entry / "cwd").readlink()
        except OSError:
            continue
        if str(data) in words or at.is_relative_to(data):
            found[int(entry.name)] = words
    return found


@dataclass(frozen=True)
class UserProcess:
    """Another process that uses the server of the same folder."""

    process: asyncio.subprocess.Process
    url: str

    async def leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert await asyncio.wait_for(self.process.wait(), _SOON_S) == 0


@asynccontextmanager
async def _another_user(data: Path) -> AsyncIterator[UserProcess]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _USER, str(data), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), _SOON_S)).decode().strip()
        yield UserProcess(process, url)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _soon(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(_SOON_S):
        while not condition():
            await asyncio.sleep(0.02)


async def _eventually(url: str, statement: str) -> object:
    """What the statement yields as soon as the server answers again."""
    async with asyncio.timeout(_SOON_S):
        while True:
            try:
                return await _value(url, statement)
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(0.05)


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def _make_table(url: str) -> None:
    await _value(url, "drop table if exists kept")
    await _value(url, "create table kept (number integer)")


async def _write(url: str, number: int) -> None:
    await _value(url, f"insert into kept values ({number})")  # noqa: S608


def _status(data: Path) -> Status:
    status = Folder(data / "postgres").read_status()
    assert status is not None
    return status


def _stopped(data: Path) -> bool:
    return not _processes_of(data)


async def test_it_starts_keeps_rows_and_stops_with_its_last_user(empty: Path) -> None:
    async with postgres.running(empty) as url:
        await _make_table(url)
        await _write(url, 1)
        assert await _value(url, "show fsync") == "on"
        assert await _value(url, "show listen_addresses") == ""
        assert await _value(url, "select upper('é') || (select count(*) from kept)") == "É1"
    assert _stopped(empty), "the last user waits for the server"
    assert not (empty / "postgres" / "data" / "postmaster.pid").exists(), "it was shut down in order"
    async with postgres.running(empty) as url:
        assert await _value(url, "select number from kept") == 1


async def test_two_processes_share_one_server(data: Path) -> None:
    async with _another_user(data) as other:
        async with postgres.running(data) as url:
            assert url == other.url
            server = _status(data).server
        assert await _value(url, "select 1") == 1, "it goes on for the other one"
        assert _status(data).server == server
        await other.leave()
    assert _stopped(data)


async def test_many_starters_at_once_start_one_server(empty: Path) -> None:
    async def use() -> int | None:
        async with postgres.running(empty):
            await asyncio.sleep(0.5)
            return _status(empty).server

    assert len(set(await asyncio.gather(*(use() for _ in range(5))))) == 1


async def test_it_starts_anew_for_a_user_who_comes_while_it_stops(data: Path) -> None:
    for _ in range(3):
        async with postgres.running(data, farewell_s=0) as url:
            assert await _value(url, "select 1") == 1


async def test_it_stops_soon_after_its_user_was_killed(data: Path) -> None:
    async with _another_user(data) as other:
        await _make_table(other.url)
        await _write(other.url, 1)
        other.process.kill()
        await _soon(lambda: _stopped(data))
    async with postgres.running(data) as url:
        assert await _value(url, "select number from kept") == 1


async def test_a_killed_keeper_is_replaced_and_the_url_stays(data: Path) -> None:
    async with postgres.running(data) as url:
        await _make_table(url)
        await _write(url, 1)
        before = _status(data)
        os.kill(before.keeper, signal.SIGKILL)
        await _soon(
            lambda: (
                (now := Folder(data / "postgres").read_status()) and now.server not in (None, before.server)
            )
        )
        assert await _eventually(url, "select number from kept") == 1


async def test_a_killed_server_is_started_again_with_all_that_was_committed(data: Path) -> None:
    async with postgres.running(data) as url:
        await _make_table(url)
        for number in range(2):
            await _write(url, number)
            killed = _status(data).server
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            assert await _eventually(url, "select count(*) from kept") == number + 1
            assert _status(data).server != killed


async def test_a_server_killed_before_it_was_ready_is_started_again(data: Path) -> None:
    async def begin() -> object:
        async with postgres.running(data) as url:
            return await _value(url, "select 1")

    seen = _server(data)  # of the keeper before
    beginning = asyncio.create_task(begin())
    for _ in range(2):
        await _soon(lambda seen=seen: _server(data) not in (None, seen))
        seen = _server(data)
        os.kill(seen or 0, signal.SIGKILL)
    assert await asyncio.wait_for(beginning, _SOON_S) == 1


async def test_a_server_that_recovers_from_a_crash_stops_with_its_last_user(data: Path) -> None:
    async with postgres.running(data) as url:
        await _make_table(url)
        await _write(url, 1)
        await _crash(data)
    await _soon(lambda: _stopped(data))
    async with postgres.running(data) as url:
        assert await _value(url, "select number from kept") == 1


async def test_a_server_that_recovers_from_a_crash_is_replaced_when_its_keeper_is_killed(data: Path) -> None:
    async with postgres.running(data) as url:
        await _make_table(url)
        await _write(url, 1)
        await _crash(data)
        os.kill(_status(data).keeper, signal.SIGKILL)
        assert await _eventually(url, "select number from kept") == 1


async def _crash(data: Path) -> None:
    """Kill one process of the server, and wait until it has begun to recover from that."""
    log = data / "postgres" / "postgres.log"
    before = log.stat().st_size
    victim = next(pid for pid, words in _processes_of(data).items() if "walwriter" in words)
    os.kill(victim, signal.SIGKILL)
    await _soon(lambda: b"was interrupted" in log.read_bytes()[before:])


def _server(data: Path) -> int | None:
    status = Folder(data / "postgres").read_status()
    return status.server if status else None


async def test_it_starts_after_everything_was_killed_at_once(data: Path) -> None:
    async with _another_user(data) as other:
        await _make_table(other.url)
        await _write(other.url, 7)
        for pid in _processes_of(data):
            os.kill(pid, signal.SIGKILL)
    async with postgres.running(data) as url:
        assert await _value(url, "select number from kept") == 7


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            "1\n{data}\n1700000000\n5432\n{data}\n\n 1 1\nready   \n",
            id="a process that lives, but is another",
        ),
        pytest.param("{pid}\n{data}\n", id="truncated"),
        pytest.param("", id="empty"),
        pytest.param("\0\0\0\0", id="zeroes"),
    ],
)
async def test_a_stale_pid_file_does_not_matter(data: Path, content: str) -> None:
    async with postgres.running(data) as url:
        socket = Path(_status(data).socket or "")
    stale = data / "postgres" / "data" / "postmaster.pid"
    stale.write_text(content.format(data=stale.parent, pid=os.getpid()))
    (socket / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    async with postgres.running(data) as url:
        assert await _value(url, "select 1") == 1


async def test_a_kill_while_the_database_is_made_leaves_nothing_half_done(empty: Path) -> None:
    folder = empty / "postgres"
    async with _another_user_beginning(empty) as process:
        await _soon(lambda: [*folder.glob(".initialising-*/base")])
        keeper = _status(empty).keeper
        process.kill()
        os.kill(keeper, signal.SIGKILL)
        await process.wait()
    assert not (folder / "data").exists()
    async with postgres.running(empty) as url:
        assert await _value(url, "select 1") == 1
    assert not [*folder.glob(".initialising-*")]


@asynccontextmanager
async def _another_user_beginning(empty: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _USER, str(empty))
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def test_a_server_without_a_keeper_is_stopped_and_replaced(data: Path) -> None:
    """What is left where the kernel knows no death signal and the keeper was killed."""
    async with postgres.running(data) as url:
        await _make_table(url)
        await _write(url, 1)
    folder = Folder(data / "postgres")
    server = await asyncio.to_thread(prepare, folder, None, None, {})
    with folder.server() as lock:
        assert lock.take()
        orphan = server.start(lock.descriptor)
    await _soon(lambda: server.ready)
    async with postgres.running(data) as url:
        assert await _value(url, "select number from kept") == 1
    assert orphan.wait(_SOON_S) == 0


@pytest.mark.parametrize("name", ["x" * 120, "a, b 'c' d?e=f&g%41"], ids=["too long for a socket", "odd"])
async def test_any_path_will_do(empty: Path, name: str) -> None:
    async with postgres.running(empty / name, options={"fsync": "off"}) as url:
        assert await _value(url, "select 1") == 1
        socket = Path(_status(empty / name).socket or "")
    assert socket.parent == empty / name / "postgres" or not socket.exists(), "temporary folders are removed"


async def test_nobody_else_reaches_the_socket(data: Path) -> None:
    async with postgres.running(data):
        assert Path(_status(data).socket or "").stat().st_mode & 0o077 == 0


async def test_settings_of_one_run_win(data: Path) -> None:
    async with postgres.running(data, options={"max_connections": "17"}) as url:
        assert await _value(url, "show max_connections") == "17"


async def test_a_server_that_cannot_start_says_why_and_leaves_no_keeper(data: Path) -> None:
    control = data / "postgres" / "data" / "global" / "pg_control"
    sound = control.read_bytes()
    control.write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(ConfigurationProblem, match=r"pg_control[\s\S]*CALLPOST_DATABASE_URL"):
            async with postgres.running(data):
                pass
    control.write_bytes(sound)
    await _soon(lambda: _stopped(data))


async def test_a_server_that_does_not_come_in_time_is_reported(data: Path) -> None:
    told: list[str] = []
    with Folder(data / "postgres").users() as lock:
        assert lock.take()
        with pytest.raises(
            ConfigurationProblem, match=r"no connection within 3 s; its log is .*postgres\.log"
        ):
            async with postgres.running(data, patience_s=3.2, progress=told.append):
                pass
    assert told == ["waiting for the database since 3 s: the server is stopping and will be started again"]


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('{"format": 1, "postgresql": 17}', "is of PostgreSQL 17, and the installed package brings 18"),
        ('{"format": 2, "postgresql": 18}', "made by another version of callpost"),
        ('{"format": 1', "is damaged"),
    ],
)
async def test_a_folder_of_another_version_is_left_alone(empty: Path, marker: str, message: str) -> None:
    (empty / "postgres").mkdir()
    (empty / "postgres" / "callpost-postgres.json").write_text(marker)
    with pytest.raises(ConfigurationProblem, match=message):
        async with postgres.running(empty):
            pass
    assert not (empty / "postgres" / "data").exists()


async def test_a_folder_that_is_not_ours_is_left_alone(empty: Path) -> None:
    (empty / "postgres").mkdir()
    (empty / "postgres" / "PG_VERSION").write_text("14")
    with pytest.raises(
        ConfigurationProblem, match="holds PG_VERSION and is not a database folder of callpost"
    ):
        async with postgres.running(empty):
            pass
    assert [item.name for item in (empty / "postgres").iterdir()] == ["PG_VERSION"]


async def test_a_data_folder_that_is_a_file_is_a_clear_error(empty: Path) -> None:
    (empty / "file").write_text("")
    with pytest.raises(ConfigurationProblem, match=r"cannot be used: .*CALLPOST_DATA"):
        async with postgres.running(empty / "file"):
            pass


async def test_the_log_stays_small(data: Path) -> None:
    async with postgres.running(data) as url:
        log = data / "postgres" / "postgres.log"
        with log.open("ab") as file:
            file.write(b"x" * 9 * 1024 * 1024)
        await _soon(lambda: log.stat().st_size < 1024)
        await _value(url, "do $$ begin raise log 'still written'; end $$")
        await _soon(lambda: b"still written" in log.read_bytes())
        assert log.with_suffix(".log.1").stat().st_size > 9 * 1024 * 1024


async def test_what_a_statement_holds_is_not_logged(data: Path) -> None:
    async with postgres.running(data) as url:
        await _value(url, "create table secrets (url text primary key)")
        with pytest.raises(asyncpg.UniqueViolationError):
            await _value(url, "insert into secrets values ('a-secret'), ('a-secret')")
        log = data / "postgres" / "postgres.log"
        await _soon(lambda: b"violates unique constraint" in log.read_bytes())
        assert b"a-secret" not in log.read_bytes()
