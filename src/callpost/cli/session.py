"""The services, for the commands that go straight to the database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from callpost.services import Services
    from callpost.settings import Settings

T = TypeVar("T")


def settings(**given: Any) -> "Settings":  # noqa: ANN401 - each setting has a type of its own
    """The operator's settings, with what was given on the command line. Raises ConfigurationProblem."""
    # Loading what the service is made of takes most of a second, and `callpost --help` needs nothing of it.
    from callpost.settings import load  # noqa: PLC0415

    return load(**given)


@asynccontextmanager
async def opened(chosen: "Settings", *, patience_s: float = 0) -> AsyncIterator["Services"]:
    """The services; a database of the operator's own may take `patience_s` to come up.

    Raises ConfigurationProblem.
    """
    from callpost import services  # noqa: PLC0415 - see `settings`
    from callpost.store import postgres  # noqa: PLC0415

    if chosen.database_url:
        await postgres.require(chosen.database_url, patience_s=patience_s)
    async with services.opened(chosen) as found:
        yield found


def run(data: Path | None, command: Callable[["Services"], Awaitable[T]]) -> T:
    """Do one thing with the services of a data folder, or of CALLPOST_DATABASE_URL."""

    async def go() -> T:
        async with opened(settings(data=data)) as found:
            return await command(found)

    return asyncio.run(go())
