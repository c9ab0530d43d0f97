"""Processing again: nothing is recognised a second time, and what was redacted stays gone."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from desk import CALLBACKS, CONFIGURATION, REDACTING, SOUND, Desk

from callpost.errors import Problem, Rejected, UnreadableRecording
from callpost.model.configuration import Configuration, DetectorRequest, MetricGroup, Redactor
from callpost.model.delivery import Delivery
from callpost.model.media import MediaStatus
from callpost.pipeline import again
from callpost.pipeline.expire import expire
from callpost.speech.recognizer import RecognizerLost
from callpost.store import deliveries as delivery_store
from callpost.store import reports

METRICS = Configuration(metrics=(MetricGroup.TALK_TIME,), callbacks=CALLBACKS[:1])
ONLY_WORDS = Configuration(detectors=(DetectorRequest("PCI", redactor=Redactor("[card]")),))
ONLY_AUDIO = Configuration(detectors=(DetectorRequest("PCI", redactor=Redactor(None, 270)),))


async def finished(desk: Desk, *configurations: Configuration) -> UUID:
    """A recording that was processed by each of the configurations."""
    first, *others = configurations
    media_id = await desk.accept(first)
    await desk.processor.process(media_id)
    for configuration in others:
        await desk.again(media_id, configuration)
        await desk.processor.process(media_id)
    return media_id


def bases(objects_folder: Path | None, media_id: UUID) -> list[str]:
    """The runs whose basis is stored."""
    assert objects_folder is not None
    folder = objects_folder / reports.folder(media_id) / "basis"
    return sorted(path.parent.name for path in folder.rglob("*.json"))


def numbers(deliveries: list[Delivery]) -> list[int]:
    return [delivery.number for delivery in deliveries]


async def test_the_new_configuration_is_applied_without_recognising_again(desk: Desk) -> None:
    media_id = await finished(desk, CONFIGURATION)
    before = await desk.media(media_id)
    accepted = await desk.again(media_id, METRICS)
    assert (accepted.status, accepted.date_finished) == (MediaStatus.ACCEPTED, None)
    await desk.processor.process(media_id)
    media, results = await desk.media(media_id), await desk.results(media_id)
    assert media.status is MediaStatus.FINISHED
    assert (media.length_ms, media.content_type) == (before.length_ms, before.content_type)
    assert media.date_created == before.date_created
    assert results.metrics is not None
    assert [stream.name for stream in results.streams] == ["original"]
    assert len(desk.recognizer.requests) == 1


async def test_new_deliveries_are_numbered_on_from_the_last(desk: Desk) -> None:
    media_id = await finished(desk, CONFIGURATION, METRICS, CONFIGURATION)
    deliveries = await desk.deliveries(media_id)
    assert numbers(deliveries) == [1, 2, 3, 4, 5]
    assert len({delivery.delivery_id for delivery in deliveries}) == 5


async def test_what_is_under_way_is_not_taken_up_again(desk: Desk) -> None:
    media_id = await desk.accept()
    with pytest.raises(Rejected) as refusal:
        await desk.again(media_id, METRICS)
    assert refusal.value.problems[0].code == 10301
    await desk.processor.process(media_id)
    await desk.again(media_id, METRICS)
    with pytest.raises(Rejected):
        await desk.again(media_id, METRICS)


async def test_each_processing_has_one_job(desk: Desk) -> None:
    media_id = await finished(desk, CONFIGURATION)
    await asyncio.gather(*(desk.again(media_id, METRICS) for _ in range(5)), return_exceptions=True)
    assert await desk.database.pool.fetchval("select count(*) from pgqueuer") == 2


async def test_formatting_can_be_taken_back(desk: Desk) -> None:
    plain = replace(CONFIGURATION, number_formatting=False)
    media_id = await finished(desk, CONFIGURATION, plain)
    said = (await desk.results(media_id)).transcript
    assert said.turns == desk.recognizer.transcript.turns


async def test_words_that_a_later_redactor_takes_out_are_stored_nowhere(desk: Desk) -> None:
    media_id = await finished(desk, CONFIGURATION, REDACTING)
    assert await text_of(desk, media_id) == ["[card]"]
    (redaction,) = desk.recognizer.redactions
    assert redaction.regions
    assert bases(desk.objects.folder, media_id) == ["2"]


async def test_words_once_taken_out_stay_gone(desk: Desk) -> None:
    media_id = await finished(desk, REDACTING, METRICS, CONFIGURATION)
    assert await text_of(desk, media_id) == ["[card]"]


async def test_redacted_audio_is_built_upon_and_never_replaced_by_the_original(desk: Desk) -> None:
    media_id = await finished(desk, REDACTING)
    for configuration in (METRICS, REDACTING):
        await desk.again(media_id, configuration)
        await desk.processor.process(media_id)
        streams = {stream.name: stream for stream in (await desk.results(media_id)).streams}
        assert await desk.objects.get_bytes(streams["redacted-audio"].key) == b"beep" + SOUND
    assert len(desk.recognizer.redactions) == 1


async def test_audio_whose_words_were_taken_out_before_cannot_be_redacted(desk: Desk) -> None:
    media_id = await finished(desk, ONLY_WORDS)
    basis = await reports.load_basis(desk.objects, media_id, 1)
    assert basis is not None
    with pytest.raises(Rejected) as refusal:
        again.require_possible(basis, ONLY_AUDIO)
    assert refusal.value.problems[0].code == 50010
    again.require_possible(basis, ONLY_WORDS)
    # Whoever does not ask first is stopped in the end.
    await desk.again(media_id, ONLY_AUDIO)
    await desk.processor.process(media_id)
    media = await desk.media(media_id)
    assert (media.status, [problem.code for problem in media.errors]) == (MediaStatus.FAILED, [50010])


async def test_audio_alone_is_redacted_from_the_words_as_they_were_said(desk: Desk) -> None:
    media_id = await finished(desk, METRICS, ONLY_AUDIO)
    (redaction,) = desk.recognizer.redactions
    assert redaction.regions
    assert "redacted-audio" in {stream.name for stream in (await desk.results(media_id)).streams}


async def test_a_recording_that_failed_the_second_time_can_be_taken_up_a_third_time(desk: Desk) -> None:
    media_id = await finished(desk, ONLY_WORDS, ONLY_AUDIO, METRICS)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
    assert (await desk.media(media_id)).errors == ()
    assert (await desk.results(media_id)).metrics is not None


async def test_one_that_was_never_recognised_cannot_be_taken_up(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [UnreadableRecording(Problem(10201, "not audio"))]
    await desk.processor.process(media_id)
    assert await reports.load_basis(desk.objects, media_id, 1) is None


async def test_a_worker_that_died_after_the_end_leaves_no_older_transcript(desk: Desk) -> None:
    media_id = await finished(desk, CONFIGURATION, REDACTING)
    basis = await reports.load_basis(desk.objects, media_id, 2)
    assert basis is not None
    await reports.save_basis(desk.objects, media_id, 1, basis)
    await desk.processor.process(media_id)
    assert bases(desk.objects.folder, media_id) == ["2"]


async def test_a_processing_again_that_is_interrupted_begins_anew(desk: Desk) -> None:
    media_id = await finished(desk, CONFIGURATION)
    await desk.again(media_id, REDACTING)

    async def redact(*_: object) -> tuple[str, str]:
        raise RecognizerLost("killed")

    working, desk.recognizer.redact = desk.recognizer.redact, redact  # type: ignore[method-assign, assignment]
    with pytest.raises(RecognizerLost):
        await desk.processor.process(media_id)
    desk.recognizer.redact = working  # type: ignore[method-assign]
    await desk.processor.process(media_id)
    results = await desk.results(media_id)
    assert results.prediction is not None
    assert results.prediction.detectors[0].detections
    assert await text_of(desk, media_id) == ["[card]"]


async def test_a_worker_that_was_overtaken_publishes_nothing_and_removes_nothing(desk: Desk) -> None:
    """One that slept while another finished the recording, and while it was taken up again."""
    media_id = await desk.accept()
    begun, go_on = asyncio.Event(), asyncio.Event()
    transcribe = desk.recognizer.transcribe

    async def slow(*given: object) -> object:
        if not begun.is_set():
            begun.set()
            await go_on.wait()
        return await transcribe(*given)  # type: ignore[arg-type]

    desk.recognizer.transcribe = slow  # type: ignore[method-assign, assignment]
    sleeper = asyncio.create_task(desk.processor.process(media_id))
    await begun.wait()
    await desk.processor.process(media_id)
    await desk.again(media_id, METRICS)
    await desk.processor.process(media_id)
    before = await desk.report(media_id)
    go_on.set()
    await sleeper
    assert await desk.report(media_id) == before
    assert numbers(await desk.deliveries(media_id)) == [1, 2, 3]


async def test_two_workers_at_one_recording_end_it_once(desk: Desk) -> None:
    media_id = await desk.accept()
    await asyncio.gather(*(desk.processor.process(media_id) for _ in range(2)))
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
    assert (await desk.results(media_id)).transcript.turns
    assert numbers(await desk.deliveries(media_id)) == [1, 2]


async def test_the_time_to_live_begins_anew(desk: Desk) -> None:
    media_id = await finished(desk, Configuration(time_to_live_s=60))
    later = datetime.now(UTC) + timedelta(hours=1)
    await desk.again(media_id, replace(METRICS, time_to_live_s=60))
    assert await expire(desk.database, desk.objects, later) == 0
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).expires_on is None, "a delivery waits"
    assert await expire(desk.database, desk.objects, later) == 0
    await desk.again(media_id, Configuration(time_to_live_s=60))
    await desk.processor.process(media_id)
    async with desk.database.connection() as connection:
        await connection.execute("update deliveries set state = 'delivered'")
        await delivery_store.conclude(connection, (media_id,), datetime.now(UTC))
    assert await expire(desk.database, desk.objects, later) == 1


async def text_of(desk: Desk, media_id: UUID) -> list[str]:
    """Which of the card number's first digits and its replacement are in anything that is stored as text."""
    assert desk.objects.folder is not None
    folder = desk.objects.folder / reports.folder(media_id)
    stored = "".join(path.read_text() for path in folder.rglob("*.json"))
    return [text for text in ("4111", "1111", "[card]") if text in stored]
