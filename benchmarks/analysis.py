"""What each section costs for a call of an hour: `python -m benchmarks.analysis [--runs 3]`.

The call is made of the labelled dialogues of benchmarks/detection and benchmarks/knowledge, one after the
other, until 10,000 words have been said, by two speakers. Loading the models, which happens once per process,
is measured by itself.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from statistics import median
from typing import TypeVar

from benchmarks.detection.labelled import hand_written
from benchmarks.knowledge.measure import calls

from callpost.analysis.analyze import analyze
from callpost.analysis.attempts import Attempts
from callpost.model.configuration import (
    Configuration,
    DetectorRequest,
    MetricGroup,
    Redactor,
    SpottingGroup,
)
from callpost.model.transcript import Transcript, Turn

T = TypeVar("T")

_WORDS = 10_000
_PAYMENTS = 8  # dialogues with card numbers, whose many digits cost more to parse once they are redacted
_PHRASES = ("refund", "cancel my service", "speak to a manager", "wi-fi", "credit card")
_WANTED = Configuration(
    classifiers=("sentiment", "voicemail"),
    detectors=tuple(DetectorRequest(name, redactor=Redactor("[redacted]", 270)) for name in ("PCI", "SSN")),
    spotting=tuple(SpottingGroup(f"group {number}", _PHRASES) for number in range(10)),
    metrics=tuple(MetricGroup),
    speaker_sentiments=True,
    verb_noun_pairs=True,
    entities=True,
    profanity_filtering=True,
)


class _Timed(Attempts):
    """Measures each section: wall seconds, and of the CPU."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.seconds: dict[str, float] = defaultdict(float)

    def make(
        self, what: str, code: int, make: Callable[[], T], *, languages: tuple[str, ...] | None = ("en",)
    ) -> T | None:
        began = time.process_time()
        try:
            return super().make(what, code, make, languages=languages)
        finally:
            self.seconds[what] += time.process_time() - began


def an_hour() -> Transcript:
    return Transcript(tuple(_turns()))


def _turns() -> Iterator[Turn]:
    dialogues = [one.transcript for one in (*calls(), *hand_written()[:_PAYMENTS])]
    clock = words = 0
    for dialogue in cycle(dialogues):
        for turn in dialogue.turns:
            moved = (
                replace(word, start_ms=word.start_ms + clock, end_ms=word.end_ms + clock)
                for word in turn.words
            )
            yield replace(turn, words=tuple(moved))
            words += len(turn.words)
            if words >= _WORDS:
                return
        clock += max(turn.end_ms for turn in dialogue.turns) + 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    call = an_hour()
    began = time.process_time()
    analyze(Transcript(call.turns[:2]), _WANTED)
    print(f"models loaded in {time.process_time() - began:.1f} s of CPU, once per process\n")
    seconds: dict[str, list[float]] = defaultdict(list)
    for _ in range(runs):
        timed, began = _Timed(call.language), time.process_time()
        analyze(call, _WANTED, attempts=timed)
        timed.seconds["all together"] = time.process_time() - began
        for what, value in timed.seconds.items():
            seconds[what].append(value)
    minutes = max(turn.end_ms for turn in call.turns) / 60_000
    print(f"{sum(1 for _ in call.words()):,} words, {minutes:.0f} minutes; median of {runs} runs\n")
    print("| section | s of CPU |\n|---|---|")
    for what, values in seconds.items():
        print(f"| {what} | {median(values):.2f} |")
    print(
        "\nThe first section that needs the text parsed (knowledge) carries the parsing for all of them; the"
    )
    print("first detector carries the reading of the numbers.")


if __name__ == "__main__":
    main()
