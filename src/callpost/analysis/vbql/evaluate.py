"""Whether a recording is as a VBQL condition says, and where in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from callpost.analysis.vbql import fields
from callpost.analysis.vbql.fields import UNKNOWN, Facts
from callpost.analysis.vbql.query import Compare, Condition, Every, Not, Says, Some
from callpost.analysis.vbql.spoken import Heard, Match

MOST_HITS = 1000
"""That are told of one recording, the first ones."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase as it was said. phrase: as the query has it; turn: from 0; times in milliseconds."""

    phrase: str
    speaker: str
    turn: int
    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """hits: by time; none where it does not match, or nothing said is asked for."""

    matches: bool
    hits: tuple[Hit, ...] = ()


def evaluate(condition: Condition, facts: Facts, heard: Heard) -> Verdict:
    """What there is to say. Raises TooBroad where the condition finds more than can be told."""
    found = _evaluate(condition, facts, heard)
    if found is None:
        return Verdict(matches=False)
    hits = sorted(
        {_hit(match, heard) for match in found}, key=lambda hit: (hit.start_ms, hit.turn, hit.end_ms)
    )
    return Verdict(True, tuple(hits[:MOST_HITS]))


def possible(condition: Condition, facts: Facts) -> bool:
    """Whether it can still match, as far as is known before anybody has looked at the results."""
    return _known(condition, facts) is not False


def _evaluate(condition: Condition, facts: Facts, heard: Heard) -> Sequence[Match] | None:
    """What was found; None where the condition does not hold."""
    match condition:
        case Says(speaker, spoken):
            turns = heard.find(spoken, speaker)
            return [match for matches in turns.values() for match in matches] if turns else None
        case Compare():
            return () if fields.compare(condition, facts.value(condition.path)) else None
        case Not(part):
            return () if _evaluate(part, facts, heard) is None else None
        case Every(parts):
            every = [_evaluate(part, facts, heard) for part in parts]
            return None if None in every else [match for found in every if found for match in found]
        case Some(parts):
            some = [found for part in parts if (found := _evaluate(part, facts, heard)) is not None]
            return [match for found in some for match in found] if some else None


def _known(condition: Condition, facts: Facts) -> bool | None:
    match condition:
        case Compare(path):
            value = facts.value(path)
            return None if value is UNKNOWN else fields.compare(condition, value)
        case Not(part):
            known = _known(part, facts)
            return None if known is None else not known
        case Every(parts):
            every = [_known(part, facts) for part in parts]
            return False if False in every else (None if None in every else True)
        case Some(parts):
            some = [_known(part, facts) for part in parts]
            return True if True in some else (None if None in some else False)
    return None


def _hit(match: Match, heard: Heard) -> Hit:
    turn = heard.turn_of[match.first]
    return Hit(
        match.source,
        heard.turns[turn].speaker,
        turn,
        heard.start_ms(match),
        heard.end_ms(match),
        heard.text(match),
    )
