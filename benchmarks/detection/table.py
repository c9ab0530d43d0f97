"""Recall and precision of every detector in one table: `python -m benchmarks.detection.table`.

Recall: of the labelled numbers, those whose words are all covered. Precision: of the regions that a detector
found, those that are on a number of its own; for Number, on any number. Below it what the levels cover.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.detection.labelled import Dialogue, Number, hand_written, made
from benchmarks.detection.labelled_spanish import SPANISH_WORDS, made_spanish
from benchmarks.detection.leak_search import digits

from callpost.analysis.detection import Region, Scene, detect
from callpost.model.configuration import DetectionLevel

_OWN = {
    "PCI": {"card": "card number", "expiry": "expiry date", "code": "CVV"},
    "SSN": {"ssn": "social security number"},
}
_PROBABLE = DetectionLevel.PROBABLE_NUMBERS


def main() -> None:
    print("| language | detector | what | numbers | decoys | recall | precision |")
    print("|---|---|---|---|---|---|---|")
    for language, dialogues in (("English", [*hand_written(), *made()]), ("Spanish", made_spanish())):
        for row in rows(dialogues):
            print(f"| {language} | {row}")
    print("\n| level | words covered per labelled word | seconds per region |\n|---|---|---|")
    for level in DetectionLevel:
        words, seconds = coverage([*hand_written(), *made()], level)
        print(f"| {level} | {words:.2f} | {seconds:.1f} |")


def rows(dialogues: Sequence[Dialogue]) -> Iterable[str]:
    """One row for each kind of number, and one for all that Number found."""
    total = Counter(number.label for dialogue in dialogues for number in dialogue.numbers)
    for detector, kinds in _OWN.items():
        found = [(dialogue, _found(dialogue, detector)) for dialogue in dialogues]
        right, all_regions = _precision(found, set(kinds))
        decoys = sum(count for label, count in total.items() if label not in kinds)
        for label, name in kinds.items():
            covered = sum(
                number.places <= _places(regions)
                for dialogue, regions in found
                for number in dialogue.numbers
                if number.label == label
            )
            recall, precision = covered / total[label], right / max(all_regions, 1)
            yield f"{detector} | {name} | {total[label]} | {decoys} | {recall:.3f} | {precision:.3f} |"
    yield _number_row(dialogues, sum(total.values()))


def _number_row(dialogues: Sequence[Dialogue], total: int) -> str:
    covered = right = regions = 0
    for dialogue in dialogues:
        found = _found(dialogue, "Number")
        covered += sum(_said(dialogue, number) <= _places(found) for number in dialogue.numbers)
        regions += len(found)
        right += sum(_is_number(dialogue, region) for region in found)
    return f"Number | any number | {total} | - | {covered / total:.3f} | {right / regions:.3f} |"


def _said(dialogue: Dialogue, number: Number) -> set[tuple[int, int]]:
    """The words of it that say digits: of an amount not its dollars."""
    return {
        (turn, word)
        for turn, word in number.places
        if _says_digits(dialogue.transcript.turns[turn].words[word].text)
    }


def _says_digits(text: str) -> bool:
    return bool(digits(text)) or text.casefold().strip(".,") in SPANISH_WORDS


def _is_number(dialogue: Dialogue, region: Region) -> bool:
    if any(number.places & region.places for number in dialogue.numbers):
        return True
    said = (dialogue.transcript.turns[turn].words[word].text for turn, word in region.places)
    return any(map(_says_digits, said))


def _found(dialogue: Dialogue, detector: str, level: DetectionLevel = _PROBABLE) -> tuple[Region, ...]:
    return detect(Scene.of(dialogue.transcript), detector, level)


def _places(regions: Iterable[Region]) -> set[tuple[int, int]]:
    return {place for region in regions for place in region.places}


def _precision(found: Sequence[tuple[Dialogue, tuple[Region, ...]]], labels: set[str]) -> tuple[int, int]:
    regions = [(dialogue.numbers, region) for dialogue, found_here in found for region in found_here]
    right = sum(
        any(number.label in labels and number.places & region.places for number in numbers)
        for numbers, region in regions
    )
    return right, len(regions)


def coverage(dialogues: Sequence[Dialogue], level: DetectionLevel) -> tuple[float, float]:
    """How many words PCI takes for each word of a card's numbers, and how long its regions are."""
    taken = labelled = 0
    lengths: list[int] = []
    for dialogue in dialogues:
        own: list[Number] = [number for number in dialogue.numbers if number.label in _OWN["PCI"]]
        regions = _found(dialogue, "PCI", level)
        labelled += sum(len(number.places) for number in own)
        taken += len(_places(regions))
        lengths += [region.end_ms - region.start_ms for region in regions]
    return taken / labelled, sum(lengths) / len(lengths) / 1000


if __name__ == "__main__":
    main()
