"""When a recording that comes in now will be ready to be delivered; pure.

Only that decides whether a pre-signed URL lives long enough, and nothing else depends on it. Where something
is not known, the estimate is rather too late than too early.
"""

from datetime import datetime, timedelta

from callpost.store.workers import Backlog

BYTES_PER_S = 2000
"""16 kbit/s: recordings of calls are seldom kept in less, so that they are seldom longer than this says."""

USUAL_LENGTH_MS = 600_000
"""Ten minutes: what a recording counts for of which nothing is known, until there have been some here."""

USUAL_SPEED = 5.0
"""Times as fast as it was spoken: what a worker is taken to manage until it has been measured here."""

_FEWEST_WAV_BYTES = 36
_WAV_RATES = range(500, 6_200_000)  # from GSM at 8 kHz to 8 channels of 24 bits at 192 kHz, bytes per second


def ready_at(now: datetime, length_ms: float | None, backlog: Backlog) -> datetime:
    """When a recording accepted now has been recognised. length_ms: None where nothing is known of it.

    What waits is shared by all workers (one where there is none at this moment); the recording itself is one
    worker's. Priorities are not considered.
    """
    own_ms = next(known for known in (length_ms, backlog.length_ms, USUAL_LENGTH_MS) if known is not None)
    sound_ms = backlog.waiting_ms / max(1, backlog.workers) + own_ms
    return now + timedelta(milliseconds=sound_ms / (backlog.speed or USUAL_SPEED))


def length_ms(head: bytes, size: int) -> int:
    """How long a recording of `size` bytes is thought to be, in milliseconds; `head` is its beginning.

    By what a WAV header says of its bytes per second, in any other container by BYTES_PER_S. The header is a
    number at a known place: nothing is decoded here.
    """
    return round(size * 1000 / (_wav_rate(head) or BYTES_PER_S))


def _wav_rate(head: bytes) -> int | None:
    """Bytes per second, as the fmt chunk at the beginning of a WAV file has it."""
    if len(head) < _FEWEST_WAV_BYTES or head[:4] != b"RIFF" or head[8:16] != b"WAVEfmt ":
        return None
    rate = int.from_bytes(head[28:32], "little")
    return rate if rate in _WAV_RATES else None
