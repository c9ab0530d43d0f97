"""A redacted number is in nothing that callpost answers, delivers, stores or logs, however it was said."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from api_support import Parts
from benchmarks.detection.labelled import SENSITIVE, Dialogue, hand_written, made
from benchmarks.detection.leak_search import captions, leaks, said
from benchmarks.detection.leaks import spoken
from structlog.testing import capture_logs

from callpost.model.configuration import DetectionLevel
from callpost.model.redaction import ToneRedaction
from callpost.model.transcript import Transcript, Turn
from callpost.network import Network
from callpost.pipeline.process import Processor
from callpost.pipeline.publish import PublishRules
from callpost.render import content
from callpost.services import Services
from callpost.speech.recognizer import Recognition
from callpost.store import media as media_store
from callpost.store import reports

_APART_MS = 300_000  # so that no dialogue speaks of the card of the one before
_REDACTOR = {"transcript": {"replacement": "[gone]"}, "audio": {"tone": 270}}
_CALLBACKS = [
    *({"url": "https://example.org/a", "include": [section]} for section in ("knowledge", "prediction")),
    {"url": "https://example.org/b"},
    *(
        {"url": "https://example.org/c", "type": "transcript", "format": format_}
        for format_ in ("json", "text", "srt", "webvtt", "dfxp")
    ),
]
_WANTED = {
    "speechModel": {"language": "en-US"},
    "prediction": {
        "classifiers": [{"classifierName": "sentiment"}],
        "detectors": [{"detectorName": name} for name in ("PCI", "SSN")],
    },
    "metrics": [{"metricGroupName": "sentiment"}, {"metricGroupName": "talk-time-and-rate"}],
    "speakerSentiments": True,
    "conversation": {"verbNounPairsEnabled": True},
    "entity": {"enableEntityExtraction": True},
    "publish": {"callbacks": _CALLBACKS, "enableAnalyticIndexing": True},
    "searchability": {"searchable": True},
}


class _Recognizer:
    """Hears all the dialogues, one after the other."""

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript

    async def transcribe(self, *_: object) -> Recognition:
        return Recognition(self.transcript, 10_000_000, "audio/x-wav", "wav")

    async def redact(self, _: Path, target: Path, __: ToneRedaction) -> tuple[str, str]:
        target.write_bytes(b"beep")
        return "audio/x-wav", "wav"

    async def transcode(self, *_: object) -> tuple[str, str] | None:
        return None


@pytest.fixture(scope="module")
def dialogues() -> list[Dialogue]:
    """Numbers in figures and words, in pairs, doubled, corrected, echoed, garbled, over several turns."""
    return [*hand_written(), *made(each=2)]


@pytest.fixture(scope="module")
def secrets(dialogues: list[Dialogue]) -> list[str]:
    """Those of four digits and more: less is said by chance in two hours of talk."""
    found = (spoken(one, number) for one in dialogues for number in one.numbers if number.label in SENSITIVE)
    return [number for number in found if len(number) > 4]


@pytest.fixture(scope="module")
def harmless(dialogues: list[Dialogue]) -> list[str]:
    return [
        spoken(one, number) for one in dialogues for number in one.numbers if number.label not in SENSITIVE
    ]


def _one_after_the_other(dialogues: list[Dialogue]) -> Iterator[Turn]:
    clock = 0
    for dialogue in dialogues:
        for turn in dialogue.transcript.turns:
            words = (
                replace(word, start_ms=clock + word.start_ms, end_ms=clock + word.end_ms)
                for word in turn.words
            )
            yield replace(turn, words=tuple(words))
        clock += _APART_MS


@dataclass
class Installation:
    """Takes recordings, processes them, and shows all that can be had of them."""

    client: httpx.AsyncClient
    parts: Parts
    services: Services
    processor: Processor

    async def processed(self, wanted: dict[str, Any]) -> UUID:
        response = await self.client.post("/v3/media", files=self.parts(wanted))
        assert response.status_code == 200, response.text
        media_id = UUID(response.json()["mediaId"])
        await self.processor.process(media_id)
        return media_id

    async def everything(self, media_id: UUID) -> dict[str, str]:
        """By where it is had, as text without times."""
        found = dict([place async for place in self._answers(media_id)])
        found |= dict([place async for place in self._tables()])
        return found | dict([place async for place in self._files(media_id)])

    async def _answers(self, media_id: UUID) -> AsyncIterator[tuple[str, str]]:
        for path in ("", "/transcript", "/streams", "/deliveries", "/progress", "/metadata"):
            query = {"includeAlternateFormat": "text,srt,webvtt,dfxp"} if path in ("", "/transcript") else {}
            answer = await self.client.get(f"/v3/media/{media_id}{path}", params=query)
            yield f"GET {path}", said(answer.json())
        for format_ in ("text", "srt", "webvtt", "dfxp"):
            answer = await self.client.get(f"/v3/media/{media_id}/transcript/{format_}")
            yield format_, captions(answer.text)
        yield "GET /v3/media", said((await self.client.get("/v3/media")).json())

    async def _tables(self) -> AsyncIterator[tuple[str, str]]:
        async with self.services.database.connection() as connection:
            names = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
            for name in (row["tablename"] for row in names):
                rows = await connection.fetch(f'select * from "{name}"')  # noqa: S608 - PostgreSQL names them
                yield f"table {name}", said([_row(row) for row in rows])

    async def _files(self, media_id: UUID) -> AsyncIterator[tuple[str, str]]:
        """What is stored, the recording itself left out, and what is sent."""
        async with self.services.database.connection() as connection:
            wanted = await media_store.configuration(connection, media_id)
        assert wanted is not None
        report = await reports.load(self.services.objects, media_id)
        for number, callback in enumerate(wanted.callbacks):
            sent = content.render(report, callback, "https://example.org").decode()
            yield f"callback {number}", said(json.loads(sent)) if sent[0] == "{" else captions(sent)
        for key in ("report.json", "basis/1/basis.json"):
            stored = await self.services.objects.get_bytes(f"{reports.folder(media_id)}/{key}")
            yield key, said(json.loads(stored))


@pytest.fixture
async def installation(
    client: httpx.AsyncClient, parts: Parts, services: Services, dialogues: list[Dialogue]
) -> AsyncIterator[Installation]:
    async with Network(services.policy) as network:
        recognizer = _Recognizer(Transcript(tuple(_one_after_the_other(dialogues))))
        rules = PublishRules(services.policy)
        url = services.settings.public_url
        processor = Processor(services.database, services.objects, recognizer, network, rules, url, 10**6)
        yield Installation(client, parts, services, processor)


def _row(row: Any) -> list[str]:
    values = (value.decode(errors="replace") if isinstance(value, bytes) else value for value in row.values())
    return [_in_order(str(value)) for value in values if isinstance(value, str | dict | list)]


def _in_order(value: str) -> str:
    """The words of a text search vector as they stand in the text, or apart where that is not kept."""
    lexemes = re.findall(r"(?:^| )'((?:[^']|'')*)'(?::([\dA-D,]+))?(?= |$)", value)
    if not lexemes or not value.startswith("'"):
        return value
    places = [(int(place.rstrip("ABCD") or 0), word) for word, found in lexemes for place in found.split(",")]
    return " ".join(word if place else f"{word} apart" for place, word in sorted(places))


@pytest.mark.parametrize("level", [DetectionLevel.ENTIRE_REGION, DetectionLevel.NUMBERS_ONLY])
async def test_no_redacted_number_is_left_anywhere(
    installation: Installation, secrets: list[str], harmless: list[str], level: str
) -> None:
    parameters = [{"parameter": "detectionLevel", "value": level}]
    detectors = [
        {"detectorName": name, "redactor": _REDACTOR, "parameters": parameters} for name in ("PCI", "SSN")
    ]
    with capture_logs() as logs:
        media_id = await installation.processed(_WANTED | {"prediction": {"detectors": detectors}})
        looked = await installation.everything(media_id) | {"log": said(logs)}
    assert len(looked) > 25
    assert "[gone]" in looked["GET /transcript"]
    found = {place: leaks(text, secrets, harmless) for place, text in looked.items()}
    assert {place: numbers for place, numbers in found.items() if numbers} == {}


async def test_the_search_finds_them_where_nothing_is_redacted(
    installation: Installation, secrets: list[str], harmless: list[str]
) -> None:
    looked = await installation.everything(await installation.processed(_WANTED))
    for place in ("text", "srt", "webvtt", "dfxp", "GET ", "GET /transcript", "report.json", "callback 2"):
        assert len(leaks(looked[place], secrets, harmless)) > 100, place
