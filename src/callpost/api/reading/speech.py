"""speechModel: language, engine and extras (docs/how-to-guides/languages.rst, speech-engine.rst)."""

import re
from collections.abc import Collection

from callpost.api.reading.document import Section

DEFAULT_LANGUAGE = "en-US"

_DOCUMENTED = ("en", "es", "fr", "de", "it", "pt")
_ON_REQUEST = (
    *("ar", "bg", "ca", "cs", "da", "el", "fi", "hi", "hr", "hu", "ja", "ko", "lt", "lv"),
    *("ms", "nl", "no", "pl", "ro", "ru", "sk", "sl", "sv", "tr", "zh"),
)
LANGUAGES = frozenset((*_DOCUMENTED, *_ON_REQUEST))
"""ISO 639-1 codes of the languages in the documentation's table and of those below it."""

ENGINES = ("titan", "europa", "proteus")
_FEATURES = ("advancedPunctuation", "voiceFeatures")
_EXTENSIONS = ("voicemail",)
_LANGUAGE = re.compile(r"([a-z]{2})(?:[-_]([a-z]{2}))?", re.IGNORECASE)
_MODEL = re.compile(r"[\w][\w.-]{0,63}", re.ASCII)


def language(section: Section) -> str:
    """As VoiceBase writes it ("en-US"), whatever the case; en-GB is VoiceBase's en-UK."""
    text = section.text("language")
    if text is None:
        return DEFAULT_LANGUAGE
    found = _LANGUAGE.fullmatch(text.strip())
    if found is None or found[1].lower() not in LANGUAGES:
        section.refuse(10601, f"The language ({text}) is not supported.", "language")
        return DEFAULT_LANGUAGE
    return f"{found[1].lower()}-{found[2].upper()}" if found[2] else found[1].lower()


def model(section: Section, offered: Collection[str] | None) -> str | None:
    """A recognition model by name; VoiceBase's own engines leave the choice to the operator.

    offered: what the operator lets be asked for, None: anything.
    """
    name = section.text("model")
    if name is None or name.lower() in ENGINES:
        return None
    # Only a name, never a path: it comes from the caller, and models are looked up in folders.
    if not _MODEL.fullmatch(name) or (offered is not None and name not in offered):
        names = f" There are {', '.join(sorted(filter(_MODEL.fullmatch, offered)))}." if offered else ""
        section.refuse(20001, f"There is no speech model ({name}).{names}", "model")
        return None
    return name


def features(section: Section) -> tuple[str, ...]:
    """advancedPunctuation comes with every model; others are doubted, and left out."""
    return _known(section, "features", _FEATURES, 10603)


def extensions(section: Section) -> tuple[str, ...]:
    return _known(section, "extensions", _EXTENSIONS, 10602)


def _known(section: Section, name: str, known: tuple[str, ...], code: int) -> tuple[str, ...]:
    found = []
    for place, value in section.texts(name):
        if value in known:
            found.append(value)
        else:
            section.notes.doubt(code, f"The speech model has no '{value}' here.", place)
    return tuple(found)
