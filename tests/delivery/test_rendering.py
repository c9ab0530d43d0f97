"""What is rendered once for many deliveries, and what is made anew."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from delivery_support import NOW

from callpost.delivery import rendering
from callpost.delivery.recent import Recent
from callpost.delivery.rendering import Renderings
from callpost.model.configuration import Callback, CallbackType, TranscriptFormat
from callpost.model.delivery import ClaimedDelivery
from callpost.model.media import Media, MediaStatus, Metadata
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.render import content
from callpost.store import reports
from callpost.store.objects import Objects

API_URL = "https://callpost.example.org"
ANALYTICS = Callback("https://example.org/hook")
TEXT = Callback("https://example.org/hook", CallbackType.TRANSCRIPT, format=TranscriptFormat.TEXT)


def report_of(text: str) -> Report:
    words = tuple(Word(word, at * 400, at * 400 + 300, 0.9) for at, word in enumerate(text.split()))
    media = Media(uuid4(), uuid4(), "Acme", MediaStatus.FINISHED, NOW, Metadata({}), length_ms=800)
    return Report(media, Results(Transcript((Turn("Agent", 0, words),))))


def claimed(report: Report, callback: Callback, number: int = 1, *, minutes: int = 0) -> ClaimedDelivery:
    created = NOW + timedelta(minutes=minutes)
    return ClaimedDelivery(
        uuid4(), report.media.media_id, report.media.organization_id, number, number, callback,
        f"http:{number}", content.content_type(callback), None, 0, 1, created, created, created,
    )  # fmt: skip


async def test_deliveries_that_send_the_same_share_one_rendering(objects: Objects) -> None:
    report = report_of("Hello there.")
    await reports.save(objects, report)
    renderings = Renderings(objects, API_URL)
    elsewhere = Callback("https://example.net/other", method="PUT")
    first = await renderings.payload(claimed(report, ANALYTICS))
    assert await renderings.payload(claimed(report, elsewhere, 2)) is first
    assert first.body == content.render(report, ANALYTICS, API_URL)


async def test_deliveries_that_send_something_else_do_not(objects: Objects) -> None:
    report = report_of("Hello there.")
    await reports.save(objects, report)
    renderings = Renderings(objects, API_URL)
    callbacks = [ANALYTICS, TEXT, Callback("https://example.org/hook", include=("metadata",))]
    bodies = [(await renderings.payload(claimed(report, callback))).body for callback in callbacks]
    assert bodies == [content.render(report, callback, API_URL) for callback in callbacks]


async def test_subrip_has_as_many_digits_as_its_callback_asks_for(objects: Objects) -> None:
    report = report_of("Hello there.")
    srt = Callback("https://example.org/hook", CallbackType.TRANSCRIPT, format=TranscriptFormat.SRT)
    callbacks = [srt, replace(srt, fraction_digits=3)]
    await reports.save(objects, report, rendering.prepared(report, callbacks, API_URL))
    renderings = Renderings(objects, API_URL)
    two, three = [(await renderings.payload(claimed(report, callback))).body for callback in callbacks]
    assert b"00:00:00,00 --> " in two
    assert b"00:00:00,000 --> " in three


async def test_what_was_rendered_as_the_recording_ended_is_sent_as_it_is(objects: Objects) -> None:
    report = report_of("Hello there.")
    await reports.save(objects, report, rendering.prepared(report, (ANALYTICS, TEXT), API_URL))
    # Whoever read the report would find nothing in it.
    await objects.put_bytes(f"{reports.folder(report.media.media_id)}/report.json", b"")
    renderings = Renderings(objects, API_URL)
    bodies = [(await renderings.payload(claimed(report, callback))).body for callback in (ANALYTICS, TEXT)]
    assert bodies == [content.render(report, callback, API_URL) for callback in (ANALYTICS, TEXT)]


async def test_what_was_rendered_from_an_earlier_report_is_not_sent(objects: Objects) -> None:
    report = report_of("My card is 4111.")
    await reports.save(objects, report, rendering.prepared(report, (TEXT,), API_URL))
    await reports.save(objects, Report(report.media, report_of("My card is [redacted].").results))
    sent = await Renderings(objects, API_URL).payload(claimed(report, TEXT))
    assert sent.body == b"Agent: My card is [redacted]."


def test_callbacks_that_send_the_same_are_rendered_once_and_media_not_at_all() -> None:
    report = report_of("Hello there.")
    media = Callback("https://example.org/hook", CallbackType.MEDIA, stream="original")
    elsewhere = Callback("https://example.net/other", method="PUT")
    assert len(rendering.prepared(report, (ANALYTICS, elsewhere, TEXT, media), API_URL)) == 2
    failed = Report(report.media, None)
    assert rendering.prepared(failed, (ANALYTICS, TEXT), API_URL) == {}


async def test_results_made_anew_are_what_is_sent_from_then_on(objects: Objects) -> None:
    report = report_of("My card is 4111.")
    await reports.save(objects, report)
    renderings = Renderings(objects, API_URL)
    await renderings.payload(claimed(report, TEXT))
    redacted = Report(report.media, Results(report_of("My card is [redacted].").results.transcript))
    await reports.save(objects, redacted)
    sent = await renderings.payload(claimed(report, TEXT, minutes=5))
    assert sent.body == b"Agent: My card is [redacted]."


async def test_a_long_transcript_is_rendered_while_others_go_on(objects: Objects) -> None:
    report = report_of("word " * 20_000)
    await reports.save(objects, report)
    renderings = Renderings(objects, API_URL)
    rendering = asyncio.create_task(renderings.payload(claimed(report, ANALYTICS)))
    turns = 0
    while not rendering.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert turns > 3
    assert (await rendering).body == content.render(report, ANALYTICS, API_URL)


class Maker:
    """Makes values of ten, and counts how often. A failure is made by hand."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.now = 0.0
        self.recent = Recent[str, bytes](30, len, lasts_s=60, clock=lambda: self.now)

    async def get(self, key: str, error: Exception | None = None) -> bytes:
        async def make() -> bytes:
            self.made.append(key)
            await asyncio.sleep(0)
            if error:
                raise error
            return key.encode() * 10

        return await self.recent.get(key, make)


async def test_a_value_is_made_once_for_all_who_ask_at_once() -> None:
    maker = Maker()
    assert await asyncio.gather(*(maker.get("a") for _ in range(5))) == [b"a" * 10] * 5
    assert maker.made == ["a"]


async def test_only_what_fits_is_kept_and_what_was_asked_for_last_goes_last() -> None:
    maker = Maker()
    for key in "abcadabc":
        await maker.get(key)
    assert maker.made == list("abcdbc")
    assert maker.recent.weight <= 30


async def test_nothing_is_kept_for_longer_than_it_lasts() -> None:
    maker = Maker()
    for maker.now in (0, 59, 61):
        await maker.get("a")
    assert maker.made == ["a", "a"]
    assert maker.recent.weight == 10


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    maker = Maker()
    told = await asyncio.gather(*(maker.get("a", KeyError("gone")) for _ in range(2)), return_exceptions=True)
    assert [type(error) for error in told] == [KeyError, KeyError]
    assert await maker.get("a") == b"a" * 10
    assert maker.made == ["a", "a"]


async def test_one_who_stops_waiting_does_not_take_it_from_the_others() -> None:
    maker = Maker()
    leaving, staying = asyncio.create_task(maker.get("a")), asyncio.create_task(maker.get("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == b"a" * 10
    assert maker.made == ["a"]
