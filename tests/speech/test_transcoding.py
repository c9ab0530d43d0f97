"""A recording in another format: the same sound, in the container and codec that were asked for."""

from pathlib import Path

import av
import numpy as np
import pytest
from speech_recordings import Samples, Write, add_tracks, read

from callpost.errors import UnreadableRecording
from callpost.model.configuration import AudioFormat, AudioTranscode
from callpost.speech.transcoding import transcode

FORMATS = [
    ("wav", "pcm", "audio/x-wav", "wav", "pcm_s16le"),
    ("wav", "mulaw", "audio/x-wav", "wav", "pcm_mulaw"),
    ("wav", "alaw", "audio/x-wav", "wav", "pcm_alaw"),
    ("mp3", "mp3", "audio/mpeg", "mp3", "mp3"),
    ("flac", "flac", "audio/flac", "flac", "flac"),
    ("opus", "opus", "audio/ogg", "opus", "opus"),
    ("ogg", "opus", "audio/ogg", "ogg", "opus"),
    ("ogg", "flac", "audio/ogg", "ogg", "flac"),
]


def to(format_: str, codec: str) -> AudioTranscode:
    return AudioTranscode(AudioFormat(format_), codec)


def loudness(samples: Samples) -> np.ndarray:
    """Per channel, the energy of each tenth of the recording."""
    parts = np.array_split(samples.astype(np.float64) / 32_768, 10, axis=1)
    return np.array([[np.sqrt(np.mean(row**2)) for row in part] for part in parts])


@pytest.mark.parametrize("case", FORMATS, ids=["-".join(case[:2]) for case in FORMATS])
def test_the_sound_is_the_same_in_the_other_format(
    write: Write, opening: Samples, case: tuple[str, ...]
) -> None:
    format_, codec, content_type, extension, written = case
    source = write("call.aiff", opening, "pcm_s16be")
    target = source.with_name("rendition")
    assert transcode(source, target, to(format_, codec), lambda *_: None) == (content_type, extension)
    with av.open(str(target)) as container:
        [stream] = container.streams.audio
        assert stream.codec_context.codec.canonical_name == written
        rate = stream.rate
    after = read(target)
    assert after.shape[1] / rate == pytest.approx(17.2, abs=0.3)
    assert loudness(after) == pytest.approx(loudness(opening), abs=0.01, rel=0.2)


def test_what_is_in_that_format_already_is_left_alone(write: Write, opening: Samples) -> None:
    source = write("call.mp3", opening, "libmp3lame")
    target = source.with_name("rendition")
    assert transcode(source, target, to("mp3", "mp3"), lambda *_: None) is None
    assert not target.exists()
    assert transcode(source, target, to("wav", "pcm"), lambda *_: None) == ("audio/x-wav", "wav")


@pytest.mark.parametrize("codec", ["mp3", "opus"])
def test_odd_rates_and_many_channels_become_what_the_codec_takes(
    tmp_path: Path, codec: str, opening: Samples
) -> None:
    source, target = tmp_path / "odd.wav", tmp_path / "rendition"
    with av.open(str(source), "w") as container:
        add_tracks(container, [np.concatenate([opening, opening])], "pcm_s16le", 11_024)
    assert transcode(source, target, to(codec, codec), lambda *_: None) is not None
    assert read(target).shape[0] == 2


def test_several_tracks_are_refused_and_the_reason_is_told(tmp_path: Path, opening: Samples) -> None:
    source = tmp_path / "tracks.mka"
    with av.open(str(source), "w") as container:
        add_tracks(container, [opening[:1], opening[1:]], "pcm_s16le", 8000)
    with pytest.raises(UnreadableRecording) as refusal:
        transcode(source, tmp_path / "rendition", to("mp3", "mp3"), lambda *_: None)
    assert refusal.value.problem.code == 50011


def test_bad_media_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "letter.wav"
    source.write_text("Dear Sir or Madam")
    with pytest.raises(UnreadableRecording) as refusal:
        transcode(source, tmp_path / "out", to("mp3", "mp3"), lambda *_: None)
    assert refusal.value.problem.code == 10201
