"""What the tests of the pipeline share: a desk that takes recordings, and a recogniser that needs none."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from callpost.model.configuration import (
    AudioTranscode,
    Callback,
    CallbackType,
    Configuration,
    DetectorRequest,
    Redactor,
)
from callpost.model.delivery import Delivery, EndpointPolicy
from callpost.model.media import Media, Metadata, Stream, Submission
from callpost.model.redaction import ToneRedaction
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.network import Network
from callpost.pipeline.accept import Acceptance
from callpost.pipeline.process import Processor
from callpost.pipeline.publish import PublishRules
from callpost.speech.recognizer import FinishedPart, Keep, Recognition, RecognitionRequest
from callpost.store import deliveries as delivery_store
from callpost.store import media as media_store
from callpost.store import reports
from callpost.store.database import Database
from callpost.store.objects import Objects
from callpost.store.organizations import Organization

SOUND = b"RIFF" + bytes(1000)
CALLBACKS = (
    Callback("https://example.com/analytics"),
    Callback("https://example.com/media", CallbackType.MEDIA, stream="original"),
)
API_URL = "https://callpost.example.org"
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
    took_ms: int = 0
    parts: list[FinishedPart] = field(default_factory=list)

    async def transcribe(
        self, request: RecognitionRequest, progress: Callable[[float], None], keep: Keep | None = None
    ) -> Recognition:
        self.requests.append(request)
        for part in self.parts:
            if keep is not None and part.number > len(request.finished):
                await keep(part)
        if self.failures:
            raise self.failures.pop(0)
        progress(1.0)
        return Recognition(self.transcript, 9000, "audio/mpeg", "mp3", (), self.took_ms)

    async def redact(self, source: Path, target: Path, redaction: ToneRedaction) -> tuple[str, str]:
        self.redactions.append(redaction)
        target.write_bytes(b"beep" + source.read_bytes())
        return "audio/mpeg", "mp3"

    async def transcode(self, source: Path, target: Path, wanted: AudioTranscode) -> tuple[str, str] | None:
        if wanted.format == "mp3":
            return None
        target.write_bytes(wanted.format.encode() + source.read_bytes())
        return f"audio/{wanted.format}", wanted.format.value


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
        self.processor = Processor(database, objects, self.recognizer, network, rules, API_URL, 10**6)

    async def accept(self, configuration: Configuration = CONFIGURATION, *, url: str | None = None) -> UUID:
        media_id = uuid4()
        original = None if url else await self.store(media_id)
        submission = Submission(configuration, Metadata({"externalId": "call-1"}), media_url=url)
        acceptance = Acceptance(self.database)
        await acceptance.accept(media_id, self.organization, submission, original, datetime.now(UTC))
        return media_id

    async def again(self, media_id: UUID, configuration: Configuration) -> Media:
        """Have a recording processed anew."""
        media = await self.media(media_id)
        return await Acceptance(self.database).accept_again(media, Submission(configuration, Metadata()))

    async def report(self, media_id: UUID) -> Report:
        return await reports.load(self.objects, media_id)

    async def results(self, media_id: UUID) -> Results:
        """Of a recording that is finished."""
        results = (await self.report(media_id)).results
        assert results is not None
        return results

    async def store(self, media_id: UUID) -> Stream:
        """The bytes of a recording, before it is accepted."""
        key = reports.stream_key(media_id, "original")
        stored = await self.objects.put_bytes(key, SOUND)
        return Stream("original", key, stored.size, stored.sha256, "audio/wav", "wav")

    async def media(self, media_id: UUID) -> Media:
        async with self.database.connection() as connection:
            return await media_store.get(connection, self.organization.organization_id, media_id)

    async def deliveries(self, media_id: UUID) -> list[Delivery]:
        async with self.database.connection() as connection:
            return await delivery_store.of_media(connection, self.organization.organization_id, media_id)
