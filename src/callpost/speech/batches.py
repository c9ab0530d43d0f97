"""Decoding many windows with several threads: passages in batches of like length, doubtful ones again."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed

from callpost.model.transcript import Word
from callpost.speech import passages
from callpost.speech.whisper import BATCH, Decoded, Whisper
from callpost.speech.windows import Window

Progress = Callable[[float], None]


def decode(
    whisper: Whisper, windows: Sequence[Window], pool: Executor, threads: int, progress: Progress
) -> list[tuple[Word, ...]]:
    """The words of each window, in the order given. progress: called with 0..1 of these windows."""
    joined = passages.joined(windows)
    lengths = [len(passage) for passage in joined]
    work = {
        pool.submit(whisper.decode, [joined[number] for number in batch]): batch
        for batch in batched(lengths, threads)
    }
    looks: dict[Future[Decoded], int] = {}
    decoded: dict[int, Decoded] = {}
    try:
        for future in as_completed(work):
            decoded.update(zip(work[future], future.result(), strict=True))
            for number in work[future]:
                if decoded[number].doubtful:
                    looks[pool.submit(whisper.look_again, joined[number], decoded[number])] = number
            progress(sum(lengths[number] for number in decoded) / sum(lengths))
        decoded.update((number, look.result()) for look, number in looks.items())
    finally:
        for waiting in work.keys() | looks.keys():
            waiting.cancel()  # nobody waits for the rest where one has failed, or nobody wants them
    words: list[tuple[Word, ...]] = [()] * len(windows)
    for number, passage in enumerate(joined):
        for window, heard in zip(passage.numbers, decoded[number].heard, strict=True):
            words[window] = heard
    return words


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
