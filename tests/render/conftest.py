from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from callpost.model.media import Media, MediaStatus, Metadata
from callpost.model.transcript import Activity, Transcript, Turn, Word

SCRIPT = (
    ("Agent", "Thank you for calling Harbour Broadband, this is Priya. How can I help you today?"),
    (
        "Caller",
        "Hi Priya, the internet in my flat has been down since Tuesday, and the router shows a red light.",
    ),
    ("Agent", "I'm sorry to hear that. Let me look at your line & run a test, it takes < 2 minutes."),
    ("Caller", "Okay."),
)


@pytest.fixture
def say() -> Callable[..., Transcript]:
    """A transcript of (speaker, text) pairs spoken at 2.5 words a second, one channel per speaker."""

    def transcript(*lines: tuple[str, str]) -> Transcript:
        turns, clock = [], 500
        channels = {speaker: channel for channel, speaker in enumerate(dict.fromkeys(s for s, _ in lines))}
        for speaker, text in lines:
            words = []
            for word in text.split():
                words.append(Word(word, clock, clock + 350, 0.9))
                clock += 400
            turns.append(Turn(speaker, channels[speaker], tuple(words)))
            clock += 600
        activity = tuple(Activity(turn.speaker, turn.channel, turn.start_ms, turn.end_ms) for turn in turns)
        return Transcript(tuple(turns), activity=activity)

    return transcript


@pytest.fixture
def call(say: Callable[..., Transcript]) -> Transcript:
    return say(*SCRIPT)


@pytest.fixture
def media() -> Media:
    return Media(
        media_id=UUID("0b9c8a7e-1111-4222-8333-444455556666"),
        organization_id=UUID("7d0f6f7e-aaaa-4bbb-8ccc-ddddeeeeffff"),
        organization_name="Harbour Broadband",
        status=MediaStatus.FINISHED,
        date_created=datetime(2026, 11, 22, 16, 19, 43, 973_900, tzinfo=UTC),
        date_finished=datetime(2026, 11, 22, 16, 20, 1, tzinfo=UTC),
        metadata=Metadata(
            {"externalId": "case-17", "extended": {"Queue": {"Name": "BasicQueue"}, "n": [1, None]}}
        ),
        length_ms=30_250,
        content_type="audio/x-wav",
    )
