"""Who speaks on which channel, and what happens where configuration and recording disagree."""

import pytest

from callpost.errors import UnreadableRecording
from callpost.model.configuration import ChannelSpec, Ingest, TrackSpec
from callpost.speech.ingest import Source, plan

AGENT, CUSTOMER = ChannelSpec("Agent"), ChannelSpec("Customer")
STEREO = Ingest(tracks=(TrackSpec(0, (AGENT, CUSTOMER)),))


def test_without_configuration_each_channel_is_a_numbered_speaker() -> None:
    assert plan([2], Ingest()).sources == (Source(0, "Speaker 1", 0, 0), Source(1, "Speaker 2", 0, 1))
    assert plan([1], Ingest()).sources == (Source(0, "Speaker 1", 0, None),)


def test_a_single_speaker_name_mixes_the_channels() -> None:
    assert plan([2], Ingest(speaker=AGENT)).sources == (Source(0, "Agent", 0, None),)


def test_names_go_to_the_channels_in_order() -> None:
    assert plan([2], STEREO).sources == (Source(0, "Agent", 0, 0), Source(1, "Customer", 0, 1))


def test_an_ignored_channel_is_left_out_and_keeps_its_number() -> None:
    ingest = Ingest(tracks=(TrackSpec(0, (ChannelSpec("Music", ignore=True), CUSTOMER)),))
    assert plan([2], ingest).sources == (Source(1, "Customer", 0, 1),)


def test_a_mono_recording_with_a_stereo_configuration_goes_to_the_first_name_with_a_warning() -> None:
    planned = plan([1], STEREO)
    assert planned.sources == (Source(0, "Agent", 0, None),)
    assert [warning.code for warning in planned.warnings] == [15004]


def test_a_mono_recording_goes_to_the_name_that_is_not_ignored() -> None:
    ingest = Ingest(tracks=(TrackSpec(0, (ChannelSpec("Music", ignore=True), CUSTOMER)),))
    assert plan([1], ingest).sources == (Source(0, "Customer", 0, None),)


@pytest.mark.parametrize("channels", [3, 6])
def test_channels_without_a_name_are_refused_with_15004(channels: int) -> None:
    with pytest.raises(
        UnreadableRecording, match=rf"2 channel\(s\) and the media contains {channels}"
    ) as caught:
        plan([channels], STEREO)
    assert caught.value.problem.code == 15004


def test_a_track_that_is_not_there_is_refused_with_15004() -> None:
    with pytest.raises(UnreadableRecording) as caught:
        plan([2], Ingest(tracks=(TrackSpec(0, (AGENT, CUSTOMER)), TrackSpec(1, (ChannelSpec("Third"),)))))
    assert caught.value.problem.code == 15004


def test_ignoring_every_channel_is_refused_with_15005() -> None:
    nobody = TrackSpec(0, (ChannelSpec("A", ignore=True), ChannelSpec("B", ignore=True)))
    with pytest.raises(UnreadableRecording) as caught:
        plan([2], Ingest(tracks=(nobody,)))
    assert caught.value.problem.code == 15005


def test_channels_of_several_tracks_are_counted_on() -> None:
    ingest = Ingest(tracks=(TrackSpec(0, (AGENT, CUSTOMER)), TrackSpec(1, (ChannelSpec("Supervisor"),))))
    assert [(one.number, one.track, one.channel) for one in plan([2, 1], ingest).sources] == [
        (0, 0, 0),
        (1, 0, 1),
        (2, 1, None),
    ]


def test_further_tracks_that_nobody_asked_for_are_mentioned() -> None:
    planned = plan([1, 1, 2], Ingest())
    assert len(planned.sources) == 1
    assert "3 audio tracks" in planned.warnings[0].message
