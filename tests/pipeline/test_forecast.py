"""When a recording will be ready: by its size, by what waits, by how fast recognition was until now."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from desk import Desk

from callpost.model.configuration import Configuration
from callpost.pipeline import forecast
from callpost.store import workers
from callpost.store.workers import Backlog

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MEASURED = Backlog(waiting_ms=0, speed=10.0, length_ms=60_000, workers=1)
MINUTE = timedelta(minutes=1)


def wav(bytes_per_s: int) -> bytes:
    fmt = b"fmt " + (16).to_bytes(4, "little") + b"\x01\x00\x02\x00" + (8000).to_bytes(4, "little")
    return b"RIFF\xff\xff\xff\xffWAVE" + fmt + bytes_per_s.to_bytes(4, "little") + bytes(100)


@pytest.mark.parametrize(
    ("backlog", "length_ms", "expected"),
    [
        (MEASURED, 600_000, MINUTE),
        (MEASURED, 0, 0 * MINUTE),
        (MEASURED, None, MINUTE / 10),
        (replace(MEASURED, waiting_ms=6_000_000), 600_000, 11 * MINUTE),
        (replace(MEASURED, waiting_ms=6_000_000, workers=2), 600_000, 6 * MINUTE),
        (replace(MEASURED, waiting_ms=6_000_000, workers=0), 600_000, 11 * MINUTE),
        (Backlog(0, None, None, 1), None, 2 * MINUTE),
    ],
)
def test_the_results_are_expected_when_what_waits_and_the_recording_are_recognised(
    backlog: Backlog, length_ms: int | None, expected: timedelta
) -> None:
    assert forecast.ready_at(NOW, length_ms, backlog) == NOW + expected


@pytest.mark.parametrize(
    ("head", "size", "expected_ms"),
    [
        (wav(32_000), 3_200_000, 100_000),
        (b"ID3" + bytes(100), 2_000_000, 1_000_000),
        (b"", 0, 0),
        (wav(0), 2_000, 1_000),
        (wav(2**32 - 1), 2_000, 1_000),
        (wav(32_000)[:30], 2_000, 1_000),
        (wav(32_000).replace(b"fmt ", b"LIST"), 2_000, 1_000),
    ],
)
def test_a_length_is_what_a_wav_header_says_or_else_by_size(head: bytes, size: int, expected_ms: int) -> None:
    assert forecast.length_ms(head, size) == expected_ms


async def backlog(desk: Desk, now: datetime) -> Backlog:
    async with desk.database.connection() as connection:
        return await workers.backlog(connection, now, forecast.USUAL_LENGTH_MS)


async def test_what_waits_counts_and_what_was_recognised_tells_the_speed(desk: Desk) -> None:
    assert await backlog(desk, NOW) == Backlog(0.0, None, None, 0)
    desk.recognizer.took_ms = 900
    done = await desk.accept(Configuration())
    waiting = await desk.accept(Configuration())
    assert (await backlog(desk, NOW)).waiting_ms == 2 * forecast.USUAL_LENGTH_MS
    await desk.processor.process(done)
    assert await backlog(desk, NOW) == Backlog(9000.0, 10.0, 9000.0, 0)
    pool = desk.database.pool
    await pool.execute("update media set expected_length_ms = 40000 where media_id = $1", waiting)
    assert (await backlog(desk, NOW)).waiting_ms == 40_000
    await pool.execute(
        "update media set progress_step = 'transcribing', progress_done = 0.75 where media_id = $1", waiting
    )
    assert (await backlog(desk, NOW)).waiting_ms == 10_000
    await pool.execute("update media set progress_step = 'analyzed' where media_id = $1", waiting)
    assert (await backlog(desk, NOW)).waiting_ms == 0


async def test_what_is_processed_again_is_not_recognised_again(desk: Desk) -> None:
    media_id = await desk.accept(Configuration())
    await desk.processor.process(media_id)
    await desk.again(media_id, Configuration())
    assert (await backlog(desk, NOW)).waiting_ms == 0


async def test_workers_count_while_they_are_seen(desk: Desk) -> None:
    first, second = uuid4(), uuid4()
    async with desk.database.connection() as connection:
        await workers.seen(connection, first, NOW)
        await workers.seen(connection, second, NOW)
        await workers.seen(connection, first, NOW + timedelta(seconds=20))
        assert (await backlog(desk, NOW + timedelta(seconds=25))).workers == 2
        assert (await backlog(desk, NOW + timedelta(seconds=45))).workers == 1
        await workers.gone(connection, first, NOW + timedelta(seconds=45))
    assert (await backlog(desk, NOW)).workers == 0
