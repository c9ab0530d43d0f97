"""`callpost api` and `callpost worker`: the parts of the service, each a process.

`callpost serve` starts the same commands as its children, with `--part`: then standard input is the lifeline,
which ends when the parent does.
"""

import asyncio
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
import uvloop

from callpost.cli import options, output, session
from callpost.errors import ConfigurationProblem

if TYPE_CHECKING:
    from callpost.services import Services
    from callpost.settings import Settings

T = TypeVar("T")

MISCONFIGURED = 78
"""Exit code of a part whose set-up does not work: starting it again would not help."""

OURS_ALONE = 0o077
"""The umask of the service: recordings and results are nobody else's on this machine."""

DATABASE_PATIENCE_S = 60.0
_LATEST_S = 10.0
_BACKLOG = 2048

Host = Annotated[
    str | None,
    typer.Option(help="The address to listen on. Or CALLPOST_HOST.", show_default="127.0.0.1"),
]
Port = Annotated[
    int | None,
    typer.Option(help="The port; 0: any free one. Or CALLPOST_PORT.", show_default="8080", min=0, max=65535),
]
_AsPart = Annotated[bool, typer.Option("--part", hidden=True)]


def api(
    host: Host = None,
    port: Port = None,
    data: options.Data = None,
    part: _AsPart = False,
    descriptor: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
) -> None:
    """Run the HTTP API alone.

    On several machines it needs CALLPOST_DATABASE_URL and CALLPOST_OBJECTS_URL, the same everywhere; else it
    shares the data folder with the other processes of this machine.
    """
    chosen = session.settings(data=data, host=host, port=port)
    listening = socket.socket(fileno=descriptor) if descriptor else listen(chosen)

    async def serve(services: "Services", stop: asyncio.Event) -> None:
        await _serve_api(services, stop, listening)

    if not part:
        output.line(f"The API listens on {address(listening)}. Stop it with Ctrl-C.")
    run(chosen, serve, part=part)


def worker(data: options.Data = None, part: _AsPart = False) -> None:
    """Run a worker alone: it recognises, analyses and delivers.

    On several machines it needs CALLPOST_DATABASE_URL and CALLPOST_OBJECTS_URL, the same everywhere; else it
    shares the data folder with the other processes of this machine. There may be any number of workers.
    """
    chosen = session.settings(data=data)

    async def work(services: "Services", stop: asyncio.Event) -> None:
        from callpost import worker as working  # noqa: PLC0415 - it loads the recognizer's libraries

        await working.run(services, stop)

    if not part:
        output.line("The worker takes recordings and deliveries. Stop it with Ctrl-C.")
    run(chosen, work, part=part)


def listen(chosen: "Settings") -> socket.socket:
    """The socket of the API. Raises ConfigurationProblem where the address cannot be had."""
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        return socket.create_server((chosen.host, chosen.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigurationProblem(
            f"The API cannot listen on {chosen.host} port {chosen.port}: {error.strerror}. "
            "Choose another with --host and --port, or CALLPOST_HOST and CALLPOST_PORT."
        ) from error


def address(listening: socket.socket) -> str:
    """Its URL."""
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _serve_api(services: "Services", stop: asyncio.Event, listening: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415 - slow to load, see session.opened

    from callpost.api.app import create_app  # noqa: PLC0415

    class Server(uvicorn.Server):
        """Without handlers of its own for the signals that `stop` stands for."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        create_app(services),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=round(services.settings.stop_grace_s),
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


def run(
    chosen: "Settings", work: Callable[["Services", asyncio.Event], Awaitable[None]], *, part: bool
) -> None:
    """Open the services, and do `work` until a signal or the end of the lifeline sets its event."""
    os.umask(OURS_ALONE)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_told(chosen, work, part=part))
    except ConfigurationProblem as problem:
        if not part:
            raise
        output.error(str(problem))
        raise typer.Exit(MISCONFIGURED) from None


async def _until_told(
    chosen: "Settings", work: Callable[["Services", asyncio.Event], Awaitable[None]], *, part: bool
) -> None:
    stop = asyncio.Event()
    _listen_for_the_end(stop, chosen.stop_grace_s, part=part)
    # A part that is started again while the database is away waits for it as the others do.
    opening = session.opened(chosen, patience_s=math.inf if part else DATABASE_PATIENCE_S)
    async with AsyncExitStack() as stack:
        services = await unless(stop, stack.enter_async_context(opening))
        if services:
            await work(services, stop)


async def unless(stop: asyncio.Event, begun: Coroutine[Any, Any, T]) -> T | None:
    """What `begun` yields; None where the end came first (a recovery may take minutes)."""
    task, stopping = asyncio.create_task(begun), asyncio.create_task(stop.wait())
    await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait([task])
    return None


def _listen_for_the_end(stop: asyncio.Event, grace_s: float, *, part: bool) -> None:
    """Set `stop` at the first signal, or when the lifeline ends; and see to it that the end comes."""
    loop = asyncio.get_running_loop()
    # Whatever hangs then, even the event loop.
    latest = threading.Timer(grace_s + _LATEST_S, os._exit, [1])
    latest.daemon = True

    def told(number: int) -> None:
        if not stop.is_set():
            stop.set()
            latest.start()
        elif not part:  # of `serve`, which decides by itself when it has waited long enough
            os._exit(128 + number)

    def lifeline() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin.fileno())
            told(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
    if part:
        loop.add_reader(sys.stdin.fileno(), lifeline)
