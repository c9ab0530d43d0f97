"""A corrected transcript is aligned and delivered; what it leaves out is still covered in the audio."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from desk import CONFIGURATION, REDACTING, Desk

from callpost.model.configuration import Configuration, DetectorRequest, Redactor
from callpost.model.media import MediaStatus, Metadata, Submission
from callpost.pipeline.accept import Acceptance
from callpost.store import reports

GREETING = "Agent: Thank you for calling, how can I help you?"
CORRECTED = f"{GREETING} Customer: My card number is 4111 1111 1111 1111 and I am Ed."
WITHOUT_CARD = f"{GREETING} Customer: And I am upset."
BEEPING = Configuration(detectors=(DetectorRequest("PCI", redactor=Redactor(None, 270)),))


async def corrected(
    desk: Desk, media_id: UUID, text: str, configuration: Configuration = CONFIGURATION
) -> None:
    """Have a recording processed anew with a corrected text, as the API does it."""
    identifier = uuid4()
    await reports.save_corrected(desk.objects, media_id, identifier, text)
    await desk.again(media_id, replace(configuration, corrected=identifier))
    await desk.processor.process(media_id)


async def said(desk: Desk, media_id: UUID) -> str:
    return " ".join(turn.text for turn in (await desk.results(media_id)).transcript.turns)


def texts_kept(folder: Path | None) -> list[Path]:
    assert folder is not None
    return [path for path in folder.rglob("*") if "corrected" in path.parts and path.is_file()]


async def finished(desk: Desk, configuration: Configuration = CONFIGURATION) -> UUID:
    media_id = await desk.accept(configuration)
    await desk.processor.process(media_id)
    return media_id


async def test_the_corrected_words_are_the_transcript_and_nothing_is_recognised_again(desk: Desk) -> None:
    media_id = await finished(desk)
    await corrected(desk, media_id, CORRECTED)
    assert (await said(desk, media_id)).endswith("and I am Ed.")
    assert len(desk.recognizer.requests) == 1
    assert len(await desk.deliveries(media_id)) == 4
    assert texts_kept(desk.objects.folder) == []


async def test_they_stay_the_transcript_when_it_is_processed_once_more(desk: Desk) -> None:
    media_id = await finished(desk)
    await corrected(desk, media_id, CORRECTED)
    await desk.again(media_id, CONFIGURATION)
    await desk.processor.process(media_id)
    assert (await said(desk, media_id)).endswith("and I am Ed.")


async def test_what_a_redactor_finds_in_the_corrected_words_is_stored_nowhere(desk: Desk) -> None:
    media_id = await finished(desk)
    await corrected(desk, media_id, CORRECTED, REDACTING)
    assert "[card]" in await said(desk, media_id)
    assert desk.objects.folder is not None
    for path in desk.objects.folder.rglob("*"):
        assert not path.is_file() or b"4111" not in path.read_bytes(), path


async def test_a_number_that_is_corrected_away_is_covered_in_the_audio_all_the_same(desk: Desk) -> None:
    media_id = await finished(desk)
    await corrected(desk, media_id, WITHOUT_CARD, BEEPING)
    (redaction,) = desk.recognizer.redactions
    card = desk.recognizer.transcript.turns[1].words[4:8]
    assert any(start <= card[0].start_ms and end >= card[-1].end_ms for start, end in redaction.regions)


async def test_also_when_the_tones_are_asked_for_later(desk: Desk) -> None:
    media_id = await finished(desk)
    await corrected(desk, media_id, WITHOUT_CARD)
    await desk.again(media_id, BEEPING)
    await desk.processor.process(media_id)
    assert len(desk.recognizer.redactions) == 1


async def test_a_recording_that_comes_with_its_text_is_recognised_and_aligned(desk: Desk) -> None:
    identifier, media_id = uuid4(), uuid4()
    await reports.save_corrected(desk.objects, media_id, identifier, CORRECTED)
    original = await desk.store(media_id)
    asked = Submission(replace(CONFIGURATION, corrected=identifier), Metadata())
    await Acceptance(desk.database).accept(media_id, desk.organization, asked, original, datetime.now(UTC))
    await desk.processor.process(media_id)
    assert (await desk.media(media_id)).status is MediaStatus.FINISHED
    assert (await said(desk, media_id)).endswith("and I am Ed.")
    assert texts_kept(desk.objects.folder) == []


async def test_a_worker_that_died_after_the_end_leaves_no_text(desk: Desk) -> None:
    media_id = await finished(desk)
    await corrected(desk, media_id, CORRECTED)
    async with desk.database.connection() as connection:
        value = await connection.fetchval(
            "select configuration_read from media where media_id = $1", media_id
        )
    identifier = UUID(value.decode().rpartition('"corrected":"')[2][:36])
    await reports.save_corrected(desk.objects, media_id, identifier, CORRECTED)
    await desk.processor.process(media_id)
    assert texts_kept(desk.objects.folder) == []
