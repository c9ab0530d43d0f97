"""What is finished of a long recording is kept while it is recognised, and by nobody afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from desk import CONFIGURATION, REDACTING, Desk, FakeRecognizer
from obstore.exceptions import GenericError

from callpost.errors import Problem, UnreadableRecording
from callpost.model.media import MediaStatus, Progress
from callpost.model.transcript import Transcript
from callpost.pipeline.expire import expire
from callpost.pipeline.parts import Overtaken, Parts
from callpost.speech.recognizer import FinishedPart, Keep, Recognition, RecognitionRequest, RecognizerLost
from callpost.store import media as media_store
from callpost.store import reports
from callpost.store.objects import Objects, Stored

SAID = [FinishedPart(number, b"4111 %d" % number) for number in (1, 2, 3)]


def kept(desk: Desk, media_id: UUID) -> list[bytes]:
    """What lies in the store, whoever put it there."""
    assert desk.objects.folder is not None
    folder = desk.objects.folder / reports.folder(media_id) / "parts"
    return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.exists() else []


def files(desk: Desk) -> list[Path]:
    assert desk.objects.folder is not None
    return [path for path in desk.objects.folder.rglob("*") if path.is_file()]


async def lost_after(desk: Desk, media_id: UUID, *parts: FinishedPart) -> None:
    """A start that finishes these parts and then loses its recogniser."""
    desk.recognizer.parts, desk.recognizer.failures = list(parts), [RecognizerLost("killed")]
    with pytest.raises(RecognizerLost):
        await desk.processor.process(media_id)


async def test_the_next_start_is_given_what_the_one_before_has_finished(desk: Desk) -> None:
    media_id = await desk.accept()
    await lost_after(desk, media_id, *SAID[:2])
    assert kept(desk, media_id) == [part.data for part in SAID[:2]]
    await lost_after(desk, media_id, *SAID)
    await desk.processor.process(media_id)
    assert [len(request.finished) for request in desk.recognizer.requests] == [0, 2, 3]
    assert desk.recognizer.requests[-1].finished == tuple(part.data for part in SAID)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
    assert kept(desk, media_id) == []


async def test_a_recording_that_ends_within_its_first_part_writes_none(desk: Desk) -> None:
    media_id = await desk.accept()
    await desk.processor.process(media_id)
    assert desk.objects.folder is not None
    assert not (desk.objects.folder / reports.folder(media_id) / "parts").exists()


async def test_more_than_nine_parts_come_back_in_order(desk: Desk) -> None:
    media_id = await desk.accept()
    many = [FinishedPart(number, b"%d" % number) for number in range(1, 13)]
    await lost_after(desk, media_id, *many)
    assert await reports.load_parts(desk.objects, media_id) == tuple(part.data for part in many)


async def test_a_recording_that_fails_leaves_no_part(desk: Desk) -> None:
    media_id = await desk.accept(REDACTING)
    await lost_after(desk, media_id, *SAID)
    desk.recognizer.failures = [UnreadableRecording(Problem(10201, "not audio"))]
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FAILED
    assert kept(desk, media_id) == []


async def test_a_worker_that_died_after_the_end_leaves_no_part(desk: Desk) -> None:
    media_id = await desk.accept()
    await desk.processor.process(media_id)
    await reports.save_part(desk.objects, media_id, 1, SAID[0].data)
    await desk.processor.process(media_id)
    assert kept(desk, media_id) == []


async def test_nothing_is_left_of_a_recording_that_was_deleted_while_no_worker_had_it(desk: Desk) -> None:
    media_id = await desk.accept()
    await lost_after(desk, media_id, *SAID)
    await delete(desk, media_id)
    await reports.save_part(desk.objects, media_id, 1, SAID[0].data)
    await desk.processor.process(media_id)
    assert files(desk) == []


async def test_nothing_is_left_of_a_recording_that_expires(desk: Desk) -> None:
    media_id = await desk.accept(replace(CONFIGURATION, callbacks=(), time_to_live_s=60))
    await lost_after(desk, media_id, *SAID)
    await desk.processor.process(media_id)
    assert await expire(desk.database, desk.objects, datetime.now(UTC) + timedelta(hours=1)) == 1
    assert files(desk) == []


async def delete(desk: Desk, media_id: UUID) -> None:
    """As the API does."""
    async with desk.database.transaction() as connection:
        await media_store.delete(connection, desk.organization.organization_id, media_id)
        await desk.objects.delete(reports.folder(media_id))


class Interrupted(FakeRecognizer):
    """Something happens before it hands over its second part; until then the recognition goes on."""

    happening: Callable[[], Awaitable[None]]
    ended = False

    async def transcribe(
        self, request: RecognitionRequest, progress: Callable[[float], None], keep: Keep | None = None
    ) -> Recognition:
        assert keep is not None
        self.requests.append(request)
        progress(0.1)
        await keep(SAID[0])
        await self.happening()
        await keep(SAID[1])
        self.ended = True
        return Recognition(Transcript(), 9000, "audio/mpeg", "mp3")


async def test_a_recording_deleted_between_two_parts_is_recognised_no_further_and_leaves_nothing(
    desk: Desk,
) -> None:
    media_id = await desk.accept()
    recognizer = Interrupted()
    recognizer.happening = lambda: delete(desk, media_id)
    await replace(desk.processor, recognizer=recognizer).process(media_id)
    assert not recognizer.ended
    assert files(desk) == []


async def test_a_worker_that_was_overtaken_keeps_no_part_of_what_has_ended(desk: Desk) -> None:
    media_id = await desk.accept()
    recognizer = Interrupted()
    recognizer.happening = lambda: desk.processor.process(media_id)
    await replace(desk.processor, recognizer=recognizer).process(media_id)
    assert not recognizer.ended
    assert kept(desk, media_id) == []
    assert (await desk.results(media_id)).transcript.turns == desk.recognizer.transcript.turns


async def test_a_part_that_is_written_at_the_moment_of_the_end_is_removed(desk: Desk) -> None:
    media_id = await desk.accept()

    class Ending(Objects):
        async def put_bytes(self, key: str, data: bytes) -> Stored:
            await desk.processor.process(media_id)
            return await super().put_bytes(key, data)

    assert desk.objects.folder is not None
    recognizer = FakeRecognizer(parts=list(SAID[:1]))
    ending = Ending(str(desk.objects.folder))
    await replace(desk.processor, recognizer=recognizer, objects=ending).process(media_id)
    assert kept(desk, media_id) == []


async def test_starts_that_led_to_another_part_are_not_counted(desk: Desk) -> None:
    media_id = await desk.accept()
    many = [FinishedPart(number, b"%d" % number) for number in range(1, 20)]
    for number in range(1, 20):
        await lost_after(desk, media_id, *many[:number])
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED


async def test_starts_that_only_make_the_same_parts_again_are_counted(desk: Desk) -> None:
    """As those of two models in turn, neither of which can use what the other has finished."""
    media_id = await desk.accept()
    await lost_after(desk, media_id, *SAID)
    for _ in range(4):
        parts = Parts(desk.database, desk.objects, media_id, 1)
        await parts.finished()
        await lost_after(desk, media_id)
        for part in SAID:
            await parts.keep(part)
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FAILED


async def test_progress_begins_where_it_was_and_never_falls(desk: Desk) -> None:
    media_id = await desk.accept()
    await lost_after(desk, media_id, *SAID)
    for told, seen in ((0.6, 0.6), (0.55, 0.6), (0.7, 0.7)):
        async with desk.database.connection() as connection:
            await media_store.set_progress(connection, media_id, Progress("transcribing", told))
            progress = await media_store.progress(connection, media_id)
        assert progress is not None
        assert progress.done == pytest.approx(seen)
    async with desk.database.connection() as connection:
        await media_store.give_back(connection, media_id)
        await media_store.set_running(connection, media_id)
        progress = await media_store.progress(connection, media_id)
    assert progress == Progress("transcribing", pytest.approx(0.7))


async def test_an_object_store_that_is_away_stops_no_recognition_and_gets_the_parts_later(desk: Desk) -> None:
    media_id = await desk.accept()
    away = [True, True, False]

    class Away(Objects):
        async def put_bytes(self, key: str, data: bytes) -> Stored:
            if away.pop(0):
                raise GenericError("away")
            away.insert(0, False)
            return await super().put_bytes(key, data)

    assert desk.objects.folder is not None
    async with desk.database.connection() as connection:
        await media_store.set_running(connection, media_id)
    parts = Parts(desk.database, Away(str(desk.objects.folder)), media_id, 1)
    counts = []
    for part in SAID:
        await parts.keep(part)
        counts.append(len(kept(desk, media_id)))
    assert counts == [0, 0, 3]


async def test_nobody_keeps_a_part_of_what_has_ended(desk: Desk) -> None:
    media_id = await desk.accept()
    await desk.processor.process(media_id)
    with pytest.raises(Overtaken):
        await Parts(desk.database, desk.objects, media_id, 1).keep(SAID[0])
    assert kept(desk, media_id) == []
