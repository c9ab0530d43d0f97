"""The containers a recording may come in, by ffmpeg's names for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Container:
    """content_type, extension: as the results name it. muxer: ffmpeg's name for writing it, None: cannot."""

    content_type: str
    extension: str
    muxer: str | None = None


WAV = Container("audio/x-wav", "wav", "wav")
MP4_AUDIO = Container("audio/mp4", "m4a", "ipod")
WEBM_AUDIO = Container("audio/webm", "webm", "webm")
MATROSKA_AUDIO = Container("audio/x-matroska", "mka", "matroska")

# Everything else is refused: some of ffmpeg's demuxers (playlists, concatenations, image sequences) open
# other files and addresses that the recording names.
_BY_DEMUXER = {
    "wav": WAV,
    "w64": Container("audio/x-w64", "w64", "w64"),
    "mp3": Container("audio/mpeg", "mp3", "mp3"),
    "ogg": Container("audio/ogg", "ogg", "ogg"),
    "flac": Container("audio/flac", "flac", "flac"),
    "aiff": Container("audio/x-aiff", "aiff", "aiff"),
    "au": Container("audio/basic", "au", "au"),
    "amr": Container("audio/amr", "amr"),
    "aac": Container("audio/aac", "aac", "adts"),
    "ac3": Container("audio/ac3", "ac3", "ac3"),
    "caf": Container("audio/x-caf", "caf", "caf"),
    "gsm": Container("audio/gsm", "gsm"),
    "wv": Container("audio/x-wavpack", "wv", "wv"),
    "rm": Container("audio/vnd.rn-realaudio", "ra"),
    "asf": Container("audio/x-ms-wma", "wma", "asf"),
    "mov": MP4_AUDIO,
    "matroska": MATROSKA_AUDIO,
    "avi": Container("video/x-msvideo", "avi"),
    "mpeg": Container("video/mpeg", "mpg"),
    "mpegts": Container("video/mp2t", "ts"),
    "flv": Container("video/x-flv", "flv"),
}
_WITH_PICTURES = {
    "asf": Container("video/x-ms-wmv", "wmv", "asf"),
    "mov": Container("video/mp4", "mp4", "ipod"),
    "matroska": Container("video/x-matroska", "mkv", "matroska"),
}
DEMUXERS = ",".join(_BY_DEMUXER)

_STATING = {"wav", "w64", "flac", "mov", "matroska", "aiff", "au", "asf", "avi", "caf", "wv"}
_TIMED = {"matroska", "mov"}
_RIFF_UNKNOWN = 0x7FFFF000  # sizes from here on are what streaming writers put who do not know


def identify(demuxer: str, *, pictures: bool, head: bytes) -> Container:
    """What a file is. demuxer: ffmpeg's name for it, aliases after commas. head: its first bytes (64 do)."""
    name = demuxer.split(",", 1)[0]
    if name == "matroska" and b"webm" in head:
        return Container("video/webm", "webm", "webm") if pictures else WEBM_AUDIO
    if name == "mov" and head[8:11] == b"3gp":
        return Container("video/3gpp" if pictures else "audio/3gpp", "3gp", "ipod")
    if pictures and name in _WITH_PICTURES:
        return _WITH_PICTURES[name]
    return _BY_DEMUXER[name]


def stated_duration(demuxer: str, head: bytes, duration_ms: int, size: int) -> int | None:
    """How long the file says it is, in milliseconds; None where ffmpeg can only guess.

    duration_ms: by ffmpeg. size: of the file, in bytes. ffmpeg goes by what is there of a WAV; its header
    tells what there should be.
    """
    name = demuxer.split(",", 1)[0]
    if name not in _STATING and not (name == "mp3" and (b"Xing" in head or b"Info" in head)):
        return None
    claimed = _claimed_size(head)
    if size < claimed:
        return max(duration_ms, duration_ms * claimed // size)
    return duration_ms


def _claimed_size(head: bytes) -> int:
    """How many bytes the file should have by its own header; 0 where that does not tell."""
    if head[:4] == b"RIFF":
        claimed = int.from_bytes(head[4:8], "little") + 8
        return claimed if claimed < _RIFF_UNKNOWN else 0
    at = 8
    while head[:4] == b"caff" and at + 12 <= len(head):
        length = int.from_bytes(head[at + 4 : at + 12], "big", signed=True)
        if length < 0:  # a data chunk up to the end of the file, whatever that is
            return 0
        at += 12 + length
        if head[at - 12 - length :][:4] == b"data":
            return at
    return 0


def is_cut_off(demuxer: str, tail: bytes) -> bool:
    """Whether an Ogg file ends without its last page, or within one (RFC 3533). tail: its last 128 KiB."""
    if demuxer != "ogg":
        return False
    page = tail[max(0, tail.rfind(b"OggS")) :]
    sizes = page[27 : 27 + page[26]] if len(page) > 26 else b""
    return not sizes or not page[5] & 4 or len(page) < 27 + len(sizes) + sum(sizes)


def has_times(demuxer: str, codec: str) -> bool:
    """Whether the time stamps of such a file tell when a sound was recorded, not just in which order."""
    name = demuxer.split(",", 1)[0]
    return name in _TIMED or (name == "ogg" and codec == "opus")


def written_as(container: Container) -> Container:
    """The container for a rendition of the sound alone: the same one, its form without pictures, or WAV."""
    if container.muxer is None:
        return WAV
    alone = {"ipod": MP4_AUDIO, "webm": WEBM_AUDIO, "matroska": MATROSKA_AUDIO, "asf": _BY_DEMUXER["asf"]}
    return alone.get(container.muxer, container)
