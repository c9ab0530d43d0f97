"""Speakers told apart by their voices, where one channel carries them all."""

import pickle
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from speech_recordings import Line, Samples, Transcribe, Write, heard, read

from callpost.errors import Problem
from callpost.model.configuration import ChannelSpec, Ingest, TrackSpec
from callpost.model.transcript import Transcript, Turn, Word
from callpost.speech import diarization, speaker_encoder, speakers
from callpost.speech.ingest import Plan, Source
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import RecognitionRequest
from callpost.speech.speaker_encoder import SpeakerEncoder, WeightsProblem
from callpost.speech.speakers import Diarization, Stretch
from callpost.speech.windows import Window, WindowFinder

RATE = 16_000
BY_VOICE = Ingest(diarize=True)
PLACE = "ingest.diarization"
DIALOGUES = Path(__file__).parents[2] / "benchmarks" / "speech_sets"


@pytest.fixture(scope="session")
def encoder() -> SpeakerEncoder:
    return diarization.installed()


def mixed(samples: Samples) -> Samples:
    """All channels in one, shape (1, samples)."""
    return (samples.astype(np.int32).sum(axis=0, keepdims=True) // len(samples)).astype(np.int16)


def stretches_of(samples: Samples, encoder: SpeakerEncoder) -> list[Stretch]:
    """The stretches of one channel of 16 kHz."""
    finder = WindowFinder(0)
    windows = [*finder.push(samples), *finder.finish()]
    with ThreadPoolExecutor(2) as pool:
        return speakers.stretches(encoder, windows, pool, 2)


def names(transcript: Transcript) -> list[str]:
    return [turn.speaker for turn in transcript.turns]


def speaker_at(transcript: Transcript, seconds: float) -> set[str]:
    at = seconds * 1000
    return {part.speaker for part in transcript.activity if part.start_ms <= at < part.end_ms}


async def test_the_recognizers_process_tells_speakers_apart(
    models_folder: Path, write: Write, opening: Samples
) -> None:
    mono = write("mono.wav", mixed(opening))
    async with RecognizerProcess("tiny.en", models_folder) as recognizer:
        done = await recognizer.transcribe(RecognitionRequest(mono, BY_VOICE, "en-US", None), lambda _: None)
    assert names(done.transcript) == ["Speaker 1", "Speaker 2", "Speaker 1"]


def test_the_two_sides_of_a_call_on_one_channel_are_told_apart(
    transcribe: Transcribe, write: Write, call: Path, script: Sequence[Line]
) -> None:
    done = transcribe(write("mono.wav", mixed(read(call))), BY_VOICE)
    transcript = done.transcript
    by = {"A": "Speaker 1", "C": "Speaker 2"}  # the agent begins
    assert done.warnings == ()
    assert set(names(transcript)) == set(by.values())
    assert {turn.channel for turn in transcript.turns} == {0}
    assert all(
        before != after for before, after in zip(names(transcript), names(transcript)[1:], strict=False)
    )
    right = [
        by[line.who] == turn.speaker
        for turn in transcript.turns
        for word in turn.words
        for line in script
        if line.start * 1000 <= word.start_ms < line.end * 1000
    ]
    assert len(right) > 150
    assert sum(right) / len(right) > 0.95
    middles = [(line, (line.start + line.end) / 2) for line in script if line.end - line.start > 3]
    matching = [speaker_at(transcript, middle) <= {by[line.who]} for line, middle in middles]
    assert len(matching) > 8
    assert all(matching)


def test_one_person_alone_is_one_speaker(transcribe: Transcribe, write: Write, call: Path) -> None:
    for side in (0, 1):
        transcript = transcribe(write(f"{side}.wav", read(call)[side : side + 1]), BY_VOICE).transcript
        assert names(transcript) == ["Speaker 1"]
        assert {part.speaker for part in transcript.activity} == {"Speaker 1"}


def test_nobody_asks_for_it_and_nothing_is_told_apart(
    transcribe: Transcribe, write: Write, opening: Samples
) -> None:
    assert names(transcribe(write("mono.wav", mixed(opening))).transcript) == ["Speaker 1"]


def test_of_two_who_speak_at_once_the_louder_is_heard(
    transcribe: Transcribe, write: Write, opening: Samples, script: Sequence[Line]
) -> None:
    agent, customer = opening.astype(np.int32)
    start, end = int(script[1].start * 8000), int(script[1].end * 8000)
    faint = np.zeros_like(agent)
    faint[: end - start] = customer[start:end] // 20  # the customer's line under the agent's first, too
    sound = ((agent + customer + faint) // 2).astype(np.int16)[None]
    transcript = transcribe(write("both.wav", sound), BY_VOICE).transcript
    assert speaker_at(transcript, 2.5) == {"Speaker 1"}
    assert speaker_at(transcript, 8.5) == {"Speaker 2"}
    assert "Harbor" in transcript.turns[0].text


def test_a_name_that_was_given_is_kept_for_one_voice_and_no_guess_for_two(
    transcribe: Transcribe, write: Write, opening: Samples
) -> None:
    named = Ingest(ChannelSpec("Daniel"), diarize=True)
    alone = transcribe(write("agent.wav", opening[:1]), named)
    assert (set(names(alone.transcript)), alone.warnings) == ({"Daniel"}, ())
    both = transcribe(write("call.wav", opening), named)  # a stereo recording is mixed for that
    assert names(both.transcript) == ["Speaker 1", "Speaker 2", "Speaker 1"]
    assert [problem.place for problem in both.warnings] == [PLACE]
    assert "'Daniel'" in both.warnings[0].message


def test_a_mono_call_stored_as_stereo_is_told_apart(
    transcribe: Transcribe, write: Write, opening: Samples
) -> None:
    transcript = transcribe(write("twice.wav", np.repeat(mixed(opening), 2, axis=0)), BY_VOICE).transcript
    assert names(transcript) == ["Speaker 1", "Speaker 2", "Speaker 1"]


def test_speakers_with_channels_of_their_own_need_no_voices(
    transcribe: Transcribe, write: Write, opening: Samples
) -> None:
    stereo = Ingest(tracks=(TrackSpec(0, (ChannelSpec("Agent"), ChannelSpec("Caller"))),), diarize=True)
    done = transcribe(write("call.wav", opening), stereo)
    assert names(done.transcript) == ["Agent", "Caller", "Agent"]
    assert [problem.place for problem in done.warnings] == [PLACE]


def test_silence_has_no_speakers(transcribe: Transcribe, write: Write) -> None:
    transcript = transcribe(write("silence.wav", np.zeros((1, 16_000), np.int16)), BY_VOICE).transcript
    assert (transcript.turns, transcript.activity) == ((), ())


def test_four_voices_are_four_speakers(encoder: SpeakerEncoder) -> None:
    stretches: list[Stretch] = []
    for name in ("dialogues-flite", "dialogues-piper"):
        for side in heard(DIALOGUES / f"{name}.ogg"):
            begin = stretches[-1].end + RATE if stretches else 0
            stretches += [
                Stretch(begin + one.start, begin + one.end, one.embedding)
                for one in stretches_of(side[: 60 * RATE], encoder)
            ]
    assert Diarization(stretches, []).speakers == 4


def test_weights_other_than_the_pinned_are_refused(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    bad = tmp_path / "pretrained.pt"
    bad.write_bytes(pickle.dumps(_Malice(trace)))
    with pytest.raises(WeightsProblem, match="sha256"):
        SpeakerEncoder.load(bad)
    with pytest.raises(WeightsProblem, match="cannot be read"):
        SpeakerEncoder.load(tmp_path / "none.pt")
    assert not trace.exists()


class _Malice:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._trace,)


def test_nothing_in_a_file_of_weights_is_run(tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    for content in (pickle.dumps(_Malice(trace)), b"cos\nsystem\n(S'touch x'\ntR."):
        (tmp_path / "file").write_bytes(content)
        with (tmp_path / "file").open("rb") as file:
            speaker_encoder.SafeUnpickler(file).load()
    assert not trace.exists()


def test_without_the_weights_the_recording_is_recognised_and_the_place_is_named(tmp_path: Path) -> None:
    plan = Plan((Source(0, "Speaker 1", 0, None),), (Problem(15004, "Another."),))
    warned, none = diarization.prepared(plan, BY_VOICE, lambda: SpeakerEncoder.load(tmp_path / "none.pt"))
    assert none is None
    assert warned.sources == plan.sources
    assert [problem.place for problem in warned.warnings] == [None, PLACE]
    assert "cannot be read" in warned.warnings[1].message
    assert diarization.prepared(plan, Ingest(), lambda: pytest.fail("loaded for nothing")) == (plan, None)


def test_alike_stretches_of_different_length_embed_as_they_do_alone(
    call: Path, encoder: SpeakerEncoder
) -> None:
    sound = heard(call)[0]
    stretches = [sound[8000:20_000], sound[8000:33_600], sound[40_000:65_600]]
    together = encoder.embed(stretches)
    for one, stretch in zip(together, stretches, strict=True):
        assert np.allclose(one, encoder.embed([stretch])[0], atol=1e-5)
        assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    quieter = encoder.embed([stretches[1] // 4])[0]
    assert float(quieter @ together[1]) > 0.99


def test_four_hours_of_a_recording_take_little_memory(call: Path, encoder: SpeakerEncoder) -> None:
    [sound] = mixed(np.stack(heard(call)))
    once, seconds = stretches_of(sound, encoder), len(sound) / RATE
    times = int(4 * 3600 / seconds)
    shift = int(seconds + 1) * RATE
    long = [Stretch(n * shift + s.start, n * shift + s.end, s.embedding) for n in range(times) for s in once]
    words = [Word("word", at * 400, at * 400 + 300, 0.9) for at in range(36_000)]
    assert sum(len(stretch.embedding) for stretch in long) < 25e6
    tracemalloc.start()
    try:
        assert Diarization(long, words).speakers == 2
        assert tracemalloc.get_traced_memory()[1] < 200e6
    finally:
        tracemalloc.stop()


def test_a_speaker_changes_where_a_sentence_ends_rather_than_in_a_word_that_runs_on() -> None:
    first, second = np.eye(speaker_encoder.SIZE, dtype=np.float32)[:2]
    stretches = [
        Stretch(
            turn * 4 * RATE + at, turn * 4 * RATE + at + 25_600, (second if turn % 2 else first).tobytes()
        )
        for turn in range(6)
        for at in (0, 12_800, 25_600)
    ]
    words = (
        *(Word("so", at, at + 400, 0.9) for at in range(0, 2800, 400)),
        Word("mean?", 2800, 4300, 0.9),  # its end lies where the other speaks already
        *(Word("yes", at, at + 400, 0.9) for at in range(4300, 6700, 400)),
    )
    said = Diarization(stretches, words).turns()
    assert [(speaker, spoken[-1].text) for speaker, spoken in said] == [(0, "mean?"), (1, "yes")]


def test_windows_with_two_people_are_cut_where_the_speech_pauses() -> None:
    sound = np.random.default_rng(1).normal(0, 3000, 5 * RATE).astype(np.int16)
    window = Window(0, RATE, sound, ((RATE, 3 * RATE), (int(3.2 * RATE), 4 * RATE)))
    with ThreadPoolExecutor(1) as pool:
        found = speakers.stretches(diarization.installed(), [window], pool, 1)
    assert [(one.start, one.end) for one in found] == [(16_000, 41_600), (22_400, 48_000), (51_200, 64_000)]
    turn = Turn("Speaker 1", 0, (Word("a", 0, 1, 1.0),))
    several = Transcript((turn, Turn("Speaker 2", 0, turn.words)))
    plan = Plan((Source(0, "Speaker 1", 0, None),))
    assert diarization.warnings(BY_VOICE, plan, several) == ()
