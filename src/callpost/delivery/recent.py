"""Values that are costly to make, kept for those who ask for them within the next moments."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class _Kept(Generic[Value]):
    task: asyncio.Task[Value]
    until: float
    weight: int = 0


class Recent(Generic[Key, Value]):
    """Each value is made once, however many ask for it at the same time, and kept for `lasts_s`: the ones
    asked for last, as far as they weigh no more than `room` together. A failure is told to all who wait, and
    not kept.
    """

    def __init__(
        self,
        room: int,
        weigh: Callable[[Value], int],
        *,
        lasts_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """room: in whatever unit `weigh` counts. clock: seconds."""
        self._room = room
        self._weigh = weigh
        self._lasts_s = lasts_s
        self._clock = clock
        self._kept: OrderedDict[Key, _Kept[Value]] = OrderedDict()
        self.weight = 0

    async def get(self, key: Key, make: Callable[[], Awaitable[Value]]) -> Value:
        """The value of `key`, made now unless it is there or on its way. Raises what `make` raises."""
        kept = self._kept.get(key)
        if kept is None or kept.until <= self._clock():
            self._drop(key)
            kept = _Kept(asyncio.ensure_future(make()), self._clock() + self._lasts_s)
            self._kept[key] = kept
            kept.task.add_done_callback(lambda task: self._made(key, task))
        self._kept.move_to_end(key)
        # One who stops waiting must not take the value from the others.
        return await asyncio.shield(kept.task)

    def _made(self, key: Key, task: asyncio.Task[Value]) -> None:
        failed = task.cancelled() or task.exception() is not None
        kept = self._kept.get(key)
        if kept is None or kept.task is not task:
            return
        if failed:
            self._drop(key)
            return
        kept.weight = self._weigh(task.result())
        self.weight += kept.weight
        while self.weight > self._room:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        if kept := self._kept.pop(key, None):
            self.weight -= kept.weight
