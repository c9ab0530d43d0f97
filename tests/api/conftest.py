"""The API on a real database and object store, called in process, with a token that is known."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_support import WAV, Parts, StoredFiles
from fastapi import FastAPI

from callpost import settings
from callpost.api.app import create_app
from callpost.pipeline.accept import Acceptance
from callpost.services import Services
from callpost.store import keys, organizations
from callpost.store.database import Database
from callpost.store.objects import Objects


@pytest.fixture
async def services(database: Database, objects: Objects, tmp_path: Path) -> Services:
    async with database.transaction() as connection:
        organization = await organizations.ensure_first(connection)
    given = settings.load(data=tmp_path, max_upload_bytes=1_000_000)
    return Services(given, database, objects, Acceptance(database), organization)


@pytest.fixture
async def token(services: Services) -> str:
    async with services.database.connection() as connection:
        _, token = await keys.create(
            connection, services.organization.organization_id, "test", now=datetime.now(UTC)
        )
    return token


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://callpost.test") as client:
        yield client


@pytest.fixture
async def client(anonymous: httpx.AsyncClient, token: str) -> httpx.AsyncClient:
    """A client whose token is good."""
    anonymous.headers["Authorization"] = f"Bearer {token}"
    return anonymous


@pytest.fixture
def parts() -> Parts:
    """The `files` of a POST /v3/media with a small recording."""

    def build(configuration: Any = None, metadata: Any = None, media: bytes | None = WAV) -> dict[str, Any]:
        files: dict[str, Any] = {}
        if media is not None:
            files["media"] = ("call.wav", media, "audio/x-wav")
        for name, document in (("configuration", configuration), ("metadata", metadata)):
            if document is not None:
                files[name] = (None, document if isinstance(document, str | bytes) else json.dumps(document))
        return files

    return build


@pytest.fixture
def stored(objects: Objects) -> StoredFiles:
    """The files that are in the object store now."""
    folder = objects.folder
    assert folder is not None
    return lambda: [path for path in folder.rglob("*") if path.is_file()]
