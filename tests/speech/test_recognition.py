"""What is said in the sample call, who says it and when: with the real recognisers."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path

import jiwer
import numpy as np
import pytest
from benchmarks import line_sounds
from benchmarks.recognition_text import spoken
from speech_recordings import Line, Samples, Transcribe, Write

from callpost.errors import UnreadableRecording
from callpost.model.configuration import ChannelSpec, ExpectedTerm, Ingest, TrackSpec
from callpost.speech.recognizer import Recognition
from callpost.speech.whisper import Encoded, Look, Whisper

STEREO = Ingest(tracks=(TrackSpec(0, (ChannelSpec("Agent"), ChannelSpec("Customer"))),))


@pytest.fixture(scope="module")
def recognised(call: Path, transcribe: Transcribe) -> Recognition:
    return transcribe(call, STEREO, model="base")


def said(recognition: Recognition, channel: int | None = None) -> str:
    turns = recognition.transcript.turns
    return spoken(" ".join(turn.text for turn in turns if channel is None or turn.channel == channel))


def words(recognition: Recognition) -> list[str]:
    return [word.text for turn in recognition.transcript.turns for word in turn.words]


def scripted(script: list[Line], who: str = "AC") -> str:
    return spoken(" ".join(line.text for line in script if line.who in who))


def test_the_sample_call_is_recognised_with_few_errors(recognised: Recognition, script: list[Line]) -> None:
    assert jiwer.wer(scripted(script, "A"), said(recognised, 0)) < 0.05
    assert jiwer.wer(scripted(script, "C"), said(recognised, 1)) < 0.08


def test_the_turns_are_those_of_the_script_in_its_order(recognised: Recognition, script: list[Line]) -> None:
    names = {"A": "Agent", "C": "Customer"}
    turns = recognised.transcript.turns
    assert [turn.speaker for turn in turns] == [names[line.who] for line in script]
    assert recognised.transcript.language == "en-US"
    assert recognised.length_ms == pytest.approx(67_466, abs=2)


def test_no_word_of_one_speaker_is_given_to_the_other(recognised: Recognition, script: list[Line]) -> None:
    for channel, own, others in ((0, "A", "C"), (1, "C", "A")):
        foreign = set(scripted(script, others).split()) - set(scripted(script, own).split())
        assert not foreign & set(said(recognised, channel).split())


def test_speech_over_speech_is_kept_on_both_channels(recognised: Recognition, script: list[Line]) -> None:
    interruption = next(at for at in range(1, len(script)) if script[at].start < script[at - 1].end)
    before, after = recognised.transcript.turns[interruption - 1 : interruption + 1]
    assert after.start_ms < before.end_ms
    assert "your account" in before.text
    assert "wonderful" in after.text


def test_times_are_in_order_inside_the_recording_and_near_the_truth(
    recognised: Recognition, script: list[Line]
) -> None:
    for turn, line in zip(recognised.transcript.turns, script, strict=True):
        starts = [word.start_ms for word in turn.words]
        assert starts == sorted(starts)
        assert all(0 <= word.start_ms <= word.end_ms <= recognised.length_ms for word in turn.words)
        assert turn.start_ms == pytest.approx(line.start * 1000, abs=350)
        assert turn.end_ms == pytest.approx(line.end * 1000, abs=350)


def test_words_carry_confidence_and_their_punctuation_and_no_blanks(recognised: Recognition) -> None:
    words = list(recognised.transcript.words())
    assert all(0 < word.confidence <= 1 for word in words)
    assert all(word.text == word.text.strip() and " " not in word.text for word in words)
    assert all(any(character.isalnum() for character in word.text) for word in words)
    assert "today?" in [word.text for word in words]
    assert "$89.50" in [word.text.rstrip(",.") for word in words]


def test_voice_activity_covers_the_lines_of_the_script(recognised: Recognition, script: list[Line]) -> None:
    for line, channel in zip(script, [0 if line.who == "A" else 1 for line in script], strict=True):
        middle = (line.start + line.end) * 500
        stretches = [one for one in recognised.transcript.activity if one.channel == channel]
        assert any(one.start_ms <= middle <= one.end_ms for one in stretches)


def test_a_recording_cut_into_small_parts_loses_nothing_and_its_progress_never_falls(
    write: Write, opening: Samples, transcribe: Transcribe
) -> None:
    path = write("call.wav", opening)
    seen: list[tuple[float, int]] = []
    whole = transcribe(path)
    parts = transcribe(path, block=3 * 16_000, part_ms=6000, report=lambda *state: seen.append(state))
    assert difflib.SequenceMatcher(a=said(whole).split(), b=said(parts).split()).ratio() > 0.93
    assert seen == sorted(seen)
    assert seen[-1] == (1.0, 17_200)
    assert len(seen) > 3
    assert [turn.speaker for turn in parts.transcript.turns] == [
        turn.speaker for turn in whole.transcript.turns
    ]


def test_a_passage_read_beside_a_longer_one_is_heard_as_if_read_alone(
    call: Path, transcribe: Transcribe, recognised: Recognition
) -> None:
    lengths: list[set[int]] = []

    class Alone(Whisper):
        def look(self, encoded: Sequence[Encoded]) -> list[Look]:
            lengths.append({len(one.steps) for one in encoded})
            return [look for one in encoded for look in super(Alone, self).look([one])]

    alone = transcribe(call, STEREO, model="base", whisper=Alone)
    assert max(map(len, lengths)) > 1, "passages of several lengths are read together"
    assert jiwer.wer(spoken(said(alone)), spoken(said(recognised))) < 0.01


def test_a_mix_down_goes_to_the_one_speaker(write: Write, opening: Samples, transcribe: Transcribe) -> None:
    heard = transcribe(write("call.wav", opening), Ingest(speaker=ChannelSpec("Everybody")))
    assert {turn.speaker for turn in heard.transcript.turns} == {"Everybody"}
    assert "harbor" in said(heard)
    assert "upset" in said(heard)


def test_an_ignored_channel_is_not_recognised(write: Write, opening: Samples, transcribe: Transcribe) -> None:
    names = TrackSpec(0, (ChannelSpec("Agent", ignore=True), ChannelSpec("Customer")))
    heard = transcribe(write("call.wav", opening), Ingest(tracks=(names,)))
    assert {turn.channel for turn in heard.transcript.turns} == {1}
    assert "daniel" in said(heard)
    assert "harbor" not in said(heard)


def test_a_mono_recording_is_one_speaker(write: Write, opening: Samples, transcribe: Transcribe) -> None:
    heard = transcribe(write("mono.mp3", opening[:1], "libmp3lame"))
    assert {turn.speaker for turn in heard.transcript.turns} == {"Speaker 1"}
    assert "harbor" in said(heard)
    assert heard.content_type == "audio/mpeg"
    assert not heard.warnings


def test_a_mono_call_stored_as_stereo_is_not_told_twice(
    write: Write, opening: Samples, transcribe: Transcribe
) -> None:
    heard = transcribe(write("double.wav", np.repeat(opening[:1], 2, axis=0)), STEREO)
    assert {turn.speaker for turn in heard.transcript.turns} == {"Agent"}
    assert said(heard).count("harbor") == 1
    assert [warning.code for warning in heard.warnings] == [15004]


def test_expected_terms_are_recognised(write: Write, opening: Samples, transcribe: Transcribe) -> None:
    path = write("call.wav", opening)
    # As it is spelt: what is counted as errors knows no difference between the two.
    assert "Harbour" not in words(transcribe(path, STEREO))
    assert "Harbour" in words(transcribe(path, STEREO, terms=(ExpectedTerm("Harbour Home"),)))


def test_of_16_rare_names_that_are_expected_at_least_13_are_recognised(transcribe: Transcribe) -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "names"
    names = [line["name"] for line in tomllib.loads((folder / "rare.toml").read_text())["lines"]]
    heard = transcribe(
        folder / "rare-piper.ogg", STEREO, model="base", terms=tuple(ExpectedTerm(name) for name in names)
    )
    assert sum(name.lower() in said(heard).split() for name in names) >= 13


@pytest.mark.parametrize("sound", line_sounds.SOUNDS)
def test_where_nobody_speaks_no_words_are_invented(write: Write, transcribe: Transcribe, sound: str) -> None:
    samples = line_sounds.SOUNDS[sound]()
    heard = transcribe(write("quiet.wav", samples[None]), model="base")
    assert heard.transcript.turns == ()
    assert heard.length_ms == 12_000


def test_a_language_that_takes_many_tokens_is_heard_to_its_end(transcribe: Transcribe) -> None:
    """Of its 194 letters and blanks, 144 came through the limits of English."""
    greek = transcribe(Path(__file__).parent / "fixtures" / "greek.opus", model="base", language="el")
    assert len(" ".join(words(greek))) > 165


def test_speech_after_hold_music_is_heard_and_the_music_is_not(
    write: Write, opening: Samples, transcribe: Transcribe
) -> None:
    music = line_sounds.music()
    heard = transcribe(write("held.wav", np.concatenate([music, opening[0], music])[None]), model="base")
    first, *_, last = heard.transcript.words()
    assert first.start_ms >= 12_000
    assert last.end_ms <= 12_000 + 17_200
    assert said(heard).startswith("thank you for calling harbor")


def test_one_sample_is_an_empty_transcript(write: Write, transcribe: Transcribe) -> None:
    heard = transcribe(write("tiny.wav", np.ones((1, 1), np.int16)))
    assert heard.transcript.turns == ()
    assert heard.length_ms == 0


def test_of_a_truncated_recording_what_is_left_is_recognised_with_a_warning(
    write: Write, opening: Samples, transcribe: Transcribe
) -> None:
    path = write("call.wav", opening)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    heard = transcribe(path)
    assert "harbor" in said(heard)
    assert heard.length_ms == pytest.approx(17_200 / 3, abs=50)
    assert [warning.code for warning in heard.warnings] == [10201]


def test_damage_in_the_middle_costs_what_is_damaged_and_no_more(
    write: Write, opening: Samples, transcribe: Transcribe
) -> None:
    path = write("call.mp3", opening, "libmp3lame")
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : len(content) // 3 + 1500] = b"\xaa" * 1500
    path.write_bytes(content)
    heard = transcribe(path)
    assert "harbor" in said(heard)
    assert "account" in said(heard)


def test_a_container_without_a_single_readable_frame_is_refused(write: Write, transcribe: Transcribe) -> None:
    path = write("none.wav", np.zeros((1, 8000), np.int16))
    header = path.read_bytes().index(b"data") + 8
    path.write_bytes(path.read_bytes()[:header])
    with pytest.raises(UnreadableRecording) as caught:
        transcribe(path)
    assert caught.value.problem.code == 10201
