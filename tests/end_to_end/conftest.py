"""callpost on a database and a customer's account of its own."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from demo import customer
from demo.customer import Account, Key
from installation import PATIENCE_S, HoldingEndpoint, Installation


@pytest.fixture
def installation(
    fresh_database_url: str, account: Account, callpost_user: Key, tmp_path: Path
) -> Iterator[Installation]:
    environment = {
        **callpost_user.environment(),
        "CALLPOST_DATABASE_URL": fresh_database_url,
        "CALLPOST_OBJECTS_URL": str(tmp_path / "objects"),
        "CALLPOST_DATA": str(tmp_path / "data"),
        "CALLPOST_S3_ENDPOINTS": account.endpoint,
        "CALLPOST_STS_ENDPOINT": account.endpoint,
        "CALLPOST_ALLOW_HTTP": "true",
        "CALLPOST_ALLOW_PRIVATE_NETWORKS": "true",
        "CALLPOST_ALLOWED_PORTS": "0",
        "CALLPOST_MODEL": "tiny.en",
        "CALLPOST_STOP_GRACE_S": "2",
    }
    with ExitStack() as stack:
        yield Installation(tmp_path, environment, stack)


@pytest.fixture(scope="session")
def callpost_user(account: Account) -> Key:
    return account.make_user(customer.CALLPOST_ACCOUNT, "sts:AssumeRole", "*")


@pytest.fixture
def bucket(account: Account) -> str:
    return account.make_bucket(f"bucket-{uuid4().hex[:12]}")


@pytest.fixture
def holding_endpoint() -> Iterator[HoldingEndpoint]:
    state = HoldingEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.arrived += 1
            if not state.go.wait(PATIENCE_S):
                return
            state.bodies.append(body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/callbacks"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    state.go.set()
    server.shutdown()
    server.server_close()
