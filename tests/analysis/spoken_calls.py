"""Transcripts for tests, made from what is said."""

from collections.abc import Callable

from callpost.model.transcript import Transcript, Turn, Word

Say = Callable[..., Transcript]


def spoken(*lines: tuple[str, str], language: str = "en-US") -> Transcript:
    """A transcript of (speaker, text) pairs: 350 ms a word, 600 ms between turns, a channel per speaker."""
    turns, clock, channels = [], 500, dict[str, int]()
    for speaker, text in lines:
        words = []
        for word in text.split():
            words.append(Word(word, clock, clock + 300, 0.9))
            clock += 350
        turns.append(Turn(speaker, channels.setdefault(speaker, len(channels)), tuple(words)))
        clock += 600
    return Transcript(tuple(turns), language=language)
