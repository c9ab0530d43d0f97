"""Which stretches of the audio give way to a tone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToneRedaction:
    """regions: (start_ms, end_ms), ordered and apart from each other. tone_hz: 0 for silence. gain: 0..1."""

    regions: tuple[tuple[int, int], ...]
    tone_hz: int
    gain: float
