"""Searching with VBQL, and the fields that lists can be filtered by."""

import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from callpost.analysis.vbql.evaluate import Hit
from callpost.analysis.vbql.query import HITS, Query
from callpost.analysis.vbql.spoken import TooBroad
from callpost.api import answers, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import search as reading
from callpost.errors import Problem, Rejected
from callpost.pipeline.search import Found, Row, Search
from callpost.render.analytics import timestamp
from callpost.store import definitions
from callpost.store.definitions import Collection, Place

router = APIRouter(tags=["Search"])

_VBQL, _FIELDS = "/v3/analytics/vbql", "/v3/definition/media/search"
_NAME = "media"
_INCOMPLETE = 10011


@router.post(_VBQL, operation_id="searchWithVbql", openapi_extra=openapi.VBQL)
async def post_vbql(request: Request, services: Context, caller: Authenticated) -> Response:
    """Find recordings by what was said in them, by whom and when, and by their fields."""
    query = reading.statement(await small_body(request))
    began = time.perf_counter()
    search = Search(services.database, services.objects)
    try:
        found = await search.run(caller.organization.organization_id, query)
    except TooBroad as error:
        raise Rejected(Problem(10011, str(error), "vbqlStatement")) from None
    return answers.json_response(_result(found, query, round(1000 * (time.perf_counter() - began))))


@router.get(_FIELDS, operation_id="getSearchableFields")
async def get_searchable_fields(services: Context, caller: Authenticated) -> Response:
    """The fields of `extended` that were declared to be filtered by."""
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        found = await definitions.named(connection, organization_id, Collection.SEARCH, [_NAME])
    return _fields(found.get(_NAME, {"fields": []}))


@router.put(
    _FIELDS, operation_id="setSearchableFields", openapi_extra=openapi.json_body("VbSearchableFields")
)
async def put_searchable_fields(request: Request, services: Context, caller: Authenticated) -> Response:
    """Declare the fields of `extended` to be filtered by, for recordings that are accepted from now on."""
    document = {"fields": reading.searchable_fields(await small_body(request))}
    place = Place(caller.organization.organization_id, Collection.SEARCH, _NAME)
    async with services.database.connection() as connection:
        await definitions.put(connection, place, document, datetime.now(UTC))
    return _fields(document)


def _fields(document: answers.Document) -> Response:
    return answers.json_response({"_links": answers.links(self=_FIELDS)} | document)


def _result(found: Found, query: Query, milliseconds: int) -> answers.Document:
    """VbStatementResult; `hits` beside the rows, where the statement asks for hits()."""
    document: answers.Document = {
        "_links": answers.links(self=_VBQL),
        "totalResults": found.total,
        "queryTimeMillis": milliseconds,
        "limit": query.limit,
        "offset": query.offset,
        "rows": [{name: _plain(value) for name, value in row.values.items()} for row in found.rows],
    }
    if any(column.path == HITS for column in query.columns):
        document["hits"] = [_matches(row) for row in found.rows]
    if not found.complete:
        message = "Not every recording could be looked at in time. Narrow the statement, by dateCreated say."
        document["warnings"] = answers.warnings([Problem(_INCOMPLETE, message)])
    return document


def _matches(row: Row) -> list[answers.Document]:
    return [_match(hit, row.media.length_ms) for hit in row.hits]


def _match(hit: Hit, length_ms: int | None) -> answers.Document:
    """VbMatchResult, with the values that support.voicebase.com's "Viewing Hits" names."""
    values = {
        "startMs": hit.start_ms,
        "endMs": hit.end_ms,
        "startRatio": round(hit.start_ms / length_ms, 4) if length_ms else 0.0,
        "line": hit.turn,
        "speaker": hit.speaker,
        "text": hit.text,
    }
    return {"score": 1.0, "conditions": [hit.phrase], "fieldValues": values}


def _plain(value: Any) -> Any:  # noqa: ANN401 - metadata are any JSON
    return timestamp(value) if isinstance(value, datetime) else value
