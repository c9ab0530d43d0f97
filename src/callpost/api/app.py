"""The HTTP API, put together: routes, errors, events, and its own description."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from callpost import __version__
from callpost.api import errors, openapi
from callpost.api.events import RequestEvents
from callpost.api.routes import (
    definitions,
    deliveries,
    destinations,
    keys,
    media,
    receipts,
    root,
    schedule,
    search,
    streams,
    transcripts,
)
from callpost.services import Services

_ROUTERS = (
    *(root.router, media.router, transcripts.router, streams.router, deliveries.router),
    *(receipts.router, destinations.router, schedule.router, definitions.router, search.router),
    keys.router,
)
_DESCRIPTION = "Recordings in over the VoiceBase v3 API, results out into your own bucket."


class _Api(FastAPI):
    """FastAPI, its description completed by what only we know."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            schema = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            schema.setdefault("components", {}).setdefault("schemas", {}).update(openapi.SCHEMAS)
            self.openapi_schema = _without_422(schema)
        return self.openapi_schema


def create_app(services: Services) -> FastAPI:
    """The application. It owns nothing: `services` are opened and closed by whoever runs it."""
    app = _Api(
        title="callpost",
        version=__version__,
        description=_DESCRIPTION,
        responses=openapi.ERRORS,
        redirect_slashes=False,
    )
    app.state.services = services
    errors.install(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.add_middleware(RequestEvents)
    return app


def _without_422(schema: dict[str, Any]) -> dict[str, Any]:
    """FastAPI announces an answer to invalid parameters that this API never gives."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
    for name in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(name, None)
    return schema
