"""What answers share: JSON by msgspec, links, and the dates of the wire."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from fastapi import Request, Response

from callpost.errors import Problem
from callpost.settings import Settings

Document = dict[str, Any]


def json_response(document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:  # noqa: ANN401
    """`document` as JSON; dates, ids and enums as msgspec writes them."""
    return Response(msgspec.json.encode(document), status, headers=headers, media_type="application/json")


def links(**hrefs: str) -> dict[str, Document]:
    """HAL `_links`, by relation."""
    return {name: {"href": href} for name, href in hrefs.items()}


def warnings(problems: Iterable[Problem]) -> list[Document]:
    """As VoiceBase writes them: `{code, message}`."""
    return [{"code": problem.code, "message": str(problem)} for problem in problems]


def present(values: Document) -> Document:
    """The properties that have a value."""
    return {name: value for name, value in values.items() if value is not None}


def api_url(request: Request, settings: Settings) -> str:
    """Scheme and host under which the caller reaches us: as the operator says, else as this request came."""
    return settings.api_url.rstrip("/") if settings.api_url else str(request.base_url).rstrip("/")
