"""A recording is not at fault for what is away while it is processed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from desk import Desk
from obstore.exceptions import GenericError

from callpost import worker
from callpost.model.media import MediaStatus
from callpost.speech.recognizer import Recognition
from callpost.store.database import Connection, Database
from callpost.store.queue import TryAgain


async def test_an_object_store_that_is_away_does_not_count_against_a_recording(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [GenericError("connection refused") for _ in range(9)]
    for _ in range(9):
        with pytest.raises(TryAgain):
            await worker.process(desk.processor, media_id)
    await worker.process(desk.processor, media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED


class Flickering(Database):
    """A database that is away for some connections."""

    away = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        if self.away:
            self.away -= 1
            raise ConnectionRefusedError
        async with super().connection() as connection:
            yield connection


async def test_a_database_that_is_away_for_a_moment_does_not_count_against_a_recording(desk: Desk) -> None:
    database = Flickering(desk.database.pool, desk.database.url)
    processor = replace(desk.processor, database=database)
    media_id = await desk.accept()
    hear, hearing = desk.recognizer.transcribe, asyncio.Event()

    async def go_on_for_ever(*_: object) -> Recognition:
        hearing.set()
        await asyncio.Event().wait()
        raise AssertionError

    desk.recognizer.transcribe = go_on_for_ever  # type: ignore[method-assign]
    for _ in range(5):
        task = asyncio.create_task(worker.process(processor, media_id))
        await hearing.wait()
        hearing.clear()
        database.away = 1
        task.cancel()  # as the queue does that has lost its connection
        await asyncio.gather(task, return_exceptions=True)
    desk.recognizer.transcribe = hear  # type: ignore[method-assign]
    await worker.process(processor, media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
