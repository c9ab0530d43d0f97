"""Captions are judged by readers that other people wrote, and by rules of their own."""

import re
import warnings
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from pycaption import DFXPReader, SRTReader, WebVTTReader
from pycaption.base import Caption, CaptionNode

from callpost.model.transcript import UNKNOWN_SPEAKER, Transcript, Turn, Word
from callpost.render.captions import Captions

TTAF = "{http://www.w3.org/2006/04/ttaf1}"


def lines_of(caption: Caption) -> list[str]:
    nodes = ["\n" if node.type_ == CaptionNode.BREAK else (node.content or "") for node in caption.nodes]
    return "".join(nodes).split("\n")


def read(reader: type[SRTReader] | type[WebVTTReader] | type[DFXPReader], content: str) -> list[Caption]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the HTML parser below pycaption, about XML
        return next(iter(reader().read(content)._captions.values()))  # noqa: SLF001 - its languages differ by format


def flat(pieces: list[str]) -> str:
    return " ".join(" ".join(pieces).split())


def test_text_is_one_line_with_the_speakers_names(call: Transcript) -> None:
    text = Captions(call).text()
    assert text.startswith("Agent: Thank you for calling Harbour Broadband, this is Priya. How")
    assert "today? Caller: Hi Priya," in text
    assert "\n" not in text


@pytest.mark.parametrize("speaker", ["", UNKNOWN_SPEAKER])
def test_a_speaker_nobody_named_is_not_written(speaker: str, say: Callable[..., Transcript]) -> None:
    transcript = say((speaker, "Good morning."))
    assert Captions(transcript).text() == "Good morning."
    assert "Good morning." in Captions(transcript).srt()
    assert "unknown" not in Captions(transcript).webvtt()


def test_an_empty_transcript_is_a_valid_document_in_every_format() -> None:
    nothing = Transcript()
    assert Captions(nothing).text() == ""
    assert Captions(nothing).srt() == ""
    assert Captions(nothing).webvtt() == "WEBVTT\n\n"
    assert etree.fromstring(Captions(nothing).dfxp()).findall(f".//{TTAF}p") == []


def test_srt_counts_hundredths_and_thousandths_on_request(say: Callable[..., Transcript]) -> None:
    transcript = Transcript((Turn("A", 0, (Word("Hello.", 2499, 7710, 1.0),)),))
    assert "00:00:02,50 --> 00:00:07,71\nA: Hello.\n" in Captions(transcript).srt()
    assert "00:00:02,499 --> 00:00:07,710\n" in Captions(transcript).srt(fraction_digits=3)
    assert "00:00:02.499 --> 00:00:07.710\n" in Captions(transcript).webvtt()


def test_times_carry_over_hours() -> None:
    transcript = Transcript((Turn("A", 0, (Word("late", 3_599_999, 3_723_004, 1.0),)),))
    assert "01:00:00,00 --> 01:02:03,00\n" in Captions(transcript).srt()


def test_webvtt_is_read_back_with_its_times_and_words(call: Transcript) -> None:
    found = read(WebVTTReader, Captions(call).webvtt())
    assert found[0].start == call.turns[0].start_ms * 1000
    assert flat([line for caption in found for line in lines_of(caption)]) == Captions(call).text()


def test_srt_is_read_back_with_its_words(call: Transcript) -> None:
    found = read(SRTReader, Captions(call).srt(fraction_digits=3))
    assert found[0].start == call.turns[0].start_ms * 1000
    assert flat([line for caption in found for line in lines_of(caption)]) == Captions(call).text()


def test_dfxp_has_the_root_voicebase_writes_and_is_read_back(call: Transcript) -> None:
    content = Captions(call).dfxp()
    assert content.startswith('<tt xmlns="http://www.w3.org/2006/04/ttaf1"')
    found = read(DFXPReader, content)
    assert flat([line for caption in found for line in lines_of(caption)]) == Captions(call).text()
    assert [caption.start for caption in found] == sorted(caption.start for caption in found)


def test_a_cue_ends_where_the_sentence_does(call: Transcript) -> None:
    shown = [" ".join(cue.lines) for cue in Captions(call).cues]
    assert "How can I help you today?" in shown
    assert "Caller: Okay." in shown


