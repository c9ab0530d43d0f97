"""How well the detectors do on the labelled dialogues: `python -m benchmarks.detection.measure`."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.detection.labelled import SENSITIVE, Dialogue, Number, hand_written, made

from callpost.analysis.detection import Scene, detect
from callpost.model.configuration import DetectionLevel


@dataclass
class Scores:
    """Numbers by label: how many there are, how many were wholly covered, how many decoys were touched."""

    total: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)

    def recall(self, *labels: str) -> float:
        return sum(self.covered[label] for label in labels) / max(
            sum(self.total[label] for label in labels), 1
        )

    @property
    def decoys(self) -> int:
        return sum(count for label, count in self.total.items() if label not in SENSITIVE)

    @property
    def precision(self) -> float:
        """Of the numbers that a detector touched, those that were its own."""
        right = sum(self.covered[label] for label in SENSITIVE)
        return right / max(right + len(self.touched), 1)


def measure(dialogues: Iterable[Dialogue], level: DetectionLevel = DetectionLevel.PROBABLE_NUMBERS) -> Scores:
    scores = Scores()
    for dialogue in dialogues:
        scene = Scene.of(dialogue.transcript)
        found = {
            detector: {place for region in detect(scene, detector, level) for place in region.places}
            for detector in set(SENSITIVE.values())
        }
        for number in dialogue.numbers:
            _score(scores, dialogue, number, found)
    return scores


def _score(
    scores: Scores, dialogue: Dialogue, number: Number, found: dict[str, set[tuple[int, int]]]
) -> None:
    said = " ".join(dialogue.transcript.turns[t].words[w].text for t, w in sorted(number.places))
    line = f"{dialogue.name}: {number.label}: {said}"
    scores.total[number.label] += 1
    own = SENSITIVE.get(number.label)
    if own and number.places <= found[own]:
        scores.covered[number.label] += 1
    elif own:
        scores.missed.append(line)
    if any(number.places & places for detector, places in found.items() if detector != own):
        scores.touched.append(line)


def main() -> None:
    unseen = [dialogue for seed in range(1, 6) for dialogue in made(seed)]
    for title, dialogues in (
        ("written by hand", hand_written()),
        ("made", made()),
        ("five other seeds", unseen),
    ):
        for level in DetectionLevel:
            scores = measure(dialogues, level)
            sensitive = sum(scores.total[label] for label in SENSITIVE)
            recalls = "  ".join(
                f"{label} {scores.recall(label):.3f} of {scores.total[label]}" for label in SENSITIVE
            )
            print(
                f"{title}, {level}: {len(dialogues)} dialogues, {sensitive} numbers, {scores.decoys} decoys"
            )
            print(f"  recall: {recalls}")
            print(f"  precision: {scores.precision:.3f}, decoys touched: {len(scores.touched)}")
            if level is DetectionLevel.PROBABLE_NUMBERS:
                print("".join(f"    missed  {line}\n" for line in scores.missed), end="")
                print("".join(f"    touched {line}\n" for line in scores.touched), end="")


if __name__ == "__main__":
    main()
