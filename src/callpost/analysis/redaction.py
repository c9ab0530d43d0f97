"""Taking detected regions out of the transcript, and saying which stretches of the audio give way to a tone.

Source: docs/how-to-guides/pci-ssn-pii-redaction.md. The transcript is redacted before any other section is
made, so that a redacted word survives in none of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from callpost.analysis.detection import Region
from callpost.analysis.dialogue import Place
from callpost.model.configuration import Redactor
from callpost.model.redaction import ToneRedaction
from callpost.model.transcript import Transcript, Turn

_TAIL = ".,?!;:"

MARGIN_MS = 350
"""By how much recognised words may begin earlier or end later than written (measured)."""


def redact(transcript: Transcript, found: Iterable[tuple[Redactor, Sequence[Region]]]) -> Transcript:
    """Every word of the regions gives way to the redactor's replacement; times and punctuation stay."""
    replacements: dict[Place, str] = {}
    for redactor, regions in found:
        if redactor.replacement is not None:
            for region in regions:
                replacements |= dict.fromkeys(region.places - replacements.keys(), redactor.replacement)
    if not replacements:
        return transcript
    turns = tuple(_redact_turn(number, turn, replacements) for number, turn in enumerate(transcript.turns))
    return replace(transcript, turns=turns)


def tone_redactions(found: Iterable[tuple[Redactor, Sequence[Region]]]) -> tuple[ToneRedaction, ...]:
    """Stretches of audio per tone, widened by MARGIN_MS on both sides, joined where they touch.

    No two of the results overlap: where two redactors cover the same moment, the first one's tone sounds.
    """
    covered: list[tuple[int, int]] = []
    by_tone: dict[tuple[int, float], list[tuple[int, int]]] = {}
    for redactor, regions in found:
        if redactor.tone_hz is None:
            continue
        wanted = _union(
            (max(region.start_ms - MARGIN_MS, 0), region.end_ms + MARGIN_MS) for region in regions
        )
        fresh = [part for stretch in wanted for part in _without(stretch, covered)]
        by_tone.setdefault((redactor.tone_hz, redactor.gain), []).extend(fresh)
        covered = _union([*covered, *wanted])
    return tuple(
        ToneRedaction(tuple(_union(stretches)), tone, gain)
        for (tone, gain), stretches in by_tone.items()
        if stretches
    )


def _redact_turn(number: int, turn: Turn, replacements: Mapping[Place, str]) -> Turn:
    words = list(turn.words)
    for place, word in enumerate(words):
        if (number, place) in replacements:
            tail = word.text[len(word.text.rstrip(_TAIL)) :]
            words[place] = replace(word, text=replacements[number, place] + tail, voice=None)
    return replace(turn, words=tuple(words))


def _union(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _without(stretch: tuple[int, int], covered: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of a stretch that no covered one holds. covered: in order, apart."""
    start, end = stretch
    left = []
    for other_start, other_end in covered:
        if other_end <= start or other_start >= end:
            continue
        left.append((start, other_start))
        start = max(start, other_end)
    left.append((start, end))
    return [(first, last) for first, last in left if first < last]
