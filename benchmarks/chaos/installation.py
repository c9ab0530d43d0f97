"""callpost's processes on one data folder, each started again when it dies, as systemd would."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.processes import stop

_LOOK_S = 0.05
_LONGEST_START_S = 1.5


@dataclass
class Part:
    """One process and its successors. ended: what it said for itself when it ended without being killed."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    start_at: float = 0.0
    ended: list[str] = field(default_factory=list)

    def look(self, pause_s: float) -> None:
        """Start it where it is dead and has been for long enough."""
        if self.process is not None and (code := self.process.poll()) is not None:
            if code != -signal.SIGKILL:
                last = self.log.read_text(errors="replace").splitlines()[-1:]
                self.ended.append(f"{self.name} ended by itself ({code}): {''.join(last)}")
            self.process, self.start_at = None, time.monotonic() + pause_s
        if self.process is None and time.monotonic() >= self.start_at:
            with self.log.open("ab") as output:
                self.process = subprocess.Popen(
                    self.command,
                    env={**os.environ, **self.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def signal(self, number: signal.Signals) -> bool:
        """Whether there was a process to send it to."""
        process = self.process
        if process is None or process.poll() is not None:
            return False
        process.send_signal(number)
        return True


class Installation:
    """An API, workers, and the embedded PostgreSQL that they share."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], port: int, workers: int, chance: random.Random
    ) -> None:
        self.data = Path(environment["CALLPOST_DATA"])
        self._chance = chance
        self._stopping = threading.Event()
        callpost = str(Path(sys.executable).with_name("callpost"))
        self.api = Part("api", [callpost, "api", "--port", str(port)], environment, folder / "api.log")
        command = [sys.executable, "-m", "benchmarks.chaos.worker"]
        self.workers = [
            Part(f"worker-{number}", command, environment, folder / f"worker-{number}.log")
            for number in range(1, workers + 1)
        ]

    @property
    def parts(self) -> list[Part]:
        return [self.api, *self.workers]

    @property
    def ended_by_themselves(self) -> list[str]:
        return [what for part in self.parts for what in part.ended]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everything, for the length of the block."""
        keeping = threading.Thread(target=self._keep, daemon=True)
        with ExitStack() as stack:
            stack.callback(self._stop)
            keeping.start()
            stack.callback(keeping.join)
            stack.callback(self._stopping.set)
            yield

    def kill_server(self) -> bool:
        """kill -9 the postmaster."""
        return _kill(self._status("server"), "postgres")

    def kill_backend(self) -> bool:
        """kill -9 one process that serves a connection; PostgreSQL starts all of its processes anew."""
        return _kill(self._chance.choice(self._backends() or [0]), "postgres")

    def kill_keeper(self) -> bool:
        """kill -9 the process that keeps the database running."""
        return _kill(self._status("keeper"), "postgres_keeper")

    def _backends(self) -> list[int]:
        server = self._status("server")
        try:
            children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        except OSError:
            return []
        return [int(child) for child in children if "callpost callpost" in _command(int(child))]

    def _status(self, name: str) -> int:
        try:
            return json.loads((self.data / "postgres" / "keeper.json").read_bytes())[name] or 0
        except (OSError, ValueError):
            return 0

    def _keep(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            for part in self.parts:
                part.look(self._chance.uniform(0, _LONGEST_START_S))

    def _stop(self) -> None:
        for part in reversed(self.parts):
            part.signal(signal.SIGCONT)
            if part.process is not None:
                stop(part.process)


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def _kill(process: int, program: str) -> bool:
    """Only if the process is what we take it for: its number may be another one's by now."""
    if process <= 0 or program not in _command(process):
        return False
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
