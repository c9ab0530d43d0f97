"""Which channel of a recording is whose: the configuration's `ingest` laid over what the file really has."""

from collections.abc import Sequence
from dataclasses import dataclass

from callpost.errors import Problem, UnreadableRecording
from callpost.model.configuration import ChannelSpec, Ingest, TrackSpec

_PLACE = "ingest"


@dataclass(frozen=True, slots=True)
class Source:
    """One stretch of sound to be recognised under one name.

    number: counts the channels of all tracks in use, 0-based, ignored ones included.
    track: 0-based among the audio tracks. channel: 0-based within the track, None: all of them mixed.
    """

    number: int
    speaker: str
    track: int
    channel: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    sources: tuple[Source, ...]
    warnings: tuple[Problem, ...] = ()


def plan(tracks: Sequence[int], ingest: Ingest) -> Plan:
    """Lay `ingest` over a recording whose audio tracks have so many channels each.

    Raises UnreadableRecording with 15004 (channels that the recording does not have, or has and the
    configuration leaves out) or 15005 (every channel ignored).
    """
    if ingest.tracks:
        return _named(tracks, ingest.tracks)
    warnings = _further_tracks(tracks)
    if ingest.speaker is not None:
        return Plan((Source(0, ingest.speaker.speaker_name, 0, None),), warnings)
    return Plan(_unnamed(tracks[0]), warnings)


def _unnamed(channels: int) -> tuple[Source, ...]:
    """Speakers as VoiceBase numbers them where nobody named them (docs/data-formats/media.rst)."""
    if channels == 1:
        return (Source(0, "Speaker 1", 0, None),)
    return tuple(Source(number, f"Speaker {number + 1}", 0, number) for number in range(channels))


def _further_tracks(tracks: Sequence[int]) -> tuple[Problem, ...]:
    if len(tracks) == 1:
        return ()
    message = f"The recording has {len(tracks)} audio tracks; only the first one is recognised. "
    return (Problem(15004, message + "Name the others in ingest.tracks.", _PLACE),)


def _named(tracks: Sequence[int], specs: Sequence[TrackSpec]) -> Plan:
    sources: list[Source] = []
    warnings: list[Problem] = []
    number = 0
    for spec in specs:
        if spec.index >= len(tracks):
            raise UnreadableRecording(_missing_track(spec.index, len(tracks)))
        names, warning = _fitted(spec, tracks[spec.index])
        warnings += [warning] if warning else []
        for channel, name in enumerate(names):
            if not name.ignore:
                only = tracks[spec.index] == 1
                sources.append(
                    Source(number + channel, name.speaker_name, spec.index, None if only else channel)
                )
        number += len(names)
    if not sources:
        message = "The configuration ignores all the channels of the recording. Name one to be processed."
        raise UnreadableRecording(Problem(15005, message, _PLACE))
    return Plan(tuple(sources), tuple(warnings))


def _fitted(spec: TrackSpec, channels: int) -> tuple[tuple[ChannelSpec, ...], Problem | None]:
    """The names for the channels a track really has; mono takes the first name that is not ignored."""
    if len(spec.channels) == channels:
        return spec.channels, None
    if channels != 1:
        message = (
            f"The configuration includes {len(spec.channels)} channel(s) and the media contains {channels} "
            "channel(s). Please provide configuration for all channels in the media."
        )
        raise UnreadableRecording(Problem(15004, message, _PLACE))
    heard = [name for name in spec.channels if not name.ignore] or list(spec.channels)
    message = (
        f"The configuration names {len(spec.channels)} channels but the recording has one: everything said "
        f"is given to {heard[0].speaker_name!r}."
    )
    return (heard[0],), Problem(15004, message, _PLACE)


def _missing_track(index: int, tracks: int) -> Problem:
    message = f"The configuration names audio track {index} and the media contains {tracks} track(s), from 0."
    return Problem(15004, message, _PLACE)
