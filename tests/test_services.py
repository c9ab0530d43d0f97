"""Opening what the API and the worker share, while the database comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from callpost.services import opened
from callpost.settings import Settings


@asynccontextmanager
async def cut_off(database_url: str, *, cuts: list[int]) -> AsyncIterator[str]:
    """The database behind a line: the first connections are cut after so many bytes of answers."""
    parts = urlsplit(database_url)
    query = parse_qs(parts.query)
    host = query.get("host", [parts.hostname or "localhost"])[0]
    port = int(query.get("port", [parts.port or 5432])[0])

    async def reach() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = cuts.pop(0) if cuts else None
        server, to_server = await reach()
        asking = asyncio.create_task(_pass_on(reader, to_server, None))
        await _pass_on(server, writer, left)
        asking.cancel()
        for end in (writer, to_server):
            end.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    here = listening.sockets[0].getsockname()[1]
    async with listening:
        user = parts.netloc.rpartition("@")[0]
        yield f"postgresql://{user}@127.0.0.1:{here}{parts.path}?sslmode=disable"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> None:
    with suppress(ConnectionError):
        while (most is None or most > 0) and (data := await reader.read(4096)):
            most = None if most is None else most - len(data)
            writer.write(data)
            await writer.drain()


async def test_a_database_that_is_lost_while_the_services_open_gets_time_to_come_back(
    fresh_database_url: str, tmp_path: Path
) -> None:
    cuts = [600, 1500, 3000]
    async with cut_off(fresh_database_url, cuts=cuts) as url:
        settings = Settings(data=tmp_path, database_url=url)
        async with opened(settings) as services, services.database.connection() as connection:
            assert await connection.fetchval("select 1") == 1
    assert not cuts
