"""The line to the customer's S3: now and then answers take their time, so that a kill can hit between
a write and the news of it.
"""

import random
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_SLOW = 0.3
_LONGEST_S = 0.4
_CHUNK_BYTES = 64 * 1024


@contextmanager
def slow_line(endpoint: str, cue: threading.Event, chance: random.Random) -> Iterator[str]:
    """Another address of the server at `endpoint`. cue: set whenever an answer is being held back."""
    there = urlsplit(endpoint)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection((there.hostname, there.port)) as server:
                back = threading.Thread(target=self._back, args=(server,), daemon=True)
                back.start()
                while data := self.request.recv(_CHUNK_BYTES):
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                back.join()

        def _back(self, server: socket.socket) -> None:
            with suppress(OSError):
                while data := server.recv(_CHUNK_BYTES):
                    if chance.random() < _SLOW:
                        cue.set()
                        time.sleep(chance.uniform(0, _LONGEST_S))
                    self.request.sendall(data)
                self.request.shutdown(socket.SHUT_RDWR)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """Whoever asked was killed meanwhile."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
