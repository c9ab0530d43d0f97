"""When who talks: stretches of talk made from the words' times. Times are milliseconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callpost.model.transcript import Activity, Transcript, Word

Stretch = tuple[int, int]

_BREATH_MS = 500
_ACTIVITY_PAUSE_MS = 1_000


@dataclass(frozen=True, slots=True)
class Talk:
    """One speaker's words by time."""

    words: tuple[Word, ...]

    def stretches(self, pause_ms: int = _BREATH_MS) -> list[Stretch]:
        """What is said without a pause of that length."""
        return joined(((word.start_ms, word.end_ms) for word in self.words), pause_ms)

    def time_ms(self) -> int:
        return length(self.stretches())

    def within(self, start_ms: float, end_ms: float) -> "Talk":
        """The words that begin in a stretch of time."""
        return Talk(tuple(word for word in self.words if start_ms <= word.start_ms < end_ms))


def talk(transcript: Transcript, speaker: str) -> Talk:
    own = (word for turn in transcript.turns if turn.speaker == speaker for word in turn.words)
    return Talk(tuple(sorted(own, key=lambda word: word.start_ms)))


def joined(stretches: Iterable[Stretch], pause_ms: int = 0) -> list[Stretch]:
    """Stretches by time, those less than a pause apart as one."""
    union: list[Stretch] = []
    for start, end in sorted(stretches):
        if union and start - union[-1][1] < max(pause_ms, 1):
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union


def length(stretches: Iterable[Stretch]) -> int:
    return sum(end - start for start, end in stretches)


def voice_activity(transcript: Transcript) -> tuple[Activity, ...]:
    """What the recogniser measured; else what the words say, with pauses of a second and more left out."""
    if transcript.activity:
        return transcript.activity
    speakers: Sequence[tuple[str, int]] = list(
        dict.fromkeys((turn.speaker, turn.channel) for turn in transcript.turns)
    )
    return tuple(
        Activity(speaker, channel, start, end)
        for speaker, channel in speakers
        for start, end in talk(transcript, speaker).stretches(_ACTIVITY_PAUSE_MS)
    )
