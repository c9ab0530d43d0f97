import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from callpost.errors import Problem, UnreadableRecording
from callpost.model.configuration import Callback, CallbackType, Configuration, DetectorRequest, Redactor
from callpost.model.delivery import Delivery, EndpointPolicy
from callpost.model.media import Media, MediaStatus, Metadata, Stream, Submission
from callpost.model.redaction import ToneRedaction
from callpost.model.transcript import Transcript, Turn, Word
from callpost.network import Network
from callpost.pipeline.accept import Acceptance
from callpost.pipeline.process import Processor
from callpost.pipeline.publish import PublishRules
from callpost.speech.recognizer import Recognition, RecognitionRequest, RecognizerLost
from callpost.store import deliveries as delivery_store
from callpost.store import media as media_store
from callpost.store import organizations, reports
from callpost.store.database import Database
from callpost.store.objects import Objects
from callpost.store.organizations import Organization

SOUND = b"RIFF" + bytes(1000)
CALLBACKS = (
    Callback("https://example.com/analytics"),
    Callback("https://example.com/media", CallbackType.MEDIA, stream="original"),
)
CONFIGURATION = Configuration(callbacks=CALLBACKS)
REDACTING = Configuration(detectors=(DetectorRequest("PCI", redactor=Redactor("[card]", 270)),))


def turn(speaker: str, channel: int, text: str, start_ms: int) -> Turn:
    words = tuple(
        Word(word, start_ms + 300 * place, start_ms + 300 * place + 250, 0.9)
        for place, word in enumerate(text.split())
    )
    return Turn(speaker, channel, words)


CONVERSATION = Transcript(
    (
        turn("Agent", 0, "Thank you for calling, how can I help you?", 0),
        turn("Customer", 1, "My card number is 4111 1111 1111 1111 and I am upset.", 4000),
    )
)


@dataclass
class FakeRecognizer:
    """Hears the same conversation in every recording, after failing as often as it is told to."""

    transcript: Transcript = CONVERSATION
    failures: list[Exception] = field(default_factory=list)
    requests: list[RecognitionRequest] = field(default_factory=list)
    redactions: list[ToneRedaction] = field(default_factory=list)

    async def transcribe(self, request: RecognitionRequest, progress: Callable[[float], None]) -> Recognition:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        progress(1.0)
        return Recognition(self.transcript, 9000, "audio/mpeg", "mp3", ())

    async def redact(self, source: Path, target: Path, redaction: ToneRedaction) -> tuple[str, str]:
        self.redactions.append(redaction)
        target.write_bytes(b"beep" + source.read_bytes())
        return "audio/mpeg", "mp3"


class Desk:
    """Accepts recordings, processes them, and looks at what became of them."""

    def __init__(
        self, database: Database, objects: Objects, network: Network, organization: Organization
    ) -> None:
        self.database = database
        self.objects = objects
        self.organization = organization
        self.recognizer = FakeRecognizer()
        rules = PublishRules(EndpointPolicy())
        self.processor = Processor(database, objects, self.recognizer, network, rules, most_bytes=10**6)

    async def accept(self, configuration: Configuration = CONFIGURATION, *, url: str | None = None) -> UUID:
        media_id = uuid4()
        original = None if url else await self._store(media_id)
        submission = Submission(configuration, Metadata({"externalId": "call-1"}), media_url=url)
        acceptance = Acceptance(self.database)
        await acceptance.accept(media_id, self.organization, submission, original, datetime.now(UTC))
        return media_id

    async def _store(self, media_id: UUID) -> Stream:
        key = reports.stream_key(media_id, "original")
        stored = await self.objects.put_bytes(key, SOUND)
        return Stream("original", key, stored.size, stored.sha256, "audio/wav", "wav")

    async def media(self, media_id: UUID) -> Media:
        async with self.database.connection() as connection:
            return await media_store.get(connection, self.organization.organization_id, media_id)

    async def deliveries(self, media_id: UUID) -> list[Delivery]:
        async with self.database.connection() as connection:
            return await delivery_store.of_media(connection, self.organization.organization_id, media_id)


@pytest.fixture
async def desk(database: Database, objects: Objects) -> AsyncIterator[Desk]:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
    async with Network(EndpointPolicy()) as network:
        yield Desk(database, objects, network, organization)


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
