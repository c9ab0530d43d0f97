"""Who may be at work in the recogniser's process at the same time, and how much of it each has had."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


class _Ticket:
    def __init__(self, model: str, *, alone: bool) -> None:
        self.model = model
        self.alone = alone
        self.admitted = asyncio.Event()

    def goes_with(self, other: "_Ticket") -> bool:
        return self.model == other.model and not self.alone and not other.alone


class Gate:
    """Lets in whoever wants the same model as those inside, in the order of coming.

    Whoever has to be alone goes before those that wait: it was inside before. clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._inside: list[_Ticket] = []
        self._waiting: deque[_Ticket] = deque()
        self._clock = clock
        self._share_s, self._counted_s = 0.0, clock()

    @property
    def inside(self) -> int:
        return len(self._inside)

    def share(self) -> float:
        """A clock, in seconds, that goes only as fast as one of those inside gets on: half, where two are."""
        now = self._clock()
        self._share_s += (now - self._counted_s) / max(1, len(self._inside))
        self._counted_s = now
        return self._share_s

    @asynccontextmanager
    async def entered(self, model: str, *, alone: bool = False) -> AsyncIterator[None]:
        """Wait to be let in, and be inside."""
        ticket = _Ticket(model, alone=alone)
        if alone:
            self._waiting.appendleft(ticket)
        else:
            self._waiting.append(ticket)
        try:
            self._admit()
            await ticket.admitted.wait()
            yield
        finally:
            self._leave(ticket)

    def _admit(self) -> None:
        while self._waiting and all(map(self._waiting[0].goes_with, self._inside)):
            self.share()
            ticket = self._waiting.popleft()
            self._inside.append(ticket)
            ticket.admitted.set()

    def _leave(self, ticket: _Ticket) -> None:
        self.share()
        for where in (self._inside, self._waiting):
            with suppress(ValueError):
                where.remove(ticket)
        self._admit()
