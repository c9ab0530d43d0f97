"""The transcript as text, SubRip, WebVTT and DFXP, in the forms VoiceBase emits.

Source: docs/how-to-guides/closed-captioning.md, stereo.md, and a callback body of format version 3.0.8:
the speaker's name opens the first cue of a turn ("Agent: …"), SubRip and DFXP count hundredths of a second.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from xml.sax.saxutils import escape, quoteattr

from callpost.model.transcript import UNKNOWN_SPEAKER, Transcript, Turn

_LINE = 42
_LONGEST_MS = 7000
_SHORTEST_MS = 1000
_LEAST_MS = 100
_READABLE_CHARACTERS_PER_S = 20
_LONG_PAUSE_MS = 1500

# No XML 1.0 document, and no UTF-8 text, may hold these.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at one time: one or two lines; the first of a turn starts with the speaker's name."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def text(transcript: Transcript) -> str:
    """The whole transcript on one line: `Speaker: … Speaker: …`."""
    return " ".join(token.text for turn in transcript.turns for token in _tokens(turn))


def srt(transcript: Transcript, *, fraction_digits: int = 2) -> str:
    """SubRip. VoiceBase writes hundredths (`00:00:02,50`); 3 digits are what players expect."""
    return "".join(
        f"{number}\n{_span(cue, ',', fraction_digits)}\n{_srt_text(cue)}\n\n"
        for number, cue in enumerate(cues(transcript), start=1)
    )


def webvtt(transcript: Transcript) -> str:
    """WebVTT, times in milliseconds."""
    return "WEBVTT\n\n" + "".join(
        f"{number}\n{_span(cue, '.', 3)}\n{escape(_joined(cue))}\n\n"
        for number, cue in enumerate(cues(transcript), start=1)
    )


def dfxp(transcript: Transcript) -> str:
    """Timed text in the W3C draft namespace of 2006, which is what VoiceBase calls DFXP."""
    language = quoteattr(_clean(transcript.language).partition("-")[0] or "en")
    paragraphs = "".join(
        f'<p begin="{_clock(cue.start_ms, ".", 2)}" end="{_clock(cue.end_ms, ".", 2)}">'
        f"{'<br/>'.join(map(escape, cue.lines))}</p>"
        for cue in cues(transcript)
    )
    return (
        '<tt xmlns="http://www.w3.org/2006/04/ttaf1" xmlns:tts="http://www.w3.org/2006/04/ttaf1#styling"'
        f" xml:lang={language}>"
        '<head><styling><style xml:id="defaultCaption" tts:backgroundColor="black" tts:color="white"'
        ' tts:fontFamily="SansSerif" tts:fontSize="12" tts:fontStyle="normal" tts:fontWeight="normal"'
        ' tts:textAlign="left" tts:textDecoration="none"/></styling></head>'
        f'<body><div style="defaultCaption" xml:lang={language}>{paragraphs}</div></body></tt>'
    )


def cues(transcript: Transcript) -> tuple[Cue, ...]:
    """The cues of all turns by their start; those of different speakers may overlap as their turns do."""
    all_cues = [cue for turn in transcript.turns for cue in _turn_cues(turn)]
    return tuple(sorted(all_cues, key=lambda cue: cue.start_ms))


def _clean(value: str) -> str:
    return " ".join(_UNPRINTABLE.sub("", value).split())


def _prefix(turn: Turn) -> str:
    speaker = _clean(turn.speaker)
    return f"{speaker}:" if speaker and speaker != UNKNOWN_SPEAKER else ""


def _joined(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _srt_text(cue: Cue) -> str:
    """SubRip has no escape: only what would read as a line of times has to go."""
    return _joined(cue).replace("-->", "->")


def _span(cue: Cue, separator: str, digits: int) -> str:
    return f"{_clock(cue.start_ms, separator, digits)} --> {_clock(cue.end_ms, separator, digits)}"


def _clock(milliseconds: int, separator: str, digits: int) -> str:
    """`hours:minutes:seconds` and a fraction, rounded to `digits` digits."""
    unit = 10 ** (3 - digits)
    seconds, fraction = divmod((milliseconds + unit // 2) // unit, 10**digits)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}{separator}{fraction:0{digits}}"


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start_ms: int
    end_ms: int


def _tokens(turn: Turn) -> list[_Token]:
    """The words that show something, the first of them behind the speaker's name."""
    words = [_Token(_clean(word.text), word.start_ms, word.end_ms) for word in turn.words]
    tokens = [word for word in words if word.text]
    if tokens and (prefix := _prefix(turn)):
        tokens[0] = replace(tokens[0], text=f"{prefix} {tokens[0].text}")
    return tokens


