"""The transcript as text, SubRip, WebVTT and DFXP, in the forms VoiceBase emits.

Source: docs/how-to-guides/closed-captioning.md, stereo.md, and a callback body of format version 3.0.8:
the speaker's name opens the first cue of a turn ("Agent: …"), SubRip and DFXP count hundredths of a second.
"""

import re
from dataclasses import replace
from functools import cached_property
from xml.sax.saxutils import escape, quoteattr

from callpost.model.transcript import UNKNOWN_SPEAKER, Transcript, Turn, Word
from callpost.render import cues
from callpost.render.cues import Cue

# No XML 1.0 document, and no UTF-8 text, may hold these.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Captions:
    """One transcript in every format. What they share is worked out once, when it is first asked for."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    @cached_property
    def cues(self) -> tuple[Cue, ...]:
        """The cues of all turns by their start; those of different speakers may overlap as their turns do."""
        all_cues = [cue for words in self._turns for cue in cues.cut(words)]
        return tuple(sorted(all_cues, key=lambda cue: cue.start_ms))

    @cached_property
    def _turns(self) -> list[list[Word]]:
        return [_shown(turn) for turn in self._transcript.turns]

    def text(self) -> str:
        """The whole transcript on one line: `Speaker: … Speaker: …`."""
        return " ".join(word.text for words in self._turns for word in words)

    def srt(self, *, fraction_digits: int = 2) -> str:
        """SubRip. VoiceBase writes hundredths (`00:00:02,50`); 3 digits are what players expect."""
        return "".join(
            f"{number}\n{_span(cue, ',', fraction_digits)}\n{_srt_text(cue)}\n\n"
            for number, cue in enumerate(self.cues, start=1)
        )

    def webvtt(self) -> str:
        """WebVTT, times in milliseconds."""
        return "WEBVTT\n\n" + "".join(
            f"{number}\n{_span(cue, '.', 3)}\n{escape(_joined(cue))}\n\n"
            for number, cue in enumerate(self.cues, start=1)
        )

    def dfxp(self) -> str:
        """Timed text in the W3C draft namespace of 2006, which is what VoiceBase calls DFXP."""
        language = quoteattr(_clean(self._transcript.language).partition("-")[0] or "en")
        paragraphs = "".join(
            f'<p begin="{_clock(cue.start_ms, ".", 2)}" end="{_clock(cue.end_ms, ".", 2)}">'
            f"{'<br/>'.join(map(escape, cue.lines))}</p>"
            for cue in self.cues
        )
        return (
            '<tt xmlns="http://www.w3.org/2006/04/ttaf1" xmlns:tts="http://www.w3.org/2006/04/ttaf1#styling"'
            f" xml:lang={language}>"
            '<head><styling><style xml:id="defaultCaption" tts:backgroundColor="black" tts:color="white"'
            ' tts:fontFamily="SansSerif" tts:fontSize="12" tts:fontStyle="normal" tts:fontWeight="normal"'
            ' tts:textAlign="left" tts:textDecoration="none"/></styling></head>'
            f'<body><div style="defaultCaption" xml:lang={language}>{paragraphs}</div></body></tt>'
        )


def _clean(value: str) -> str:
    if value.isprintable() and " " not in value:
        return value
    return " ".join(_UNPRINTABLE.sub("", value).split())


def _shown(turn: Turn) -> list[Word]:
    """The words that show something, the first of them behind the speaker's name."""
    words = [
        word if (text := _clean(word.text)) is word.text else replace(word, text=text) for word in turn.words
    ]
    words = [word for word in words if word.text]
    if words and (prefix := _prefix(turn)):
        words[0] = replace(words[0], text=f"{prefix} {words[0].text}")
    return words


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
    # Six times for every cue, and in a third of the time of an f-string.
    return "%02d:%02d:%02d%s%0*d" % (hours, minute, second, separator, digits, fraction)  # noqa: UP031
