"""Whatever container a phone system writes, the same sound comes out, channel by channel."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from speech_recordings import Samples, Write, add_tracks, envelope, heard, likeness

from callpost.errors import UnreadableRecording
from callpost.model.configuration import ChannelSpec, Ingest, TrackSpec
from callpost.speech import audio

FORMATS = [
    ("pcm.wav", "pcm_s16le", "audio/x-wav", "wav"),
    ("mulaw.wav", "pcm_mulaw", "audio/x-wav", "wav"),
    ("alaw.wav", "pcm_alaw", "audio/x-wav", "wav"),
    ("adpcm.wav", "adpcm_ms", "audio/x-wav", "wav"),
    ("ima.wav", "adpcm_ima_wav", "audio/x-wav", "wav"),
    ("call.mp3", "libmp3lame", "audio/mpeg", "mp3"),
    ("call.ogg", "vorbis", "audio/ogg", "ogg"),
    ("call.opus", "libopus", "audio/ogg", "ogg"),
    ("call.flac", "flac", "audio/flac", "flac"),
    ("call.m4a", "aac", "audio/mp4", "m4a"),
    ("call.webm", "libopus", "audio/webm", "webm"),
    ("call.mka", "pcm_s16le", "audio/x-matroska", "mka"),
    ("call.wma", "wmav2", "audio/x-ms-wma", "wma"),
    ("call.aiff", "pcm_s16be", "audio/x-aiff", "aiff"),
    ("call.au", "pcm_mulaw", "audio/basic", "au"),
    ("call.aac", "aac", "audio/aac", "aac"),
    ("8bit.wav", "pcm_u8", "audio/x-wav", "wav"),
    ("24bit.wav", "pcm_s24le", "audio/x-wav", "wav"),
    ("32bit.wav", "pcm_s32le", "audio/x-wav", "wav"),
    ("float.wav", "pcm_f32le", "audio/x-wav", "wav"),
    ("double.wav", "pcm_f64le", "audio/x-wav", "wav"),
    ("long.w64", "pcm_s16le", "audio/x-w64", "w64"),
    ("call.wv", "wavpack", "audio/x-wavpack", "wv"),
    ("call.caf", "pcm_s16le", "audio/x-caf", "caf"),
    ("ima.caf", "adpcm_ima_qt", "audio/x-caf", "caf"),
    ("lossless.m4a", "alac", "audio/mp4", "m4a"),
    ("call.3gp", "aac", "audio/3gpp", "3gp"),
    ("call.mov", "pcm_mulaw", "audio/mp4", "m4a"),
    ("call.avi", "pcm_mulaw", "video/x-msvideo", "avi"),
    ("call.ts", "aac", "video/mp2t", "ts"),
]
ONE_CHANNEL = [("gsm.wav", "audio/x-wav", "wav"), ("wideband.amr", "audio/amr", "amr")]
RATES = [6000, 8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]


@pytest.mark.parametrize("case", FORMATS, ids=[case[0] for case in FORMATS])
def test_a_container_is_known_by_its_content_and_its_channels_stay_apart(
    write: Write, opening: Samples, case: tuple[str, str, str, str]
) -> None:
    name, codec, content_type, extension = case
    rate = 48_000 if codec == "libopus" else 8000
    path = write(name, np.repeat(opening, rate // 8000, axis=1), codec, rate=rate)
    renamed = path.rename(path.with_name("upload"))
    with audio.opened(renamed) as recording:
        assert (recording.kind.content_type, recording.kind.extension) == (content_type, extension)
    left, right = heard(renamed)
    assert len(left) == len(right) == pytest.approx(17.2 * 16_000, abs=0.3 * 16_000)
    agent, customer = (envelope(channel, 8000) for channel in opening)
    assert likeness(envelope(left, 16_000), agent) > 0.85
    assert likeness(envelope(right, 16_000), customer) > 0.85
    assert likeness(envelope(left, 16_000), customer) < 0.2


@pytest.mark.parametrize("name", ["call.amr", "call.3gp"])
def test_a_call_of_a_mobile_phone_is_heard(write: Write, opening: Samples, name: str) -> None:
    (heard_,) = heard(
        write(name, opening[:1], "libopencore_amrnb").rename(write("upload", opening[:1], form="wav"))
    )
    assert likeness(envelope(heard_, 16_000), envelope(opening[0], 8000)) > 0.9


@pytest.mark.parametrize("case", ONE_CHANNEL, ids=[case[0] for case in ONE_CHANNEL])
def test_codecs_that_only_other_programs_write_are_heard(
    opening: Samples, case: tuple[str, str, str]
) -> None:
    name, *kind = case
    path = Path(__file__).parent / "fixtures" / name
    with audio.opened(path) as recording:
        assert [recording.kind.content_type, recording.kind.extension] == kind
    (samples,) = heard(path)
    assert len(samples) == pytest.approx(2.4 * 16_000, abs=0.1 * 16_000)
    assert likeness(envelope(samples, 16_000), envelope(opening[0][:19_200], 8000)) > 0.9


@pytest.mark.parametrize("rate", RATES)
def test_any_sampling_rate_keeps_time(write: Write, opening: Samples, rate: int) -> None:
    times = np.arange(int(17.2 * rate)) / rate * 8000
    samples = np.stack([np.interp(times, np.arange(len(row)), row) for row in opening]).astype(np.int16)
    left, right = heard(write("call.wav", samples, rate=rate))
    assert len(left) == pytest.approx(17.2 * 16_000, abs=20)
    assert likeness(envelope(left, 16_000), envelope(opening[0], 8000)) > 0.99
    assert likeness(envelope(right, 16_000), envelope(opening[1], 8000)) > 0.99


@pytest.mark.parametrize(
    ("name", "codec"), [("v.mkv", "aac"), ("v.avi", "pcm_mulaw"), ("v.mov", "aac"), ("v.wmv", "wmav2")]
)
def test_the_sound_of_any_video_is_heard(tmp_path: Path, opening: Samples, name: str, codec: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w", format="asf" if name == "v.wmv" else None) as container:
        draw = add_picture(container)
        add_tracks(container, [opening], codec, 8000)
        draw()
    with audio.opened(path) as recording:
        assert recording.kind.content_type.startswith("video/")
    left, right = heard(path)
    assert likeness(envelope(left, 16_000), envelope(opening[0], 8000)) > 0.85
    assert likeness(envelope(right, 16_000), envelope(opening[1], 8000)) > 0.85


def test_blocks_are_joined_without_a_seam(write: Write, opening: Samples) -> None:
    path = write("call.wav", opening)
    with audio.opened(path) as recording:
        sources = [audio.Source(0, "A", 0, 0)]
        small = np.concatenate([block[0] for block in recording.blocks(sources, 1000)])
    assert np.array_equal(small, heard(path)[0])


def test_a_video_with_sound_is_heard_and_named_a_video(tmp_path: Path, opening: Samples) -> None:
    path = tmp_path / "meeting.bin"
    with av.open(str(path), "w", format="mp4") as container:
        draw = add_picture(container)
        add_tracks(container, [opening], "aac", 8000)
        draw()
    with audio.opened(path) as recording:
        assert recording.kind.content_type == "video/mp4"
    assert len(heard(path)) == 2


def add_picture(container: av.container.OutputContainer) -> Callable[[], None]:
    """Add a track of pictures, and return what draws one: not before all tracks are there."""
    stream = container.add_stream("mpeg4", rate=10)
    stream.width = stream.height = 64
    stream.pix_fmt = "yuv420p"

    def draw() -> None:
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux([*stream.encode(frame), *stream.encode(None)])

    return draw


def test_each_track_is_read_for_itself(tmp_path: Path, opening: Samples) -> None:
    path = tmp_path / "tracks.mka"
    with av.open(str(path), "w") as container:
        add_tracks(container, [channel[None] for channel in opening], "pcm_s16le", 8000)
    names = [TrackSpec(number, (ChannelSpec(name),)) for number, name in enumerate(("Agent", "Customer"))]
    left, right = heard(path, Ingest(tracks=tuple(names)))
    assert likeness(envelope(left, 16_000), envelope(opening[0], 8000)) > 0.99
    assert likeness(envelope(right, 16_000), envelope(opening[1], 8000)) > 0.99


def test_a_recording_whose_form_changes_in_the_middle_is_read_to_its_end(
    tmp_path: Path, write: Write, opening: Samples
) -> None:
    stereo = write("a.mp3", opening, "libmp3lame").read_bytes()
    mono = write("b.mp3", np.repeat(opening[:1], 2, axis=1), "libmp3lame", rate=16_000).read_bytes()
    path = tmp_path / "joined.mp3"
    path.write_bytes(stereo + mono)
    assert len(heard(path)[0]) == pytest.approx(2 * 17.2 * 16_000, rel=0.03)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"Hello, this is a letter and not a recording.\n" * 50, "format"),
        (b"\x00" * 5000, "format"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "format"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n", "format"),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "format"),
        (b"%PDF-1.7\n" + b"\x93\x8c\x8b\x9e" * 500, "format"),
    ],
    ids=["empty", "text", "zeros", "header-only", "playlist", "concat", "pdf"],
)
def test_what_is_no_recording_is_refused_with_10201(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableRecording, match=why) as caught, audio.opened(path):
        pass
    assert caught.value.problem.code == 10201


def test_a_video_without_sound_is_refused_with_10201(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        add_picture(container)()
    with pytest.raises(UnreadableRecording, match="no audio"), audio.opened(path):
        pass


def test_a_missing_file_is_our_fault_and_not_the_recordings(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), audio.opened(tmp_path / "nowhere.wav"):
        pass
