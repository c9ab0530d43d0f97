"""Key phrases that a customer looks for, in any inflection and however numbers and compounds are written.

Source: docs/how-to-guides/keyword-spotting.md.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from callpost.analysis.formatting import format_numbers
from callpost.model.configuration import SpottingGroup
from callpost.model.results import Keyword, Mention, Occurrence, SpottedGroup
from callpost.model.transcript import Transcript, Turn, Word

_PART = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True, slots=True)
class _Text:
    """A turn as comparable parts, joined without blanks; starts and ends: which part does so at an offset.

    part_of[i]: index of the turn's word that part i belongs to.
    """

    turn: Turn
    part_of: tuple[int, ...]
    joined: str
    starts: dict[int, int]
    ends: dict[int, int]


def spot(transcript: Transcript, groups: Sequence[SpottingGroup]) -> tuple[SpottedGroup, ...]:
    """Every group, with those of its phrases that were said; score: 1 - 2^-n of n occurrences.

    In English inflections match; in other languages the words as they stand.
    """
    english = transcript.language.partition("-")[0].casefold() == "en"
    texts = [_text(turn, english=english) for turn in _in_figures(transcript, english=english).turns]
    return tuple(_group(group, texts, english=english) for group in groups)


def _in_figures(transcript: Transcript, *, english: bool) -> Transcript:
    return format_numbers(transcript) if english else transcript


def _text(turn: Turn, *, english: bool) -> _Text:
    found = [
        (part, place) for place, word in enumerate(turn.words) for part in _parts(word.text, english=english)
    ]
    offsets = list(accumulate((len(part) for part, _ in found), initial=0))
    return _Text(
        turn,
        tuple(place for _, place in found),
        "".join(part for part, _ in found),
        {offset: number for number, offset in enumerate(offsets[:-1])},
        {offset: number for number, offset in enumerate(offsets[1:])},
    )


def _parts(text: str, *, english: bool) -> list[str]:
    parts = _PART.findall(text.casefold().replace("\u2019", "'"))
    return [stem(part) for part in parts] if english else parts


def _phrase(keyword: str, *, english: bool) -> list[str]:
    words = tuple(Word(word, 0, 0, 1.0) for word in keyword.split())
    if not words:
        return []
    plain = _in_figures(Transcript((Turn("", 0, words),)), english=english)
    return [part for word in plain.words() for part in _parts(word.text, english=english)]


def _group(group: SpottingGroup, texts: Sequence[_Text], *, english: bool) -> SpottedGroup:
    keywords = [_keyword(keyword, texts, english=english) for keyword in dict.fromkeys(group.keywords)]
    spotted = tuple(keyword for keyword in keywords if keyword.mentions)
    count = sum(len(mention.occurrences) for keyword in spotted for mention in keyword.mentions)
    return SpottedGroup(group.name, round(1 - 0.5**count, 3), spotted)


def _keyword(keyword: str, texts: Sequence[_Text], *, english: bool) -> Keyword:
    phrase = _phrase(keyword, english=english)
    by_speaker: dict[str, list[Occurrence]] = {}
    for text in texts:
        for first, last in _matches(text, phrase):
            words = text.turn.words[text.part_of[first] : text.part_of[last] + 1]
            exact = " ".join(word.text for word in words).strip(' .,?!;:"')
            said = Occurrence(words[0].start_ms, max(word.end_ms for word in words), exact)
            by_speaker.setdefault(text.turn.speaker, []).append(said)
    return Keyword(keyword, 1.0, tuple(Mention(name, tuple(found)) for name, found in by_speaker.items()))


def _matches(text: _Text, phrase: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Stretches that read the same as the phrase, one part more or less: wi-fi, wifi, wi fi."""
    wanted = "".join(phrase)
    offset = text.joined.find(wanted) if wanted else -1
    while offset >= 0:
        first, last = text.starts.get(offset), text.ends.get(offset + len(wanted))
        step = 1
        if first is not None and last is not None and abs(last - first + 1 - len(phrase)) <= 1:
            yield first, last
            step = len(wanted)
        offset = text.joined.find(wanted, offset + step)


_ENDINGS = (
    (r"'s$", ""),
    (r"(?<=[a-z]{2})ies$", "y"),
    (r"(?<=ss|ch|sh)es$|(?<=[xz])es$", ""),
    (r"(?<=[a-z]{2}[^sui])s$", ""),
    (r"(?<=[a-z]{3})(?:ing|ed)$", ""),
    (r"([b-df-hj-np-tv-xz])\1$", r"\1"),
    (r"(?<=[a-z]{2})e$", ""),
    (r"(?<=[a-z]{2})y$", "i"),
)


def stem(word: str) -> str:
    """What the inflections of an English word share: cancel, cancels, cancelled, cancelling → cancel."""
    for ending, rest in _ENDINGS:
        word = re.sub(ending, rest, word)
    return word
