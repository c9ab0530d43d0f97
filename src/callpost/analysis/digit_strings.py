"""Numbers read out over several words, breaths and turns: numerals joined into digit strings.

One speaker's numerals belong together while the words between are only hesitation, a correction or a nod, and
the other speaker only echoes or nods. A word that says what the next number is ("expires") parts them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from callpost.analysis.cue_phrases import Subject
from callpost.analysis.cues import Cues
from callpost.analysis.dialogue import Dialogue, Said, Spoken
from callpost.analysis.numbers import Kind

_PAUSE_MS = 25_000
_OWN_WORDS = 2
_OTHER_WORDS = 8


@dataclass(frozen=True, slots=True)
class DigitString:
    """What one speaker read out. numerals: in order; digits: all of theirs together."""

    numerals: tuple[Spoken, ...]

    @property
    def speaker(self) -> str:
        return self.numerals[0].speaker

    @property
    def digits(self) -> str:
        return "".join(numeral.digits for numeral in self.numerals)

    @property
    def first(self) -> int:
        return self.numerals[0].first

    @property
    def last(self) -> int:
        return self.numerals[-1].last

    @property
    def start_ms(self) -> int:
        return self.numerals[0].start_ms

    @property
    def end_ms(self) -> int:
        return max(numeral.end_ms for numeral in self.numerals)


def digit_strings(dialogue: Dialogue, cues: Cues) -> tuple[DigitString, ...]:
    """All of them, by position. Amounts, quantities, times and ordinals are none."""
    by_speaker: dict[str, list[Spoken]] = {}
    for numeral in dialogue.numerals:
        by_speaker.setdefault(numeral.speaker, []).append(numeral)
    found = [
        DigitString(tuple(chain)) for own in by_speaker.values() for chain in _chains(own, dialogue, cues)
    ]
    return tuple(sorted(found, key=lambda string: string.first))


def _chains(own: Iterable[Spoken], dialogue: Dialogue, cues: Cues) -> Iterator[list[Spoken]]:
    chain: list[Spoken] = []
    for numeral in own:
        readable = _is_read_out(numeral)
        if chain and not (readable and _goes_on(chain[-1], numeral, dialogue, cues)):
            yield chain
            chain = []
        if readable:
            chain.append(numeral)
    if chain:
        yield chain


def _is_read_out(numeral: Spoken) -> bool:
    if numeral.kind is Kind.CARDINAL:
        return not re.search(r"\.\d{1,2}$", numeral.written or "")
    return numeral.kind is Kind.DIGITS


def _goes_on(left: Spoken, right: Spoken, dialogue: Dialogue, cues: Cues) -> bool:
    """Whether two neighbouring numerals of one speaker belong to one number."""
    if right.start_ms - left.end_ms > _PAUSE_MS:
        return False
    between = dialogue.words[left.last + 1 : right.first]
    own = [word for word in between if word.speaker == left.speaker]
    others = [word for word in between if word.speaker != left.speaker]
    known = dialogue.tongue.tolerated
    if _strange(own, known) > _OWN_WORDS or _strange(others, known) > _OTHER_WORDS:
        return False
    return all(_harmless(cue.subject, own) for cue in cues.within(left.last, right.first))


def _harmless(subject: Subject, own: Sequence[Said]) -> bool:
    """A card spoken of amid a correction parts nothing: "four one, sorry, the card is worn, one one"."""
    corrected = any(word.text in {"sorry", "wait", "no", "perdon", "espere", "espera"} for word in own)
    return subject is Subject.CARD and (corrected or not own)


def _strange(said: Iterable[Said], known: frozenset[str]) -> int:
    return sum(word.text not in known and not word.text.isdigit() for word in said)
