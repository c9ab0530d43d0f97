"""`callpost serve`: everything in one command."""

import asyncio
import os
import shlex
import signal
import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
import typer

from callpost import __version__
from callpost.cli import options, output, parts, session
from callpost.cli.supervisor import Part, Supervisor

if TYPE_CHECKING:
    from callpost.services import Services
    from callpost.settings import Settings

log = structlog.get_logger("callpost.serve")

_READY_POLL_S = 0.2


def serve(data: options.Data = None, host: parts.Host = None, port: parts.Port = None) -> None:
    """Run everything: API, worker and the embedded PostgreSQL, out of one data folder.

    With CALLPOST_DATABASE_URL it uses that PostgreSQL instead. SIGTERM or Ctrl-C lets running work end within
    CALLPOST_STOP_GRACE_S seconds and gives the rest back; a second one stops at once.
    """
    chosen = session.settings(data=data, host=host, port=port)
    os.umask(parts.OURS_ALONE)
    with parts.listen(chosen) as listening:
        if not asyncio.run(_serve(chosen, listening)):
            raise typer.Exit(1)


async def _serve(chosen: "Settings", listening: socket.socket) -> bool:
    """False where a part could not run as it is set up."""
    stop = asyncio.Event()
    supervisor = Supervisor(_environment(chosen, listening), chosen.stop_grace_s, stop)
    _listen_for_the_end(supervisor)
    url = parts.address(listening)
    opening = session.opened(chosen, patience_s=parts.DATABASE_PATIENCE_S)
    async with AsyncExitStack() as stack:
        services = await parts.unless(stop, stack.enter_async_context(opening))
        if services:
            greeting = asyncio.create_task(_greet(services, listening, url))
            closing = asyncio.create_task(_close_at(stop, listening))
            await supervisor.run(
                [
                    Part("api", ("api", "--socket", str(listening.fileno())), (listening.fileno(),)),
                    Part("worker", ("worker",)),
                ]
            )
            greeting.cancel()
            closing.cancel()
    return not supervisor.misconfigured


def _environment(chosen: "Settings", listening: socket.socket) -> dict[str, str]:
    """What was chosen on the command line, for the parts."""
    return {
        "CALLPOST_DATA": str(chosen.data),
        "CALLPOST_HOST": chosen.host,
        "CALLPOST_PORT": str(listening.getsockname()[1]),
    }


def _listen_for_the_end(supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()

    def told(number: int) -> None:
        if supervisor.stop.is_set():
            supervisor.kill()
            os._exit(128 + number)  # the database stops by itself when its users are gone
        log.info("serve.stopping", within_s=supervisor.grace_s)
        supervisor.stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)


async def _close_at(stop: asyncio.Event, listening: socket.socket) -> None:
    """From the end on nobody is to wait in the queue of a socket that nobody accepts from."""
    await stop.wait()
    listening.close()


async def _greet(services: "Services", listening: socket.socket, url: str) -> None:
    """Say that the service is there, once it is, and the first time how to make a key."""
    from callpost.store import keys  # noqa: PLC0415 - see session.opened

    await _answers(listening)
    chosen = services.settings
    output.line(f"callpost {__version__} is running on {url} (interactive documentation: {url}/docs)")
    where = "the database of CALLPOST_DATABASE_URL" if chosen.database_url else chosen.data
    output.line(f"Data: {where}. Stop it with Ctrl-C.")
    async with services.database.connection() as connection:
        known = await keys.of_organization(connection, services.organization.organization_id)
    if not known:
        output.line(f"There is no key yet. Make one in another terminal:  {_how_to_make_a_key(chosen)}")


def _how_to_make_a_key(chosen: "Settings") -> str:
    command = "callpost keys create my-first-key"
    if chosen.database_url:
        return f"CALLPOST_DATABASE_URL=… {command}"
    usual = type(chosen).model_fields["data"].get_default(call_default_factory=True)
    return command if chosen.data == usual else f"{command} --data {shlex.quote(str(chosen.data))}"


async def _answers(listening: socket.socket) -> None:
    """Until the API answers a request. The socket listens before it: the request waits in its queue."""
    host, port, *_ = listening.getsockname()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to connect to
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /docs HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answered = await reader.read(1)
            writer.close()
            if answered:
                return
        except OSError:
            pass
        await asyncio.sleep(_READY_POLL_S)
