"""`callpost serve` and its parts as processes: they come up, are replaced when they die, and stop in time."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_support import clean_environment

from callpost.store.database import Database

_CALLPOST = Path(sys.executable).with_name("callpost")
_SOON_S = 60.0


@pytest.fixture
def there(fresh_database_url: str, tmp_path: Path) -> dict[str, str]:
    """The parts on a database of their own; the small model loads faster."""
    return {
        "CALLPOST_DATABASE_URL": fresh_database_url,
        "CALLPOST_DATA": str(tmp_path / "data"),
        "CALLPOST_MODEL": "tiny.en",
        "CALLPOST_STOP_GRACE_S": "5",
    }


class Running:
    """A command that goes on, and what it wrote."""

    def __init__(self, folder: Path, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [_CALLPOST, *words],
                env={**clean_environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def until_said(self, pattern: str) -> re.Match[str]:
        """What the command has said by then."""
        self._soon(lambda: re.search(pattern, self.out) or self.process.poll() is not None)
        found = re.search(pattern, self.out)
        assert found, f"{self.out}\n{self.err}"
        return found

    def port(self) -> int:
        """Of the API, once it answers."""
        return int(self.until_said(r"is running on http://[^:]+:(\d+)")[1])

    def parts(self) -> dict[str, int]:
        """The process ids of its children, by their commands."""
        return {words[words.index("callpost") + 1]: pid for pid, words in _children(self.process.pid)}

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(_SOON_S)

    def _soon(self, condition: Callable[[], object]) -> None:
        _soon(condition, lambda: f"{self.out}\n{self.err}")


def _children(parent: int) -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent
            ):
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                if "callpost" in words:
                    yield int(entry.name), words
        except OSError:
            continue


def _soon(condition: Callable[[], object], say: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + _SOON_S
    while not condition():
        assert time.monotonic() < deadline, say()
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _status(port: int, timeout_s: float = 30) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", "/v3/")
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def _running(folder: Path, *words: str, **environment: str) -> Iterator[Running]:
    running = Running(folder, words, environment)
    try:
        yield running
    finally:
        parts = running.parts()
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()
        _soon(lambda: not any(map(_alive, parts.values())), lambda: f"left running: {parts}")


def test_one_command_runs_everything_on_embedded_defaults(open_folder: Path, tmp_path: Path) -> None:
    data = open_folder / "data"
    environment = {"CALLPOST_MODEL": "tiny.en"}
    with _running(tmp_path, "serve", "--data", str(data), "--port", "0", **environment) as serve:
        assert _status(serve.port()) == 401
        hint = serve.until_said(r"There is no key yet\. Make one in another terminal:  callpost (.+)")[1]
        made = subprocess.run(
            [_CALLPOST, *hint.split()], env=clean_environment(), check=True, capture_output=True, text=True
        )
        assert made.stdout.strip()
        assert serve.parts().keys() == {"api", "worker"}
        assert (data / "objects").stat().st_mode & 0o077 == 0, "recordings are nobody else's"
        assert serve.stop() == 0
    with _running(tmp_path, "serve", "--data", str(data), "--port", "0", **environment) as serve:
        serve.port()
        assert serve.stop(signal.SIGINT) == 0
        assert "There is no key yet" not in serve.out, "only the first time"
    assert not (data / "postgres" / "data" / "postmaster.pid").exists(), "the database was shut down in order"


def test_a_part_that_dies_is_started_again_and_no_caller_is_refused_meanwhile(
    there: dict[str, str], tmp_path: Path
) -> None:
    with _running(tmp_path, "serve", "--port", "0", **there) as serve:
        port = serve.port()
        before = serve.parts()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        assert _status(port) == 401, "the socket is kept by serve: the caller waits for the new API"
        _soon(lambda: serve.parts().keys() == before.keys())
        assert not set(serve.parts().values()) & set(before.values())
        assert serve.stop() == 0


def test_the_parts_never_outlive_serve(there: dict[str, str], tmp_path: Path) -> None:
    with _running(tmp_path, "serve", "--port", "0", **there) as serve:
        serve.port()
        parts = serve.parts()
        serve.process.kill()
        serve.process.wait()
        _soon(lambda: not any(map(_alive, parts.values())))


def test_a_second_signal_stops_at_once(there: dict[str, str], tmp_path: Path) -> None:
    with _running(tmp_path, "serve", "--port", "0", **{**there, "CALLPOST_STOP_GRACE_S": "600"}) as serve:
        port = serve.port()
        parts = serve.parts()
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(b"POST /v3/media HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            time.sleep(0.5)
            os.kill(parts["worker"], signal.SIGSTOP)  # a part that hangs
            serve.process.send_signal(signal.SIGTERM)
            _soon(lambda: "serve.stopping" in serve.err)
            began = time.monotonic()
            assert serve.stop() == 128 + signal.SIGTERM
            assert time.monotonic() - began < 5
        _soon(lambda: not any(map(_alive, parts.values())))


def test_an_address_in_use_is_named_before_anything_is_started(there: dict[str, str], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with _running(tmp_path, "serve", "--port", port, **there) as serve:
            assert serve.process.wait(_SOON_S) == 1
            assert f"cannot listen on 127.0.0.1 port {port}" in serve.err
            assert "CALLPOST_PORT" in serve.err
            assert "Traceback" not in serve.err
    assert not (tmp_path / "data").exists()


async def test_a_part_that_cannot_run_ends_the_service_with_the_reason(
    there: dict[str, str], tmp_path: Path, database: Database
) -> None:
    """A later callpost has taken over the database meanwhile: starting this one's worker again is no use."""
    with _running(tmp_path, "serve", "--port", "0", **there) as serve:
        serve.port()
        async with database.connection() as connection:
            await connection.execute("insert into migrations (number, name) values (999, 'later')")
        os.kill(serve.parts()["worker"], signal.SIGKILL)
        assert serve.process.wait(_SOON_S) == 1
        assert "made by a later callpost" in serve.err
        assert "Traceback" not in serve.err


@pytest.mark.parametrize("part", ["api", "worker"])
def test_a_part_runs_alone_and_stops_in_order(there: dict[str, str], tmp_path: Path, part: str) -> None:
    words = ("api", "--port", "0") if part == "api" else ("worker",)
    with _running(tmp_path, *words, **there) as running:
        said = running.until_said(r"Stop it with Ctrl-C")
        if part == "api":
            port = int(re.search(r":(\d+)\.", said.string)[1])  # type: ignore[index] - it is there
            assert _status(port) == 401
        else:
            time.sleep(3)
        assert running.stop() == 0
        assert "Traceback" not in running.err


def test_a_part_waits_for_its_database(tmp_path: Path) -> None:
    """As when everything is started at once."""
    nowhere = {"CALLPOST_DATABASE_URL": "postgresql://callpost@127.0.0.1:1/callpost"}
    with _running(tmp_path, "worker", **nowhere) as worker:
        _soon(lambda: "postgres.waiting" in worker.err)
        assert worker.process.poll() is None
        assert worker.stop() == 0, "and can be stopped meanwhile"
