"""kill -9, at moments that a seed decides: some anywhere, some right when something is being committed."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.installation import Installation

_CUE_S = 4.0
_AFTER_CUE_S = 0.1
_RETRY_S = 0.05
_LONGEST_S = 10.0
_FROZEN_S = (11.0, 16.0)
"""Longer than it takes others to count a worker as dead."""

_FIRST = ("api", "one worker", "PostgreSQL", "everything at once")
"""What even the shortest run kills."""

_WEIGHTS = {
    "api": 4,
    "one worker": 4,
    "all workers": 2,
    "PostgreSQL": 4,
    "one PostgreSQL backend": 2,
    "PostgreSQL's keeper": 1,
    "everything at once": 1,
}


@dataclass
class Killer:
    """cue: set when something is about to be written down. progress: how much has been done so far.

    pause_s: mean time between two kills, to which comes the time that some work takes: on average `work`.
    """

    installation: Installation
    cue: threading.Event
    chance: random.Random
    pause_s: float
    progress: Callable[[], int]
    work: float
    done: Counter[str] = field(default_factory=Counter)
    freezes: int = 0
    tell: Callable[[str], None] = lambda _: None

    @property
    def kills(self) -> int:
        return self.done.total()

    def run(self, count: int, freezes: int, stop: threading.Event) -> None:
        """So many kills, each kind once if there are enough; after some, a worker is frozen for a while."""
        kinds = [*_FIRST, *(kind for kind in _WEIGHTS if kind not in _FIRST)]
        kinds += self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=max(0, count - len(kinds)))
        kinds = kinds[:count]
        self.chance.shuffle(kinds)
        frozen_after = set(self.chance.sample(range(count), min(freezes, count)))
        for number, kind in enumerate(kinds):
            if stop.wait(self.chance.uniform(0, 2 * self.pause_s)):
                return
            self._await_work(stop)
            self._await_moment()
            self._kill(kind, stop)
            if number in frozen_after:
                self._freeze()

    def _await_work(self, stop: threading.Event) -> None:
        """So that kills are spread over the work, however fast the machine is."""
        enough = self.progress() + self.chance.uniform(0, 2 * self.work)
        deadline = time.monotonic() + _LONGEST_S
        while self.progress() < enough and time.monotonic() < deadline and not stop.wait(_RETRY_S):
            pass

    def _await_moment(self) -> None:
        if self.chance.random() < 0.75:
            self.cue.clear()
            self.cue.wait(_CUE_S)
            time.sleep(self.chance.uniform(0, _AFTER_CUE_S))

    def _kill(self, kind: str, stop: threading.Event) -> None:
        while not self._hits(kind)():
            if stop.wait(_RETRY_S):
                return
        self.done[kind] += 1
        self.tell(f"killed: {kind}")

    def _hits(self, kind: str) -> Callable[[], bool]:
        place = self.installation
        workers = [lambda part=part: part.signal(signal.SIGKILL) for part in place.workers]
        api = lambda: place.api.signal(signal.SIGKILL)  # noqa: E731
        every = [*workers, api, place.kill_server]
        return {
            "api": api,
            "one worker": self.chance.choice(workers),
            "all workers": lambda: _all(workers),
            "PostgreSQL": place.kill_server,
            "one PostgreSQL backend": place.kill_backend,
            "PostgreSQL's keeper": place.kill_keeper,
            "everything at once": lambda: _all(every),
        }[kind]

    def _freeze(self) -> None:
        """A worker stands still for longer than others wait for it, and then goes on."""
        part = self.chance.choice(self.installation.workers)
        if part.signal(signal.SIGSTOP):
            self.freezes += 1
            self.tell(f"frozen: {part.name}")
            thaw = threading.Timer(self.chance.uniform(*_FROZEN_S), part.signal, [signal.SIGCONT])
            thaw.daemon = True
            thaw.start()


def _all(hits: Sequence[Callable[[], bool]]) -> bool:
    """Every one of them; whether any had something to hit."""
    done = [hit() for hit in hits]
    return any(done)
