"""From words per channel to turns: who spoke when."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from callpost.model.transcript import Turn, Word
from callpost.speech.ingest import Source

_PAUSE_MS = 700  # after a silence this long the other side's words come first, if they were said first


def turns(words: Mapping[int, Sequence[Word]], sources: Sequence[Source]) -> tuple[Turn, ...]:
    """Turns in order of time. words: by source number, each in order of time.

    What is said without a pause stays together, so that a "yes" from the other side does not cut a sentence
    in two: it becomes a turn of its own that overlaps, as VoiceBase reports it.
    """
    utterances = [(source, run) for source in sources for run in _runs(words.get(source.number, ()))]
    utterances.sort(key=lambda utterance: (utterance[1][0].start_ms, utterance[0].number))
    spoken = groupby(utterances, key=lambda utterance: utterance[0])
    return tuple(_turn(source, [word for _, run in group for word in run]) for source, group in spoken)


def _runs(words: Sequence[Word]) -> list[list[Word]]:
    """Words split where the speaker pauses."""
    runs: list[list[Word]] = []
    for word in words:
        if runs and word.start_ms - runs[-1][-1].end_ms < _PAUSE_MS:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _turn(source: Source, words: Sequence[Word]) -> Turn:
    return Turn(source.speaker, source.number, tuple(words))
