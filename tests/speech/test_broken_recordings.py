"""What phone systems, cut lines and enemies make of recordings: a result or error 10201, never a crash."""

import random
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import av
import numpy as np
import pytest
from benchmarks.broken_recordings import mutated
from speech_recordings import Samples, Write, add_tracks, envelope, heard

from callpost.errors import UnreadableRecording
from callpost.model.configuration import ChannelSpec, Ingest, TrackSpec
from callpost.speech import audio, ingest
from callpost.speech.process import RecognizerProcess
from callpost.speech.recognizer import RecognitionRequest

_CODECS = {
    "wav": ("pcm_mulaw", 8000),
    "mp3": ("libmp3lame", 8000),
    "m4a": ("aac", 8000),
    "ogg": ("libopus", 48_000),
    "flac": ("flac", 8000),
    "webm": ("libopus", 48_000),
    "wma": ("wmav2", 8000),
    "amr": ("libopencore_amrnb", 8000),
    "aiff": ("pcm_s16be", 8000),
    "au": ("pcm_mulaw", 8000),
    "caf": ("pcm_s16le", 8000),
    "avi": ("pcm_mulaw", 8000),
    "ts": ("aac", 8000),
}
_SEED = 4
_MUTATIONS = 3  # of each container


@pytest.fixture
async def recognizer(models_folder: Path) -> AsyncIterator[RecognizerProcess]:
    async with RecognizerProcess("tiny.en", models_folder) as opened:
        yield opened