def _turn_cues(turn: Turn) -> Iterator[Cue]:
    tokens = _tokens(turn)
    bounds = _bounds(tokens)
    for first, last in pairwise(bounds):
        following = tokens[last].start_ms if last < len(tokens) else None
        yield _cue(tokens[first:last], following)


def _cue(tokens: Sequence[_Token], following_ms: int | None) -> Cue:
    """A cue that stays long enough to be read, as far as the next one of the same turn allows."""
    start = tokens[0].start_ms
    spoken = max(token.end_ms for token in tokens)
    shown = " ".join(token.text for token in tokens)
    readable = start + max(_SHORTEST_MS, len(shown) * 1000 // _READABLE_CHARACTERS_PER_S)
    end = max(spoken, readable if following_ms is None else min(readable, following_ms))
    return Cue(start, max(end, start + _LEAST_MS), _lines(shown))


def _lines(shown: str) -> tuple[str, ...]:
    """One line where it fits, else two of about the same length, the break preferably after punctuation."""
    if len(shown) <= _LINE:
        return (shown,)
    breaks = [place for place, character in enumerate(shown) if character == " "]
    fitting = [place for place in breaks if place <= _LINE and len(shown) - place - 1 <= _LINE]
    if not fitting:
        return (shown,)
    place = min(fitting, key=lambda place: _line_cost(shown, place))
    return shown[:place], shown[place + 1 :]


def _line_cost(shown: str, place: int) -> int:
    uneven = abs(2 * place - len(shown))
    return uneven - (12 if shown[place - 1] in ".,?!;:" else 0)


@dataclass(frozen=True, slots=True)
class _Running:
    """Sums over a turn's tokens, so that a stretch of them is judged without walking it.

    characters[i]: of the tokens before i, each with its blank. pauses[i]: long pauses before token i.
    """

    tokens: Sequence[_Token]
    characters: Sequence[int]
    pauses: Sequence[int]

    @classmethod
    def of(cls, tokens: Sequence[_Token]) -> "_Running":
        gaps = (right.start_ms - left.end_ms > _LONG_PAUSE_MS for left, right in pairwise(tokens))
        lengths = (len(token.text) + 1 for token in tokens)
        return cls(tokens, list(accumulate(lengths, initial=0)), list(accumulate(gaps, initial=0)))

    def length_ms(self, first: int, last: int) -> int:
        return self.tokens[last - 1].end_ms - self.tokens[first].start_ms

    def fits(self, first: int, last: int) -> bool:
        """Whether the tokens fill two lines at most."""
        broken = min(bisect_right(self.characters, self.characters[first] + _LINE + 1) - 1, last)
        return broken > first and self.characters[last] - self.characters[broken] <= _LINE + 1

    def starts(self, last: int) -> Iterator[int]:
        """The first tokens that a cue ending before `last` can have; always the one just before it."""
        yield last - 1
        for first in range(last - 2, -1, -1):
            if self.length_ms(first, last) > _LONGEST_MS or not self.fits(first, last):
                return
            yield first

    def cost(self, first: int, last: int) -> float:
        """How bad a cue is. Fewer cues are better, and cues that end where a sentence does."""
        hasty = 0.5 if self.length_ms(first, last) < _SHORTEST_MS else 0.0
        return 1.0 + hasty + 4.0 * (self.pauses[last - 1] - self.pauses[first])


def _bounds(tokens: Sequence[_Token]) -> list[int]:
    """Where to cut a turn into cues: the cheapest of all ways, 0 and len(tokens) included.

    Dynamic programming over the last cut; a cue holds few words, so the work grows with the words only.
    """
    running = _Running.of(tokens)
    best, previous = [0.0], [0]
    for last in range(1, len(tokens) + 1):
        cost, first = min((best[first] + running.cost(first, last), first) for first in running.starts(last))
        best.append(cost + _ending_cost(tokens[last - 1].text))
        previous.append(first)
    return _path(previous)


def _path(previous: Sequence[int]) -> list[int]:
    bounds = [len(previous) - 1]
    while bounds[-1]:
        bounds.append(previous[bounds[-1]])
    return bounds[::-1]


def _ending_cost(word: str) -> float:
    if word[-1] in ".?!":
        return 0.0
    return 0.4 if word[-1] in ",;:" else 1.0
