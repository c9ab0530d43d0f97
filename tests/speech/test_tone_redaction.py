"""What is redacted is gone, in every container, and everything else is still there."""

from pathlib import Path

import av
import numpy as np
import pytest
from speech_recordings import Samples, Write, add_tracks, read

from callpost.errors import UnreadableRecording
from callpost.model.redaction import ToneRedaction
from callpost.speech.redaction import redact

REGIONS = ((1500, 3000), (12_500, 15_000))
TONE = ToneRedaction(REGIONS, 1000, 0.25)

FORMATS = [
    ("call.wav", "pcm_s16le", "audio/x-wav"),
    ("mulaw.wav", "pcm_mulaw", "audio/x-wav"),
    ("call.mp3", "libmp3lame", "audio/mpeg"),
    ("call.opus", "libopus", "audio/ogg"),
    ("call.flac", "flac", "audio/flac"),
    ("call.m4a", "aac", "audio/mp4"),
    ("call.webm", "libopus", "audio/webm"),
    ("call.wma", "wmav2", "audio/x-ms-wma"),
    ("call.aiff", "pcm_s16be", "audio/x-aiff"),
    ("adpcm.wav", "adpcm_ms", "audio/x-wav"),
]


@pytest.mark.parametrize(("name", "codec", "content_type"), FORMATS, ids=[case[0] for case in FORMATS])
def test_no_trace_of_the_original_is_left_in_the_regions(
    write: Write, opening: Samples, name: str, codec: str, content_type: str
) -> None:
    source = write(name, opening, codec)
    target = source.with_name("redacted")
    assert redact(source, target, TONE, lambda *_: None)[0] == content_type
    rate = rate_of(target)
    after = read(target)
    assert after.shape[1] / rate == pytest.approx(17.2, abs=0.3)
    for start_ms, end_ms in REGIONS:
        inside = slice((start_ms + 150) * rate // 1000, (end_ms - 150) * rate // 1000)
        for channel in after:
            assert share_of_tone(channel[inside], rate) > 0.98
    kept = np.abs(after[1, 6 * rate : 11 * rate]).max()
    assert kept > 0.3 * np.abs(opening[1, 6 * 8000 : 11 * 8000]).max()


def rate_of(path: Path) -> int:
    with av.open(str(path)) as container:
        return container.streams.audio[0].rate


def share_of_tone(samples: np.ndarray, rate: int) -> float:
    """How much of the energy lies within 50 Hz of the tone."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    return float(power[np.abs(frequency - 1000) < 50].sum() / power.sum())


def test_regions_are_replaced_to_the_sample_and_the_rest_is_untouched(write: Write, opening: Samples) -> None:
    source = write("call.wav", opening)
    target = source.with_name("redacted.wav")
    redact(source, target, ToneRedaction(((1000, 2000),), 440, 0.5), lambda *_: None)
    after = read(target)
    assert np.array_equal(after[:, :8000], opening[:, :8000])
    assert np.array_equal(after[:, 16_000:], opening[:, 16_000:])
    expected = 0.5 * 32_768 * np.sin(2 * np.pi * 440 * np.arange(8000, 16_000) / 8000)
    assert np.abs(after[:, 8000:16_000] - expected).max() <= 2


def test_a_tone_of_0_hz_is_silence(write: Write, opening: Samples) -> None:
    source = write("call.wav", opening)
    target = source.with_name("redacted.wav")
    redact(source, target, ToneRedaction(((0, 99_999),), 0, 1.0), lambda *_: None)
    assert np.abs(read(target)).max() <= 1


def test_every_track_is_redacted_and_pictures_are_left_out(tmp_path: Path, opening: Samples) -> None:
    source, target = tmp_path / "tracks.mka", tmp_path / "redacted.mka"
    with av.open(str(source), "w") as container:
        add_tracks(container, [opening[:1], opening[1:]], "pcm_s16le", 8000)
    assert redact(source, target, TONE, lambda *_: None) == ("audio/x-matroska", "mka")
    for track in (0, 1):
        assert share_of_tone(read(target, track)[0, 12_800:23_200], 8000) > 0.99


def test_what_ffmpeg_cannot_write_becomes_a_wav(write: Write, opening: Samples) -> None:
    source = write("old.ogg", np.repeat(opening, 3, axis=1), "vorbis", rate=22_050)
    target = source.with_name("redacted")
    assert redact(source, target, TONE, lambda *_: None) == ("audio/x-wav", "wav")
    assert read(target).shape[0] == 2


def test_progress_is_reported_on_the_way(call: Path, tmp_path: Path) -> None:
    seen: list[tuple[float, int]] = []
    redact(call, tmp_path / "redacted.wav", TONE, lambda *state: seen.append(state))
    assert len(seen) >= 5
    assert seen == sorted(seen)


def test_bad_media_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "letter.wav"
    source.write_text("Dear Sir or Madam")
    with pytest.raises(UnreadableRecording):
        redact(source, tmp_path / "out.wav", TONE, lambda *_: None)