def written(write: Write, extension: str, opening: Samples) -> Path:
    codec, rate = _CODECS[extension]
    channels = opening[:1] if extension == "amr" else opening
    return write(f"call.{extension}", np.repeat(channels, rate // 8000, axis=1), codec, rate=rate)


def wav(
    data: bytes, *, rate: int = 8000, channels: int = 1, bits: int = 16, form: int = 1, size: int = -1
) -> bytes:
    """A RIFF file that says of itself whatever it is told to say."""
    step = max(1, channels * bits // 8) & 0xFFFF
    size = len(data) if size < 0 else size
    layout = struct.pack("<HHIIHH", form, channels, rate, rate * step & 0xFFFFFFFF, step, bits)
    riff = struct.pack("<4sI4s4sI", b"RIFF", min(size + 36, 0xFFFFFFFF), b"WAVE", b"fmt ", len(layout))
    return riff + layout + b"data" + struct.pack("<I", size) + data


def complaints(path: Path) -> list[str]:
    """Read all of it, and what there is to say of it."""
    with audio.opened(path) as recording:
        plan = ingest.plan([track.channels for track in recording.tracks], Ingest())
        samples = sum(max(map(len, block)) for block in recording.blocks(plan.sources, 80_000))
        warnings = recording.warnings(samples // audio.SAMPLES_PER_MS)
    assert all(warning.code == 10201 for warning in warnings)
    return [warning.message for warning in warnings]


@pytest.mark.parametrize("extension", sorted({*_CODECS} - {"m4a", "ts"}))
def test_half_a_recording_is_read_with_a_warning(write: Write, opening: Samples, extension: str) -> None:
    path = written(write, extension, opening)
    assert complaints(path) == []
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert len(heard(path)[0]) == pytest.approx(8.6 * 16_000, abs=16_000)
    assert len(complaints(path)) > 0


def test_half_an_mp4_whose_index_comes_first_is_read_with_a_warning(tmp_path: Path, opening: Samples) -> None:
    path = tmp_path / "call.m4a"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        add_tracks(container, [opening], "aac", 8000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert len(heard(path)[0]) == pytest.approx(8.6 * 16_000, abs=1.5 * 16_000)
    assert "that its header claims" in complaints(path)[-1]


def test_an_mp4_without_its_index_is_refused_with_10201(write: Write, opening: Samples) -> None:
    path = written(write, "m4a", opening)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadableRecording, match="damaged") as caught, audio.opened(path):
        pass
    assert caught.value.problem.code == 10201


def test_sound_that_was_not_recorded_leaves_a_pause_and_all_words_keep_their_times(
    write: Write, opening: Samples
) -> None:
    path = written(write, "webm", opening)
    whole = heard(path)[0]
    with av.open(str(path)) as source, av.open(str(path.with_name("holes.mka")), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is not None and not 5 < float(packet.pts * packet.time_base) < 8:
                packet.stream = stream
                out.mux(packet)
    with_hole = heard(path.with_name("holes.mka"))[0]
    assert len(with_hole) == pytest.approx(len(whole), abs=800)
    assert np.abs(with_hole[int(5.2 * 16_000) : int(7.8 * 16_000)]).max() == 0
    after = slice(9 * 16_000, 16 * 16_000)
    assert np.corrcoef(*(envelope(row[after], 16_000) for row in (with_hole, whole)))[0, 1] > 0.95
    assert "3.0 s have no sound" in complaints(path.with_name("holes.mka"))[0]


def test_who_joins_later_is_heard_later(tmp_path: Path, opening: Samples) -> None:
    path = tmp_path / "conference.mka"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in opening]
        for number, (stream, samples) in enumerate(zip(streams, opening, strict=True)):
            for at in range(0, 5 * 8000, 800):
                packed = np.ascontiguousarray(samples[None, at : at + 800])
                frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="mono")
                frame.sample_rate, frame.pts = 8000, at + number * 4 * 8000
                container.mux(stream.encode(frame))
    names = tuple(TrackSpec(number, (ChannelSpec(name),)) for number, name in enumerate(("A", "B")))
    first, second = heard(path, Ingest(tracks=names))
    assert np.abs(second[: 4 * 16_000 - 100]).max() == 0
    assert np.abs(first[: 4 * 16_000]).max() > 0


_SPEECH = np.random.default_rng(_SEED).normal(0, 3000, 16_000).astype("<i2").tobytes()
_NUMBERS = np.full(16_000, 0.1, "<f4")
_ODD = {
    "one sample": (wav(b"\1\0"), ""),
    "says it has 4 GB": (wav(_SPEECH, size=0xFFFFFFF0), ""),
    "says it has none": (wav(_SPEECH, size=0), ""),
    "no numbers": (wav(np.full(16_000, np.nan, "<f4").tobytes(), form=3, bits=32), ""),
    "infinite": (wav((_NUMBERS * np.inf).tobytes(), form=3, bits=32), ""),
    "enormous": (wav((_NUMBERS * 1e38).tobytes(), form=3, bits=32), ""),
    "24 channels": (wav(_SPEECH[: 24 * 1200], channels=24), ""),
    "200 channels": (wav(_SPEECH, channels=200), "200 channels"),
    "60,000 channels": (wav(_SPEECH * 10, channels=60_000), "decoded"),
    "no channels": (wav(_SPEECH, channels=0), "decoded"),
    "no bits": (wav(_SPEECH, bits=0), "coded in a way"),
    "a codec nobody has": (wav(_SPEECH, form=0x9999), "coded in a way"),
    "1 Hz": (wav(_SPEECH, rate=1), "sampled at 1 Hz"),
    "384 kHz": (wav(_SPEECH, rate=384_000), ""),
    "2 GHz": (wav(_SPEECH, rate=2**31 - 1), "decoded"),
    "noise that begins as an MP3 does": (b"\xff\xfb\x90\x64" + _SPEECH, "cannot be read"),
    "a tag without an MP3": (b"ID3\4\0\0\x7f\x7f\x7f\x7f" + _SPEECH, ""),
    "a session description": (
        b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
        "format",
    ),
}


async def test_one_process_survives_every_odd_recording(
    recognizer: RecognizerProcess, tmp_path: Path
) -> None:
    pid = recognizer.pid
    for name, (content, why) in _ODD.items():
        path = tmp_path / "call.wav"
        path.write_bytes(content)
        said = await outcome(recognizer, path)
        assert why in said, name
    assert recognizer.pid == pid


async def outcome(recognizer: RecognizerProcess, path: Path) -> str:
    """Nothing where there is a result, the reason where it is refused with 10201."""
    try:
        await recognizer.transcribe(RecognitionRequest(path, Ingest(), "en-US", None), lambda _: None)
    except UnreadableRecording as error:
        return str(error.problem) if error.problem.code == 10201 else f"not 10201: {error.problem}"
    return ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{path}'\n"),
        ("list.wav", "ffconcat version 1.0\nfile '{path}'\n"),
        ("list.mpd", '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file://{path}</BaseURL></MPD>'),
    ],
)
def test_a_list_that_names_another_recording_does_not_open_it(
    write: Write, opening: Samples, name: str, text: str
) -> None:
    other = written(write, "wav", opening)
    path = other.with_name(name)
    path.write_text(text.format(path=other))
    with pytest.raises(UnreadableRecording, match="format"), audio.opened(path):
        pass


async def test_a_few_kilobytes_of_silence_that_are_hours_take_bounded_memory(
    recognizer: RecognizerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "silence.flac"
    minute = np.zeros((1, 60 * 8000), np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=8000, layout="mono")
        for number in range(60):
            frame = av.AudioFrame.from_ndarray(minute, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 8000, number * minute.shape[1]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert path.stat().st_size < 1_000_000
    await outcome(recognizer, path)
    status = Path(f"/proc/{recognizer.pid}/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
    assert peak_kb < 500_000


async def test_mutated_recordings_do_not_bring_the_process_down(
    recognizer: RecognizerProcess, write: Write, opening: Samples
) -> None:
    pid, chance = recognizer.pid, random.Random(_SEED)
    for extension in _CODECS:
        path = written(write, extension, opening[:, : 2 * 8000])
        content = path.read_bytes()
        for _ in range(_MUTATIONS):
            path.write_bytes(mutated(content, chance))
            await outcome(recognizer, path)
    assert recognizer.pid == pid
