"""How far a recording is, counted from several threads and told by one of them at a time."""

import threading

from callpost.speech.audio import Report


class LeftOff(Exception):
    """Nobody waits any more for what is being recognised."""


class Progress:
    """How far a recording is, told by whichever thread has done something. total_ms: 0 where nobody knows."""

    def __init__(self, report: Report, total_ms: int) -> None:
        self._report = report
        self._total_ms = total_ms
        self._heard_ms = self._earlier_ms = 0.0
        self._telling = threading.Lock()
        self._left_off = False

    def go_on(self, earlier_ms: int) -> None:
        """earlier_ms: of sound that was worked through before this process."""
        self._heard_ms = self._earlier_ms = earlier_ms

    def add(self, more_ms: float, length_ms: int = 0) -> None:
        """more_ms: worked through now. length_ms: of sound there is at least."""
        with self._telling:
            if self._left_off:
                raise LeftOff
            self._heard_ms += more_ms
            self._total_ms = max(self._total_ms, length_ms)
            share = self._heard_ms / max(1, self._total_ms)
            self._report(min(0.99, share), int(self._heard_ms - self._earlier_ms))

    def end(self, length_ms: int) -> None:
        self._report(1.0, int(length_ms - self._earlier_ms))

    def leave_off(self) -> None:
        """Whoever adds something from now on hears that it is in vain."""
        self._left_off = True
