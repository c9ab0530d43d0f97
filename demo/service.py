"""callpost itself, run as an operator would: `callpost serve` on its embedded defaults."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from demo.customer import answers
from demo.processes import free_port, running

_CALLPOST = str(Path(sys.executable).with_name("callpost"))
_REQUEST_S = 60
_WAIT_S = 1800
_POLL_S = 0.5


@dataclass(frozen=True)
class Service:
    """A running callpost and a key for it."""

    url: str
    token: str = field(repr=False)

    def post(self, recording: Path, configuration: Mapping[str, Any], metadata: Mapping[str, Any]) -> Any:
        """POST /v3/media, as any VoiceBase client does. Returns the answer."""
        with recording.open("rb") as audio:
            parts: dict[str, Any] = {
                "media": (recording.name, audio),
                "configuration": (None, json.dumps(configuration), "application/json"),
                "metadata": (None, json.dumps(metadata), "application/json"),
            }
            answer = requests.post(
                f"{self.url}/v3/media", files=parts, headers=self._headers, timeout=_REQUEST_S
            )
        return _json(answer)

    def get(self, path: str) -> Any:
        """GET a path below /v3."""
        answer = requests.get(f"{self.url}/v3/{path}", headers=self._headers, timeout=_REQUEST_S)
        return _json(answer)

    def wait(self, path: str, done: Callable[[Any], bool]) -> Any:
        """GET a path until `done` says so of the answer. Raises TimeoutError."""
        deadline = time.monotonic() + _WAIT_S
        while not done(answer := self.get(path)):
            if time.monotonic() > deadline:
                raise TimeoutError(path)
            time.sleep(_POLL_S)
        return answer

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def service(data: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """`callpost serve` with its data in a folder, on a free port. Yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [_CALLPOST, "serve", "--data", str(data), "--port", str(port)]
    log = data.with_name("callpost.log")
    with running(command, environment=environment, log=log, ready=lambda: answers(f"{url}/v3/")):
        yield url


def ask(data: Path, *command: str) -> Any:
    """What a callpost command prints for machines."""
    done = subprocess.run(
        [_CALLPOST, *command, "--data", str(data), "--json"], check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def _json(answer: requests.Response) -> Any:
    if not answer.ok:
        raise RuntimeError(f"callpost answered {answer.status_code}: {answer.text}")
    return answer.json()
