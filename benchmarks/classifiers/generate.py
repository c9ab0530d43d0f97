"""Calls made from the phrases of wordings.txt: fifteen kinds, no two alike, misheard here and there."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from callpost.model.transcript import Transcript, Turn, Word

REASONS = ("billing", "cancellation", "technical", "delivery", "sales")
OUTCOMES = ("resolved", "unresolved", "callback")

_WORDINGS = Path(__file__).with_name("wordings.txt")
_SLOTS = {
    "company": ("Lakeside", "Northwind", "Blue Fox", "Maple Home", "Corvid Mobile"),
    "agent": ("Dana", "Luis", "Kelly", "Mo", "Priya", "Sam"),
    "caller": ("John Miller", "Ana Lopez", "Grace Kim", "Peter Novak", "Aisha Brown", "Tom Weber"),
    "daytime": ("morning", "afternoon", "evening"),
    "digits": ("4 0 7 2", "88 15 30", "five five one two", "20934", "seven oh three nine"),
    "years": ("two", "three", "five", "ten"),
    "money": ("$14.99", "forty dollars", "$138.65", "ninety nine cents", "$60"),
    "month": ("March", "June", "September", "November"),
    "weekday": ("Monday", "Tuesday", "Thursday", "Saturday"),
}
_HESITATIONS = ("um", "uh", "you know", "like", "I mean", "well")
_MISHEARD = ("the", "a", "and", "it", "that", "in", "for", "so", "two", "right", "or", "an")


@dataclass(frozen=True)
class Call:
    """wording: "A", "B", or "AB" where both people's phrases are used."""

    transcript: Transcript
    reason: str
    outcome: str
    wording: str

    @property
    def text(self) -> str:
        return "\n".join(turn.text for turn in self.transcript.turns)


def calls(count: int, wording: str, seed: int, *, errors: float = 0.08) -> list[Call]:
    """`count` calls in which one of twelve words is dropped, doubled or misheard (errors)."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, nothing to guess
    phrases = _phrases()
    return [_call(chance, phrases, wording, errors) for _ in range(count)]


def _phrases() -> dict[str, list[str]]:
    text = re.sub(r"^#.*$", "", _WORDINGS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = re.split(r"^== (.*)$", text, flags=re.MULTILINE)[1:]
    return {
        name: body.split("\n")[1:]
        for name, body in zip(parts[::2], map(str.rstrip, parts[1::2]), strict=True)
    }


def _call(chance: random.Random, phrases: dict[str, list[str]], wording: str, errors: float) -> Call:
    # Uneven, as reasons and outcomes are: the largest class is what a guess is measured against.
    reason = chance.choices(REASONS, (30, 15, 25, 20, 10))[0]
    outcome = chance.choices(OUTCOMES, (50, 25, 25))[0]

    def of(kind: str, least: int, most: int) -> list[str]:
        known = [phrase for person in wording for phrase in phrases[f"{kind} {person}"]]
        return chance.sample(known, chance.randint(least, most))

    def shared(name: str, least: int, most: int) -> list[str]:
        return chance.sample(phrases[name], chance.randint(least, most))

    matter = of(f"reason {reason}", 1, 3) + shared("aside", 0, 2) + shared("smalltalk", 1, 4)
    if chance.random() < 0.3:  # many a call touches on a second matter
        other = chance.choice([name for name in REASONS if name != reason])
        matter += of(f"reason {other}", 1, 1)
    chance.shuffle(matter)
    ending = of(f"outcome {outcome}", 1, 2)
    opening = shared("greeting", 1, 1) + shared("verify", 0, 1) + shared("identify", 0, 1)
    lines = [*opening, *matter, *ending, *shared("smalltalk", 0, 1), *shared("closing", 1, 2)]
    return Call(_transcript(chance, lines, errors), reason, outcome, wording)


def _transcript(chance: random.Random, lines: Sequence[str], errors: float) -> Transcript:
    turns, clock = [], 0
    for number, line in enumerate(lines):
        words = []
        for text in _heard(chance, _filled(chance, line), errors):
            words.append(Word(text, clock, clock + 300, 0.9))
            clock += 350
        if words:
            turns.append(Turn(("Agent", "Caller")[number % 2], number % 2, tuple(words)))
    return Transcript(tuple(turns))


def _filled(chance: random.Random, line: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda slot: chance.choice(_SLOTS[slot[1]]), line)


def _heard(chance: random.Random, line: str, errors: float) -> list[str]:
    heard = []
    for word in line.split():
        if chance.random() < 0.05:
            heard += chance.choice(_HESITATIONS).split()
        if chance.random() >= errors:
            heard.append(word)
        else:
            heard += chance.choice(((), (word, word), (chance.choice(_MISHEARD),)))
    return heard
