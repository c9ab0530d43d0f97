"""What an organization keeps under names: groups of phrases to spot, vocabularies to expect, and more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from callpost.store.database import Connection, load_queries

_SQL = load_queries("definitions")

Documents = Mapping[str, dict[str, Any]]
"""Definitions by name, each as it is shown."""


class Collection(StrEnum):
    """The kinds of definitions."""

    SPOTTING = "spotting"
    VOCABULARIES = "vocabularies"
    CATEGORIES = "categories"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one definition is kept."""

    organization_id: UUID
    collection: Collection
    name: str


async def put(connection: Connection, place: Place, document: dict[str, Any], now: datetime) -> None:
    """Keep a definition; an earlier one of that name gives way. Recordings accepted before keep the old."""
    await connection.execute(_SQL["put"], place.organization_id, place.collection, place.name, document, now)


async def of_organization(connection: Connection, organization_id: UUID, collection: Collection) -> Documents:
    """All definitions of a collection, ordered by name."""
    rows = await connection.fetch(_SQL["all"], organization_id, collection)
    return {row["name"]: row["document"] for row in rows}


async def named(
    connection: Connection, organization_id: UUID, collection: Collection, names: Sequence[str]
) -> Documents:
    """Those of the definitions that there are."""
    rows = await connection.fetch(_SQL["named"], organization_id, collection, names)
    return {row["name"]: row["document"] for row in rows}


async def delete(connection: Connection, place: Place) -> bool:
    """Remove a definition; False where there is none. Recordings accepted before keep it."""
    done = await connection.execute(_SQL["delete"], place.organization_id, place.collection, place.name)
    return not done.endswith(" 0")
