"""When a delivery is tried again; pure.

Source: docs/how-to-guides/callbacks.rst of the archived VoiceBase documentation: 7 slots of 3 tries, the last
15 h 45 min after the first. Tries of one slot follow each other at once, a second or two apart.
"""

from datetime import datetime, timedelta

from callpost.model.delivery import Delivered, Hopeless, Outcome, Refused, RetrySchedule

_BETWEEN_S = 1.0
_JITTER = 0.05


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
