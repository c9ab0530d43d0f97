"""The customer's telephone system: posts recordings, and asks before it posts one again."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

_REQUEST_S = 15
_PAUSE_S = 0.25
_CHUNK_BYTES = 16 * 1024

Document = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """external_id: the customer's name for it. slow_s: how long its upload takes at least."""

    external_id: str
    data: bytes
    slow_s: float = 0


@dataclass
class Ledger:
    """What the client knows, by media id. accepted: what was answered with 200; found: what the API had
    when the answer was lost. refused: answers that no client should get.
    """

    accepted: dict[str, Recording] = field(default_factory=dict)
    found: dict[str, Recording] = field(default_factory=dict)
    lost_answers: int = 0
    posted_again: int = 0
    refused: list[str] = field(default_factory=list)


class Client:
    """Posts over the API, whatever state that is in. cue: set when the last byte of an upload is sent."""

    def __init__(self, url: str, token: str, cue: threading.Event, give_up_at: float) -> None:
        self.ledger = Ledger()
        self._url = url
        self._cue = cue
        self._give_up_at = give_up_at
        self._headers = {"Authorization": f"Bearer {token}"}

    def deliver(self, recording: Recording, configure: Callable[[], Document]) -> None:
        """Until the API has the recording, as it says itself. configure: makes a configuration for it."""
        posted = 0
        while time.monotonic() < self._give_up_at:
            if posted and (media_id := self._known(recording)):
                self.ledger.found[media_id] = recording
                return
            self.ledger.posted_again += posted > 0
            posted += 1
            if self._post(recording, configure()):
                return
            self.ledger.lost_answers += 1
            time.sleep(_PAUSE_S)

    def get(self, path: str, **parameters: Any) -> Any:
        """GET below /v3, asked again as long as the API or its database is away."""
        while True:
            try:
                answer = requests.get(
                    f"{self._url}/v3/{path}", params=parameters, headers=self._headers, timeout=_REQUEST_S
                )
            except requests.RequestException:
                answer = None
            if answer is not None and answer.status_code < 500:
                return answer.content if "json" not in answer.headers["Content-Type"] else answer.json()
            if time.monotonic() > self._give_up_at:
                raise TimeoutError(path)
            time.sleep(_PAUSE_S)

    def _known(self, recording: Recording) -> str | None:
        media = self.get("media", externalId=recording.external_id)["media"]
        return media[0]["mediaId"] if media else None

    def _post(self, recording: Recording, configuration: Document) -> bool:
        """Whether the API has answered for good."""
        metadata = {"externalId": recording.external_id}
        parts: dict[str, Any] = {
            "media": (f"{recording.external_id}.wav", recording.data, "audio/x-wav"),
            "configuration": (None, json.dumps(configuration), "application/json"),
            "metadata": (None, json.dumps(metadata), "application/json"),
        }
        request: Any = requests.Request(
            "POST", f"{self._url}/v3/media", headers=self._headers, files=parts
        ).prepare()
        try:
            with requests.Session() as session:
                request.body = _Upload(request.body, recording.slow_s, self._cue)
                answer = session.send(request, timeout=_REQUEST_S)
                media_id = answer.json()["mediaId"] if answer.ok else ""
        except requests.RequestException:
            return False
        if answer.ok:
            self.ledger.accepted[media_id] = recording
        elif answer.status_code < 500:
            self.ledger.refused.append(
                f"{recording.external_id}: HTTP {answer.status_code} {answer.text[:200]}"
            )
        return answer.status_code < 500


class _Upload:
    """A request's body as it goes out over a line that takes `seconds`."""

    def __init__(self, body: bytes, seconds: float, cue: threading.Event) -> None:
        self._body = body
        self._pause_s = seconds * _CHUNK_BYTES / len(body)
        self._cue = cue

    def __len__(self) -> int:
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        for place in range(0, len(self._body), _CHUNK_BYTES):
            time.sleep(self._pause_s)
            if place + _CHUNK_BYTES >= len(self._body):
                self._cue.set()
            yield self._body[place : place + _CHUNK_BYTES]


def recordings(count: int, chance: random.Random) -> Iterator[Recording]:
    """Each another one; every tenth is large and comes over a slow line, so that kills hit it on its way."""
    for number in range(count):
        slow = number % 10 == 4
        size = 600_000 if slow else chance.randrange(2_000, 60_000)
        data = b"RIFF\xff\xff\xff\x7fWAVEfmt " + chance.randbytes(size)
        yield Recording(f"chaos-{number:05}", data, chance.uniform(1, 3) if slow else 0)
