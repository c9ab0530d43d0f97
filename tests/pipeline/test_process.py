"""What becomes of a recording, and of one whose processing is disturbed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from desk import API_URL, CALLBACKS, REDACTING, SOUND, Desk, FakeRecognizer

from callpost.errors import Problem, UnreadableRecording
from callpost.model.configuration import AdHocVocabulary, Callback, Configuration, ExpectedTerm
from callpost.model.media import MediaStatus
from callpost.render import content
from callpost.speech.recognizer import Recognition, RecognizerLost
from callpost.store import media as media_store
from callpost.store import reports


async def test_a_recording_is_accepted_together_with_its_job(desk: Desk) -> None:
    media_id = await desk.accept()
    assert (await desk.media(media_id)).status is MediaStatus.ACCEPTED
    payloads = await desk.database.pool.fetch("select payload from pgqueuer")
    assert [row["payload"] for row in payloads] == [str(media_id).encode()]


async def test_a_processed_recording_is_finished_and_its_deliveries_are_due(desk: Desk) -> None:
    media_id = await desk.accept()
    await desk.processor.process(media_id)
    media = await desk.media(media_id)
    assert media.status is MediaStatus.FINISHED
    assert media.length_ms == 9000
    assert media.content_type == "audio/mpeg"
    assert [delivery.number for delivery in await desk.deliveries(media_id)] == [1, 2]
    report = await reports.load(desk.objects, media_id)
    assert report.results is not None
    assert report.media.date_finished == media.date_finished
    assert report.results.transcript.turns == desk.recognizer.transcript.turns
    assert [(stream.name, stream.extension) for stream in report.results.streams] == [("original", "mp3")]


async def test_what_will_be_sent_is_rendered_when_a_recording_ends(desk: Desk) -> None:
    configuration = Configuration(callbacks=(*CALLBACKS, Callback("https://example.com/too", method="PUT")))
    media_id = await desk.accept(configuration)
    await desk.processor.process(media_id)
    assert desk.objects.folder is not None
    rendered = list((desk.objects.folder / reports.folder(media_id) / "renderings").iterdir())
    expected = content.render(await desk.report(media_id), CALLBACKS[0], API_URL)
    assert [path.read_bytes() for path in rendered] == [expected]


async def test_processing_again_changes_nothing(desk: Desk) -> None:
    media_id = await desk.accept()
    await desk.processor.process(media_id)
    before = await desk.media(media_id)
    await desk.processor.process(media_id)
    assert await desk.media(media_id) == before
    assert len(desk.recognizer.requests) == 1
    assert len(await desk.deliveries(media_id)) == 2


async def test_an_unreadable_recording_fails_and_only_its_analytics_are_sent(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [UnreadableRecording(Problem(10201, "not audio"))]
    await desk.processor.process(media_id)
    media = await desk.media(media_id)
    assert media.status is MediaStatus.FAILED
    assert [problem.code for problem in media.errors] == [10201]
    assert [delivery.number for delivery in await desk.deliveries(media_id)] == [1]
    report = await reports.load(desk.objects, media_id)
    assert report.results is None
    assert report.media.errors == media.errors


async def test_expected_terms_reach_the_recognizer_with_their_sounds_and_weights(desk: Desk) -> None:
    terms = (ExpectedTerm("AFFO", ("A.F.F.O.",), 2), ExpectedTerm("Thank you for calling", script=True))
    media_id = await desk.accept(Configuration(vocabularies=(AdHocVocabulary(terms),)))
    await desk.processor.process(media_id)
    assert desk.recognizer.requests[0].terms == terms


async def test_terms_stored_before_they_had_sounds_and_weights_are_still_expected(desk: Desk) -> None:
    media_id = await desk.accept(Configuration(vocabularies=(AdHocVocabulary(("AFFO", "CapEx")),)))
    stored = await desk.database.pool.fetchval(
        "select configuration_read from media where media_id = $1", media_id
    )
    assert json.loads(stored)["vocabularies"] == [{"terms": ["AFFO", "CapEx"]}]
    await desk.processor.process(media_id)
    assert desk.recognizer.requests[0].terms == (ExpectedTerm("AFFO"), ExpectedTerm("CapEx"))


async def test_a_lost_recognizer_leaves_the_recording_to_be_tried_again(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [RecognizerLost("killed")]
    with pytest.raises(RecognizerLost):
        await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.RUNNING
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED


async def test_a_recording_that_always_stops_its_worker_fails_in_the_end(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [RecognizerLost("killed") for _ in range(99)]
    for _ in range(5):
        with pytest.raises(RecognizerLost):
            await desk.processor.process(media_id)
    await desk.processor.process(media_id)
    media = await desk.media(media_id)
    assert media.status is MediaStatus.FAILED
    assert [problem.code for problem in media.errors] == [90001]


async def test_a_start_that_was_given_back_does_not_count(desk: Desk) -> None:
    media_id = await desk.accept()
    desk.recognizer.failures = [RecognizerLost("stopped") for _ in range(9)]
    for _ in range(9):
        with pytest.raises(RecognizerLost):
            await desk.processor.process(media_id)
        await desk.processor.give_back(media_id)
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED


async def test_a_recording_deleted_meanwhile_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    media_id = await desk.accept()
    heard = asyncio.Event()

    async def transcribe(*_: object) -> object:
        async with desk.database.transaction() as connection:
            await media_store.delete(connection, desk.organization.organization_id, media_id)
        heard.set()
        return await FakeRecognizer().transcribe(*_)  # type: ignore[arg-type]

    desk.recognizer.transcribe = transcribe  # type: ignore[method-assign, assignment]
    await desk.processor.process(media_id)
    assert heard.is_set()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_worker_that_stood_still_does_not_replace_what_another_has_published(desk: Desk) -> None:
    media_id = await desk.accept()
    standing, go_on = asyncio.Event(), asyncio.Event()
    hear = desk.recognizer.transcribe

    async def stand_still(*given: Any) -> Recognition:
        standing.set()
        await go_on.wait()
        return await hear(*given)

    desk.recognizer.transcribe = stand_still  # type: ignore[method-assign]
    frozen = asyncio.create_task(desk.processor.process(media_id))
    await standing.wait()
    desk.recognizer.transcribe = hear  # type: ignore[method-assign]
    await desk.processor.process(media_id)
    published = await desk.report(media_id)
    go_on.set()
    await frozen
    assert await desk.report(media_id) == published
    assert published.media.date_finished == (await desk.media(media_id)).date_finished


async def test_a_redacted_card_number_is_in_no_part_of_the_report(desk: Desk) -> None:
    media_id = await desk.accept(REDACTING)
    await desk.processor.process(media_id)
    stored = await desk.objects.get_bytes(f"media/{media_id}/report.json")
    assert b"4111" not in stored
    assert b"[card]" in stored
    (redaction,) = desk.recognizer.redactions
    assert redaction.tone_hz == 270
    report = await reports.load(desk.objects, media_id)
    assert report.results is not None
    redacted = {stream.name: stream for stream in report.results.streams}["redacted-audio"]
    assert await desk.objects.get_bytes(redacted.key) == b"beep" + SOUND


async def test_a_media_url_that_leads_inside_is_refused(desk: Desk) -> None:
    media_id = await desk.accept(url="http://127.0.0.1:9/recording.wav?secret=hunter2")
    await desk.processor.process(media_id)
    media = await desk.media(media_id)
    assert media.status is MediaStatus.FAILED
    assert media.errors[0].code in (10203, 10204)
    assert "hunter2" not in str(media.errors)
