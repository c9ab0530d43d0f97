"""callpost as its operators run it: real processes, a real AWS-compatible account, real recognition."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.customer import answers
from demo.processes import free_port, running
from demo.service import Service

CALLPOST = str(Path(sys.executable).with_name("callpost"))
CALL = Path(__file__).parents[2] / "examples" / "call.wav"
PATIENCE_S = 120


def until(condition: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """What `condition` returns once that is true."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.1)
    return value


@dataclass
class Installation:
    """The parts of callpost on one database and one folder of objects."""

    folder: Path
    environment: dict[str, str]
    stack: ExitStack
    service: Service = field(init=False)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, *words: str) -> Any:
        """What a command prints for machines."""
        done = subprocess.run(
            [CALLPOST, *words, "--json"],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
        )
        return json.loads(done.stdout)

    def api(self) -> Service:
        """Start `callpost api` and make a key for it."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        self.environment["CALLPOST_API_URL"] = url
        self._start("api", ["api", "--port", str(port)], lambda: answers(f"{url}/v3/"))
        self.service = Service(url, self.command("keys", "create", "tests")["token"])
        return self.service

    def worker(self) -> subprocess.Popen[bytes]:
        """Start one `callpost worker`."""
        return self._start(f"worker-{len(self.started)}", ["worker"], lambda: True)

    def _start(self, name: str, words: list[str], ready: Callable[[], bool]) -> subprocess.Popen[bytes]:
        process = self.stack.enter_context(
            running(
                [CALLPOST, *words],
                environment=self.environment,
                log=self.folder / f"{name}.log",
                ready=ready,
            )
        )
        self.started.append(process)
        return process

    def post(self, configuration: Mapping[str, Any], recording: Path = CALL) -> str:
        media_id: str = self.service.post(recording, configuration, {})["mediaId"]
        return media_id

    def until_transcribing(self, media_id: str) -> None:
        until(
            lambda: (
                self.service.get(f"media/{media_id}/progress")["progress"]["tasks"][0]["display"]
                == "transcribing"
            )
        )

    def until_finished(self, media_id: str) -> Any:
        answer = until(
            lambda: (
                (found := self.service.get(f"media/{media_id}"))["status"] in ("finished", "failed") and found
            )
        )
        assert answer["status"] == "finished", answer
        return answer

    def deliveries(self, media_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.service.get(f"media/{media_id}/deliveries")["deliveries"]
        return found

    def until_ended(self, media_id: str) -> list[dict[str, Any]]:
        until(lambda: all(one["status"] != "pending" for one in self.deliveries(media_id)))
        return self.deliveries(media_id)

    def until_delivered(self, media_id: str) -> list[dict[str, Any]]:
        found = self.until_ended(media_id)
        assert {one["status"] for one in found} == {"delivered"}, found
        return found

    def logs(self) -> str:
        """Everything that the processes wrote."""
        return "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))


@dataclass
class HoldingEndpoint:
    """A web server that keeps callers waiting until it is let go. bodies: of the requests it answered."""

    url: str = ""
    arrived: int = 0
    bodies: list[bytes] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)


def kill(process: subprocess.Popen[bytes]) -> None:
    """kill -9, as an operating system that runs out of memory does."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
