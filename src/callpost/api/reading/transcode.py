"""publish.audioTranscode: the format in which audio is delivered (docs/how-to-guides/transcoding.md)."""

from callpost.api.reading.document import Section
from callpost.model.configuration import AudioFormat, AudioTranscode

_CODECS = {
    AudioFormat.WAV: ("pcm", "mulaw", "alaw"),
    AudioFormat.MP3: ("mp3",),
    AudioFormat.FLAC: ("flac",),
    AudioFormat.OPUS: ("opus",),
    AudioFormat.OGG: ("opus", "flac"),
}
"""The first of each is the default."""

_NAMES = {
    "pcm_s16le": "pcm",
    "pcm_mulaw": "mulaw",
    "ulaw": "mulaw",
    "pcm_alaw": "alaw",
    "libmp3lame": "mp3",
    "libopus": "opus",
}
_VORBIS = ("vorbis", "libvorbis")


def read(section: Section) -> AudioTranscode | None:
    """What is asked for; None where the section is empty. 10007: a format or a pair that there is not."""
    only = section.flag("onlyIfRedacted") or False
    chosen = section.choice("fileFormat", AudioFormat, 10007)
    codec = section.text("codec")
    if chosen is None and codec is None and "onlyIfRedacted" not in section:
        return None
    format_ = chosen or AudioFormat.WAV
    return AudioTranscode(format_, _codec(section, format_, codec), only)


def _codec(section: Section, format_: AudioFormat, asked: str | None) -> str:
    possible = _CODECS[format_]
    if asked is None:
        return possible[0]
    name = _NAMES.get(asked.strip().lower(), asked.strip().lower())
    if name in possible:
        return name
    if name in _VORBIS and format_ is AudioFormat.OGG:
        section.notes.warn(10008, "Vorbis is written as Opus, in the same container.", section.at("codec"))
    else:
        message = f"The codec ({asked}) cannot be written into {format_}; possible: {', '.join(possible)}."
        section.refuse(10007, message, "codec")
    return possible[0]