def test_who_speaks_faster_than_others_read_is_given_time_in_the_pause_that_follows() -> None:
    """22 characters a second for 8 s; one may be read at 20."""
    words = tuple(Word("quick", 270 * at, 270 * at + 270, 1.0) for at in range(30))
    cues = Captions(Transcript((Turn("", 0, words),))).cues
    assert len(cues) > 1
    for cue in cues:
        assert len(" ".join(cue.lines)) * 1000 <= 20 * (cue.end_ms - cue.start_ms)
    for cue, following in pairwise(cues):
        assert cue.end_ms <= following.start_ms
    said = [words[sum(len(" ".join(cue.lines).split()) for cue in cues[:at])] for at in range(len(cues))]
    assert all(0 <= cue.start_ms - word.start_ms <= 1000 for cue, word in zip(cues, said, strict=True))


def test_turns_that_overlap_keep_their_own_cues() -> None:
    agent = Turn("Agent", 0, (Word("Well,", 2499, 3059, 1.0), Word("bunch.", 7440, 7710, 1.0)))
    caller = Turn("Caller", 1, (Word("All", 2920, 3140, 1.0), Word("by.", 7450, 7850, 1.0)))
    found = Captions(Transcript((agent, caller))).cues
    assert [cue.lines[0].partition(":")[0] for cue in found if ":" in cue.lines[0]] == ["Agent", "Caller"]
    assert [cue.start_ms for cue in found] == sorted(cue.start_ms for cue in found)


def test_a_short_word_stays_long_enough_to_be_read(say: Callable[..., Transcript]) -> None:
    (cue,) = Captions(say(("Caller", "Okay."))).cues
    assert cue.end_ms - cue.start_ms >= 1000


def test_a_pause_ends_a_cue() -> None:
    words = (Word("wait", 0, 300, 1.0), Word("please", 400, 700, 1.0), Word("thanks", 5000, 5300, 1.0))
    assert [cue.lines for cue in Captions(Transcript((Turn("", 0, words),))).cues] == [
        ("wait please",),
        ("thanks",),
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
nasty = st.sampled_from(
    ["-->", "<b>", "&amp;", "&", "]]>", "\n\n", "\x00", "00:00:01,00 --> 00:00:02,00", "\x85", "\x1d"]
)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    clock, turns = 0, []
    for number in range(draw(st.integers(1, 3))):
        words = []
        for text in draw(st.lists(texts | nasty, min_size=1, max_size=30)):
            start = clock + draw(st.integers(0, 3000))
            clock = start + draw(st.integers(0, 1500))
            words.append(Word(text, start, clock, 0.5))
        speaker = draw(texts | nasty | st.just(UNKNOWN_SPEAKER))
        turns.append(Turn(speaker, number, tuple(words)))
    return Transcript(tuple(turns))


@given(transcripts())
def test_any_words_survive_the_xml(transcript: Transcript) -> None:
    paragraphs = etree.fromstring(Captions(transcript).dfxp().encode()).findall(f".//{TTAF}p")
    shown = [piece for paragraph in paragraphs for piece in paragraph.itertext()]
    cues = [line for cue in Captions(transcript).cues for line in cue.lines]
    assert shown == cues
    assert sorted("".join(cues).split()) == sorted("".join(shown).split())


@given(transcripts())
def test_no_word_can_break_the_frame_of_webvtt_or_srt(transcript: Transcript) -> None:
    count = len(Captions(transcript).cues)
    for content, arrow in (
        (
            Captions(transcript).webvtt().removeprefix("WEBVTT\n\n"),
            r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}",
        ),
        (Captions(transcript).srt(), r"\d\d:\d\d:\d\d,\d\d --> \d\d:\d\d:\d\d,\d\d"),
    ):
        blocks = [block.split("\n") for block in content.split("\n\n")[:-1]]
        assert [block[0] for block in blocks] == [str(number) for number in range(1, count + 1)]
        assert all(re.fullmatch(arrow, block[1]) for block in blocks)
        assert all(len(block) in {3, 4} and "-->" not in "".join(block[2:]) for block in blocks)


@given(transcripts())
def test_cues_are_of_sane_size_and_nothing_is_lost(transcript: Transcript) -> None:
    cues = Captions(transcript).cues
    for cue in cues:
        assert cue.start_ms < cue.end_ms
        assert len(cue.lines) <= 2
        assert len(cue.lines) == 1 or all(len(line) <= 42 for line in cue.lines)
    said = sorted(Captions(transcript).text().split())
    assert sorted(piece for cue in cues for line in cue.lines for piece in line.split()) == said
