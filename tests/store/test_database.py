"""The pool: it closes, whoever still holds a connection."""

import asyncio

import asyncpg
import pytest

from callpost.store import database as module
from callpost.store.database import Database


async def test_a_connection_that_does_not_come_back_is_dropped(
    fresh_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CLOSE_TIMEOUT_S", 0.2)
    database = await Database.open(fresh_database_url)
    held = asyncio.Event()

    async def hold() -> None:
        async with database.connection():
            held.set()
            await asyncio.Event().wait()

    holder = asyncio.create_task(hold())
    await held.wait()
    async with asyncio.timeout(20):
        await database.close()
    with pytest.raises(asyncpg.InterfaceError):
        async with database.connection():
            pass
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
