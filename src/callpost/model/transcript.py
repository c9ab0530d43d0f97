"""What was said: words with their times, gathered into turns. Times are milliseconds from the start."""

from collections.abc import Iterator
from dataclasses import dataclass

UNKNOWN_SPEAKER = "unknown"
"""The speaker of a recording whose speaker nobody named, as VoiceBase writes it."""


@dataclass(frozen=True, slots=True)
class Peak:
    """A frequency in a word, in Hz. energy: its amplitude, 0..1 of the strongest one's."""

    frequency: float
    energy: float


@dataclass(frozen=True, slots=True)
class Voice:
    """How a word sounds. volume: 0 and more. peaks: its pitch and what is strongest beside it, or none."""

    volume: float
    peaks: tuple[Peak, ...] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """One word as displayed, with the punctuation that follows it ("help?"), no blanks around it.

    start_ms, end_ms: milliseconds from the start of the recording, 0 <= start_ms <= end_ms.
    confidence: 0..1. voice: where it was asked for.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says until another one does; at least one word, in order of time."""

    speaker: str
    channel: int
    words: tuple[Word, ...]

    @property
    def start_ms(self) -> int:
        return self.words[0].start_ms

    @property
    def end_ms(self) -> int:
        return max(word.end_ms for word in self.words)

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Activity:
    """A stretch in which one channel carries speech."""

    speaker: str
    channel: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """All turns of a recording, ordered by start; turns of different channels may overlap.

    language: as asked for in the configuration, e.g. "en-US".
    """

    turns: tuple[Turn, ...] = ()
    language: str = "en-US"
    activity: tuple[Activity, ...] = ()

    def words(self) -> Iterator[Word]:
        for turn in self.turns:
            yield from turn.words

    @property
    def confidence(self) -> float:
        """Mean confidence over the words, 0..1; 0 where nothing was said."""
        values = [word.confidence for word in self.words()]
        return sum(values) / len(values) if values else 0.0
