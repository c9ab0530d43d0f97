"""Decoding many windows with several threads: passages in batches of like length, doubtful ones again."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from functools import partial
from typing import Any, TypeVar

from callpost.model.transcript import Word
from callpost.speech import passages
from callpost.speech.passages import Passage
from callpost.speech.whisper import BATCH, Decoded, Encoded, Look, Whisper
from callpost.speech.windows import Window

_Result = TypeVar("_Result")


def decode(
    whisper: Whisper,
    windows: Sequence[Window],
    pool: Executor,
    threads: int,
    progress: Callable[[float], None],
    *,
    spare: Callable[[], None],
) -> list[tuple[Word, ...]]:
    """The words of each window, in the order given.

    progress: called with 0..1 of these windows. spare: called when threads have nothing to do any more.
    """
    joined = passages.joined(windows, whisper.longest)
    lengths = [len(passage) for passage in joined]
    batches = [[joined[number] for number in batch] for batch in batched(lengths, threads)]
    decoding = _Decoding(whisper, pool, threads, spare)
    words = decoding.run(batches, lambda heard: progress(heard / sum(lengths)))
    return [words[number] for number in range(len(windows))]


class _Decoding:
    """Passages on their way through the pool, where each result tells what is to be done next.

    Steps are short, so that no thread is left with much to do when the others have done. What is furthest
    goes first; reading, the longest step, is done by all threads at the same time.
    """

    def __init__(self, whisper: Whisper, pool: Executor, threads: int, spare: Callable[[], None]) -> None:
        self._whisper = whisper
        self._spare = spare
        self._pool = pool
        self._threads = threads
        self._ready: deque[tuple[Callable[[Any], None], Callable[[], Any]]] = deque()
        self._under_way: dict[Future[Any], Callable[[Any], None]] = {}
        self._words: dict[int, tuple[Word, ...]] = {}
        self._heard = 0

    def run(
        self, batches: Sequence[Sequence[Passage]], heard: Callable[[int], None]
    ) -> dict[int, tuple[Word, ...]]:
        """The words of each window, by its number. heard: called with how many samples have been decoded."""
        for first in reversed(range(0, len(batches), self._threads)):
            self._encode(batches[first : first + self._threads])
        try:
            while self._ready or self._under_way:
                self._submit()
                done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
                for step in done:
                    self._under_way.pop(step)(step.result())
                heard(self._heard)
        finally:
            for step in self._under_way:
                step.cancel()  # nobody waits for the rest where one has failed, or nobody wants them
        return self._words

    def _submit(self) -> None:
        while self._ready and len(self._under_way) < self._threads:
            go_on, step = self._ready.popleft()
            self._under_way[self._pool.submit(step)] = go_on
        if len(self._under_way) < self._threads:
            self._spare()

    def _then(self, go_on: Callable[[_Result], None], step: Callable[[], _Result]) -> None:
        """A step to be done before all that wait."""
        self._ready.appendleft((go_on, step))

    def _encode(self, batches: Sequence[Sequence[Passage]]) -> None:
        """As many as there are threads, read when all are encoded: else one thread has the last to itself."""
        encoded: list[dict[int, Encoded]] = [{} for _ in batches]
        left = sum(map(len, batches))

        def take(batch: int, number: int, one: Encoded) -> None:
            nonlocal left
            encoded[batch][number] = one
            left -= 1
            if not left:
                self._look(encoded)

        for at, batch in reversed([*enumerate(batches)]):
            for number, passage in reversed([*enumerate(batch)]):
                self._then(partial(take, at, number), partial(self._whisper.encode, passage))

    def _look(self, batches: Sequence[dict[int, Encoded]]) -> None:
        for encoded in reversed(batches):
            ordered = [encoded[number] for number in range(len(encoded))]
            self._then(self._looked, partial(self._whisper.look, ordered))

    def _looked(self, looks: Sequence[Look]) -> None:
        """First comes what goes in circles, as it is decoded once more; then what is searched for."""
        unsure = [look for look in looks if look.unsure]
        self._place([look for look in looks if not look.unsure and not look.text.circling])
        if unsure:
            self._then(self._place, partial(self._whisper.search, unsure))
        self._place([look for look in looks if look.text.circling])

    def _place(self, looks: Sequence[Look]) -> None:
        for look in looks:
            self._then(self._placed, partial(self._whisper.decoded, look))

    def _placed(self, decoded: Decoded) -> None:
        self._take([decoded])
        self._heard += len(decoded.passage)
        if decoded.doubtful:
            self._then(self._take, partial(self._whisper.look_again, decoded))

    def _take(self, decoded: Sequence[Decoded]) -> None:
        for one in decoded:
            self._words.update(zip(one.passage.numbers, one.heard, strict=True))


def batched(lengths: Sequence[int], threads: int) -> list[list[int]]:
    """Numbers of passages, the longest first, in batches of like length that cost about the same.

    As few as the threads can share evenly. A batch costs its longest passage times its size, as shorter ones
    are padded.
    """
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    most = threads * -(-len(order) // (threads * BATCH))
    budgets = sorted({lengths[number] * size for number in order for size in range(1, BATCH + 1)})
    at = bisect_left(budgets, True, key=lambda budget: len(_within(budget, order, lengths)) <= most)
    return _within(budgets[at], order, lengths) if order else []


def _within(budget: int, order: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Batches in this order, none of which costs more than the budget unless it is a single passage."""
    batches: list[list[int]] = []
    for number in order:
        if batches and len(batches[-1]) < min(BATCH, budget // max(1, lengths[batches[-1][0]])):
            batches[-1].append(number)
        else:
            batches.append([number])
    return batches
