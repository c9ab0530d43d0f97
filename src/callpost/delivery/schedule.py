"""When a delivery is tried again; pure.

Source: docs/how-to-guides/callbacks.rst of the archived VoiceBase documentation: 7 slots of 3 tries, the last
15 h 45 min after the first. Tries of one slot follow each other at once, a second or two apart.
"""

from datetime import datetime, timedelta

from callpost.errors import Problem, Rejected
from callpost.model.delivery import Delivered, Hopeless, Outcome, Refused, RetrySchedule

_BETWEEN_S = 1.0
_JITTER = 0.05

MOST_SLOTS = 20
MOST_TRIES_PER_SLOT = 10
LONGEST_S = 7 * 24 * 3600

_BAD_VALUE = 10007


def require_possible(schedule: RetrySchedule, waits: str, tries: str) -> None:
    """Whether an organization may have this schedule; waits, tries: what the caller calls the two.

    Raises Rejected (10007) with everything that is wrong.
    """
    given, per_slot = schedule.slots_s, schedule.tries_per_slot
    rules = (
        (1 <= len(given) <= MOST_SLOTS, waits, f"A schedule has 1 to {MOST_SLOTS} slots."),
        (given[:1] == (0,), waits, "The first slot waits 0 seconds: a delivery is tried at once."),
        (all(wait >= 1 for wait in given[1:]), waits, "The slots after the first wait a second at least."),
        (list(given) == sorted(given), waits, "No slot waits less than the one before."),
        (schedule.length_s <= LONGEST_S, waits, f"A schedule lasts {LONGEST_S} seconds (7 days) at most."),
        (1 <= per_slot <= MOST_TRIES_PER_SLOT, tries, f"A slot has 1 to {MOST_TRIES_PER_SLOT} tries."),
    )
    if problems := [Problem(_BAD_VALUE, text, name) for holds, name, text in rules if not holds]:
        raise Rejected(problems)


def next_try(
    schedule: RetrySchedule, tries: int, outcome: Outcome, now: datetime, jitter: float
) -> datetime | None:
    """When to try again after `tries` tries that counted, the one just made included; None: never.

    jitter: 0..1, at random, so that what failed together does not come back together: up to 5 % earlier or
    later.
    """
    if isinstance(outcome, Delivered) or tries >= schedule.tries:
        return None
    if isinstance(outcome, Hopeless) and not schedule.strict:
        return None
    slot, position = divmod(tries, schedule.tries_per_slot)
    wait_s = (
        _BETWEEN_S * (0.5 + jitter) if position else schedule.slots_s[slot] * (1 + _JITTER * (2 * jitter - 1))
    )
    return now + timedelta(seconds=max(wait_s, asked_s(outcome)))


def asked_s(outcome: Outcome) -> float:
    """How long the destination asked to be left alone, in seconds."""
    return (outcome.retry_after_s or 0.0) if isinstance(outcome, Refused) else 0.0
