"""Decoding many windows with several threads: batches of like length, doubtful windows a second time."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed

from callpost.speech.whisper import BATCH, Decoded, Whisper
from callpost.speech.windows import Window

_SECOND_LOOK_BATCH = 4
_BATCHES_PER_THREAD = 2  # at least, where there is so much: the threads then end at about the same time

Progress = Callable[[float], None]


def decode(
    whisper: Whisper, windows: Sequence[Window], pool: Executor, threads: int, progress: Progress
) -> list[Decoded]:
    """The reading of each window, in the order given. progress: called with 0..1 of these windows."""
    lengths = [len(window.samples) for window in windows]
    readings: dict[int, Decoded] = {}
    work = {
        pool.submit(whisper.decode, [windows[number] for number in batch]): batch
        for batch in batched(lengths, threads)
    }
    for future in as_completed(work):
        readings.update(zip(work[future], future.result(), strict=True))
        progress(sum(lengths[number] for number in readings) / sum(lengths))
    readings.update(_second_look(whisper, windows, readings, pool, threads))
    return [readings[number] for number in range(len(windows))]


def batched(lengths: Sequence[int], threads: int) -> list[list[int]]:
    """Numbers of windows, the longest first, in batches that cost about the same.

    A batch costs its longest window times its size, as shorter ones are padded.
    """
    budget = max(1, sum(lengths) // (threads * _BATCHES_PER_THREAD))
    batches: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        fits = batches and len(batches[-1]) < BATCH
        if fits and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= budget:
            batches[-1].append(number)
        else:
            batches.append([number])
    return batches


def _second_look(
    whisper: Whisper,
    windows: Sequence[Window],
    readings: dict[int, Decoded],
    pool: Executor,
    threads: int,
) -> dict[int, Decoded]:
    doubtful = [number for number, reading in readings.items() if reading.doubtful]
    doubtful.sort(key=lambda number: -len(windows[number].samples))
    groups = [
        group
        for kind in (True, False)  # what repeats itself costs more to look at
        for group in _even([n for n in doubtful if readings[n].repeats is kind], threads)
    ]

    def look(group: list[int]) -> list[Decoded]:
        return whisper.look_again([windows[n] for n in group], [readings[n] for n in group])

    looked = pool.map(look, groups)
    return {
        n: reading
        for group, found in zip(groups, looked, strict=True)
        for n, reading in zip(group, found, strict=True)
    }


def _even(numbers: Sequence[int], threads: int) -> list[Sequence[int]]:
    """Groups for so many threads, none larger than a batch of the second look."""
    size = min(_SECOND_LOOK_BATCH, -(-len(numbers) // threads)) or 1
    return [numbers[at : at + size] for at in range(0, len(numbers), size)]
