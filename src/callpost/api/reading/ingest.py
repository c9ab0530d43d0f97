"""ingest: which speaker is on which channel (docs/how-to-guides/stereo.md, errors 15000 to 15005)."""

from callpost.api.reading.document import Section
from callpost.model.configuration import ChannelSpec, Ingest, TrackSpec

_WAYS = ("speakerName", "stereo", "channels", "tracks")


def read(section: Section) -> Ingest:
    """One speaker for all channels, or one per channel: the four ways to say so exclude each other."""
    section.known("allowDeferredProcessing")
    diarize = section.flag("diarization") or False
    given = [way for way in _WAYS if way in section]
    if len(given) > 1:
        section.refuse(15000, f"Specify one of {', '.join(_WAYS)}, not {' and '.join(given)}.")
    ingest = Ingest(_speaker(section), _tracks(section), diarize)
    _require_one_to_hear(section, ingest)
    return ingest


def _speaker(section: Section) -> ChannelSpec | None:
    name, role = section.text("speakerName"), section.text("speakerRole")
    return ChannelSpec(name, role) if name else None


def _tracks(section: Section) -> tuple[TrackSpec, ...]:
    if "stereo" in section:
        return (TrackSpec(0, _stereo(section.section("stereo"))),)
    if channels := _channels(section):
        return (TrackSpec(0, channels),)
    tracks = tuple(_track(item, index) for index, item in enumerate(section.sections("tracks")))
    if len({track.index for track in tracks}) < len(tracks):
        section.refuse(15000, "Two tracks have the same trackIndex.", "tracks")
    return tracks


def _stereo(section: Section) -> tuple[ChannelSpec, ...]:
    sides = [side for side in ("left", "right") if side in section]
    if not sides:
        section.refuse(15001, "Provide the channels left and right.")
    elif len(sides) == 1:
        section.refuse(15003, f"Only {sides[0]} was found. Provide both left and right.")
    return tuple(_channel(section.section(side)) for side in sides)


def _channels(section: Section) -> tuple[ChannelSpec, ...]:
    return tuple(_channel(item) for item in section.sections("channels"))


def _track(section: Section, position: int) -> TrackSpec:
    index = section.whole("trackIndex")
    channels = _channels(section)
    speaker = _speaker(section)
    if channels and speaker:
        section.refuse(15000, "A track has either a speakerName or channels.")
    if not channels and speaker is None:
        section.refuse(15001, "Provide a speakerName or the channels of the track.")
    return TrackSpec(position if index is None else index, channels or ((speaker,) if speaker else ()))


def _channel(section: Section) -> ChannelSpec:
    ignore = section.flag("ignore") or False
    name = section.text("speakerName")
    if not name and not ignore:
        section.refuse(15002, "Provide the speakerName of this channel.")
    return ChannelSpec(name or "", section.text("speakerRole"), ignore)


def _require_one_to_hear(section: Section, ingest: Ingest) -> None:
    channels = [channel for track in ingest.tracks for channel in track.channels]
    if channels and all(channel.ignore for channel in channels):
        section.refuse(15005, "All channels are ignored. Specify one of them to process.")
