"""The index of words: written with a recording's end, gone with the recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from callpost.model.media import Media, Metadata
from callpost.model.search import AllOf, AnyOf, NoneOf, Part, Term, Wanted
from callpost.store.database import Connection, load_queries

_SQL = load_queries("search")

CONFIGURATIONS: Final[Mapping[str, str]] = {
    "en": "callpost_english",
    "fr": "callpost_french",
    "de": "callpost_german",
    "it": "callpost_italian",
    "pt": "callpost_portuguese",
    "es": "callpost_spanish",
}
"""By language. Words of others are compared as they stand."""

_ANY_LANGUAGE = "simple"
_WEIGHTS = {Part.TITLE: "A", Part.DESCRIPTION: "B"}

# A tsvector has room for a megabyte. Speech of a day fits; what somebody made to be long may not.
_LONGEST_TEXT, _SAFE_TEXT, _LONGEST_METADATA = 1_000_000, 100_000, 20_000
_LARGEST_VOCABULARY = 500_000


@dataclass(frozen=True, slots=True)
class Text:
    """What was said, as it is delivered.

    vocabulary: its words once each, as VBQL has them; None: VBQL must not find them.
    """

    language: str
    said: str
    vocabulary: Sequence[str] | None = None


async def put(connection: Connection, media: Media, text: Text) -> None:
    """Have a recording found by these words, and no longer by earlier ones."""
    said = _storable(text.said)[:_LONGEST_TEXT]
    try:
        async with connection.transaction():
            await _put(connection, media, text, said)
    except asyncpg.ProgramLimitExceededError:
        await _put(connection, media, text, said[:_SAFE_TEXT])


async def _put(connection: Connection, media: Media, text: Text, said: str) -> None:
    await connection.execute(
        _SQL["put"],
        media.media_id,
        media.organization_id,
        CONFIGURATIONS.get(text.language.partition("-")[0].lower(), _ANY_LANGUAGE),
        said,
        *_about(media.metadata),
        None if text.vocabulary is None else _limited(text.vocabulary),
    )


async def set_metadata(connection: Connection, media_id: UUID, metadata: Metadata) -> None:
    """Have a recording found by a new title and description, if it can be found at all."""
    await connection.execute(_SQL["set_metadata"], media_id, *_about(metadata))


async def forget(connection: Connection, media_id: UUID) -> None:
    """Have a recording not found any more."""
    await connection.execute(_SQL["forget"], media_id)


def tsquery(wanted: Wanted) -> str:
    """As `to_tsquery` and a cast to tsquery read it, parentheses wherever they could matter."""
    match wanted:
        case Term(text, prefix, part):
            quoted = _storable(text).replace("\\", "\\\\").replace("'", "''")
            flags = "*" * prefix + (_WEIGHTS[part] if part else "")
            return f"'{quoted}'" + (f":{flags}" if flags else "")
        case AllOf(parts):
            return "(" + " & ".join(map(tsquery, parts)) + ")"
        case AnyOf(parts):
            return "(" + " | ".join(map(tsquery, parts)) + ")"
        case NoneOf(part):
            return f"!({tsquery(part)})"


def _about(metadata: Metadata) -> tuple[str, str]:
    texts = (metadata.document.get(name) for name in ("title", "description"))
    title, description = (
        _storable(text)[:_LONGEST_METADATA] if isinstance(text, str) else "" for text in texts
    )
    return title, description


def _storable(text: str) -> str:
    """PostgreSQL holds neither a NUL nor half a surrogate pair."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _limited(vocabulary: Sequence[str]) -> list[str]:
    room, kept = _LARGEST_VOCABULARY, []
    for word in map(_storable, vocabulary):
        room -= len(word.encode()) + 4
        if room < 0:
            break
        kept.append(word)
    return kept
