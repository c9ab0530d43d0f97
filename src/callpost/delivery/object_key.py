"""The keys of objects in role delivery, by a template of the operator or of the callback. Pure.

A template holds names in braces: `{prependFolder}/year={year}/{metadata.extended.agent}/{mediaId}/{object}`.

- prependFolder: the folder that the role's session is narrowed to. It stands at the beginning, and nowhere
  else; where it is left out it is put there.
- mediaId, and object (`analytics.json`, `media/original.wav`): both are needed, or objects would replace each
  other.
- externalId; date (YYYY-MM-DD), year, month, day, hour: of the recording's creation, UTC; metadata.NAME…: any
  value of the metadata part. What is missing is `none`.

The same recording always gives the same key. Values become one part of a path each: letters and digits of any
script and `- _ . @ +` stay, whatever else is there becomes `_`. Source of the 1024 bytes: AWS, "Naming Amazon
S3 objects".
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from callpost.model.media import Media

DEFAULT_TEMPLATE: Final = "{prependFolder}/{mediaId}/{object}"

_LONGEST_BYTES = 1024
# As media/redacted-audio.wav, and a number where two callbacks ask for the same.
_OBJECT_BYTES = 64
_MEDIA_ID_BYTES = 36
_VALUE_BYTES = range(24, 201)
_NAME = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[^\w\-.@+]")
_FOLDER = "prependFolder"
_METADATA = "metadata."
_DATES: Mapping[str, str] = {"date": "%Y-%m-%d", "year": "%Y", "month": "%m", "day": "%d", "hour": "%H"}
_NAMES = (_FOLDER, "mediaId", "externalId", *_DATES, "object")


def check(template: str, prefix: str = "") -> None:
    """Raises ValueError where `fill` could not fill the template below this prefix."""
    names = _NAME.findall(template)
    literal = _NAME.sub("", template)
    unknown = [name for name in names if name not in _NAMES and not _is_metadata(name)]
    if unknown or "{" in literal or "}" in literal:
        raise ValueError(f"a key template knows only {', '.join(_NAMES)} and metadata.NAME, in braces")
    if not {"mediaId", "object"} <= set(names):
        raise ValueError("a key template needs {mediaId} and {object}, or objects would replace each other")
    if _FOLDER in names and (not template.startswith("{prependFolder}/") or names.count(_FOLDER) > 1):
        raise ValueError("a key template has {prependFolder}/ at its beginning, or not at all")
    if not literal.isprintable() or any(part in (".", "..") for part in template.split("/")):
        raise ValueError("a key template cannot hold a part like . or .., nor control characters")
    if _room(template, prefix) < _VALUE_BYTES.start:
        raise ValueError(f"with this key template keys would be longer than {_LONGEST_BYTES} bytes")


def fill(template: str, prefix: str, media: Media, name: str) -> str:
    """The key of one object, below `prefix`. name: the object's own, as `analytics.json`."""
    most = min(max(_room(template, prefix), _VALUE_BYTES.start), _VALUE_BYTES[-1])
    values = _values(media, name)

    def value(found: re.Match[str]) -> str:
        wanted = found[1]
        if wanted in values:
            return values[wanted]()
        return _one_part(_text(_metadata(media, wanted)), most)

    key = _NAME.sub(value, template.removeprefix("{prependFolder}/"))
    below = (part for part in key.split("/") if part not in ("", ".", ".."))
    return "/".join(filter(None, (prefix, *below)))


def _values(media: Media, name: str) -> dict[str, Callable[[], str]]:
    created = media.date_created.astimezone(UTC)
    return {
        "mediaId": lambda: str(media.media_id),
        "object": lambda: name,
        **{date: _dated(created, pattern) for date, pattern in _DATES.items()},
    }


def _dated(moment: datetime, pattern: str) -> Callable[[], str]:
    return lambda: moment.strftime(pattern)


def _metadata(media: Media, name: str) -> object:
    """The value at a dotted path of the metadata document; None where there is none."""
    found: object = media.metadata.document
    for part in name.removeprefix(_METADATA).split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def _one_part(value: str, most: int) -> str:
    """A part of a path that says no more than itself; what is cut off still tells values apart."""
    safe = _UNSAFE.sub("_", value) or "none"
    if not safe.strip("."):
        safe = "_" * len(safe)
    if len(data := safe.encode()) <= most:
        return safe
    digest = hashlib.sha256(value.encode()).hexdigest()[:8]
    return f"{data[: most - 9].decode(errors='ignore')}-{digest}"


def _room(template: str, prefix: str) -> int:
    """Bytes that each value may have so that no key is too long."""
    names = _NAME.findall(template)
    fixed = len(prefix.encode()) + 1 + len(_NAME.sub("", template).encode())
    fixed += names.count("object") * _OBJECT_BYTES + names.count("mediaId") * _MEDIA_ID_BYTES
    fixed += 10 * sum(name in _DATES for name in names)
    free = [name for name in names if name == "externalId" or _is_metadata(name)]
    return (_LONGEST_BYTES - fixed) // max(1, len(free))


def _is_metadata(name: str) -> bool:
    return name.startswith(_METADATA) and all(name.split("."))
