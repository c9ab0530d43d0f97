"""The customer's HTTP endpoint: takes its time, fails now and then, and remembers every request."""

import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from demo.customer import serving

_LONGEST_S = 0.8
_FAILING = 0.03


@dataclass(frozen=True)
class Seen:
    """One request. attempt: as its header says; answered: with a 204, as far as the sink can tell."""

    media_id: str
    attempt: int
    sha256: str
    answered: bool


@dataclass
class Sink:
    """cue: set whenever a request is in hand, or has just been answered."""

    url: str
    cue: threading.Event
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def sink(cue: threading.Event, chance: random.Random) -> Iterator[Sink]:
    """An HTTP endpoint for the length of the block."""
    taken = Sink("", cue)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.cue.set()
            time.sleep(chance.uniform(0, _LONGEST_S))
            good = chance.random() >= _FAILING
            # Remembered before it is answered: whoever hears the answer may rely on it.
            taken.seen.append(
                Seen(
                    self.headers["callpost-media-id"],
                    int(self.headers["callpost-attempt"]),
                    hashlib.sha256(body).hexdigest(),
                    good,
                )
            )
            self.send_response(204 if good else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()
            taken.cue.set()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Whoever asked was killed meanwhile."""

    with serving(Server(("127.0.0.1", 0), Handler)) as taken.url:
        yield taken
