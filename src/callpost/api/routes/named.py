"""Groups of phrases, vocabularies and categories: what configurations refer to by name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from callpost.api import answers, openapi
from callpost.api.auth import Authenticated
from callpost.api.body import small_body
from callpost.api.context import Context
from callpost.api.reading import categories, definition
from callpost.errors import NotFound, Problem
from callpost.services import Services
from callpost.store import definitions
from callpost.store.definitions import Collection, Place
from callpost.store.keys import Caller

router = APIRouter()


@dataclass(frozen=True, slots=True)
class _Resource:
    """One collection on the wire. key: of the list. read: a body, and the name in its path."""

    path: str
    key: str
    collection: Collection
    read: Callable[[bytes, str], answers.Document]


_GROUPS = _Resource("/v3/definition/spotting/groups", "groups", Collection.SPOTTING, definition.group)
_VOCABULARIES = _Resource(
    "/v3/definition/vocabularies", "vocabularies", Collection.VOCABULARIES, definition.vocabulary
)

_CATEGORIES = _Resource(
    "/v3/definition/categories", "categories", Collection.CATEGORIES, categories.definition
)


@router.get("/v3/definition/spotting/groups", operation_id="getKeywordSpottingGroups")
async def get_groups(services: Context, caller: Authenticated) -> Response:
    """The groups of phrases that the organization has defined."""
    return await _list(_GROUPS, services, caller)


@router.get("/v3/definition/spotting/groups/{name}", operation_id="getKeywordSpottingGroupById")
async def get_group(name: str, services: Context, caller: Authenticated) -> Response:
    """One group."""
    return await _get(_GROUPS, name, services, caller)


@router.put(
    "/v3/definition/spotting/groups/{name}",
    operation_id="createKeywordSpottingGroup",
    openapi_extra=openapi.json_body("VbKeywordGroup"),
)
async def put_group(name: str, request: Request, services: Context, caller: Authenticated) -> Response:
    """Define a group, or define it anew. Recordings that are accepted from now on are searched for it."""
    return await _put(_GROUPS, name, request, services, caller)


@router.delete(
    "/v3/definition/spotting/groups/{name}", operation_id="deleteKeywordSpottingGroupById", status_code=204
)
async def delete_group(name: str, services: Context, caller: Authenticated) -> Response:
    """Remove a group."""
    return await _delete(_GROUPS, name, services, caller)


@router.get("/v3/definition/vocabularies", operation_id="getVocabularies")
async def get_vocabularies(services: Context, caller: Authenticated) -> Response:
    """The vocabularies that the organization has defined."""
    return await _list(_VOCABULARIES, services, caller)


@router.get("/v3/definition/vocabularies/{name}", operation_id="getVocabularyById")
async def get_vocabulary(name: str, services: Context, caller: Authenticated) -> Response:
    """One vocabulary."""
    return await _get(_VOCABULARIES, name, services, caller)


@router.put(
    "/v3/definition/vocabularies/{name}",
    operation_id="createVocabulary",
    openapi_extra=openapi.json_body("VbVocabulary"),
)
async def put_vocabulary(name: str, request: Request, services: Context, caller: Authenticated) -> Response:
    """Define a vocabulary, or define it anew."""
    return await _put(_VOCABULARIES, name, request, services, caller)


@router.delete("/v3/definition/vocabularies/{name}", operation_id="deleteVocabularyById", status_code=204)
async def delete_vocabulary(name: str, services: Context, caller: Authenticated) -> Response:
    """Remove a vocabulary."""
    return await _delete(_VOCABULARIES, name, services, caller)


@router.get("/v3/definition/categories", operation_id="getCategories")
async def get_categories(services: Context, caller: Authenticated) -> Response:
    """The categories that the organization has defined."""
    return await _list(_CATEGORIES, services, caller)


@router.get("/v3/definition/categories/{name}", operation_id="getCategoryByName")
async def get_category(name: str, services: Context, caller: Authenticated) -> Response:
    """One category."""
    return await _get(_CATEGORIES, name, services, caller)


@router.put(
    "/v3/definition/categories/{name}",
    operation_id="createCategory",
    openapi_extra=openapi.json_body("VbCategoryRequest"),
)
async def put_category(name: str, request: Request, services: Context, caller: Authenticated) -> Response:
    """Define a category, or define it anew. Recordings that are accepted from now on are judged by it."""
    return await _put(_CATEGORIES, name, request, services, caller)


@router.delete("/v3/definition/categories/{name}", operation_id="deleteCategoryByName", status_code=204)
async def delete_category(name: str, services: Context, caller: Authenticated) -> Response:
    """Remove a category."""
    return await _delete(_CATEGORIES, name, services, caller)


async def _list(resource: _Resource, services: Services, caller: Caller) -> Response:
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        found = await definitions.of_organization(connection, organization_id, resource.collection)
    listed = [_linked(resource, name, document) for name, document in found.items()]
    return answers.json_response({"_links": answers.links(self=resource.path), resource.key: listed})


async def _get(resource: _Resource, name: str, services: Services, caller: Caller) -> Response:
    organization_id = caller.organization.organization_id
    async with services.database.connection() as connection:
        found = await definitions.named(connection, organization_id, resource.collection, [_clean(name)])
    if name not in found:
        raise _missing(resource, name)
    return answers.json_response(_linked(resource, name, found[name]))


async def _put(
    resource: _Resource, name: str, request: Request, services: Services, caller: Caller
) -> Response:
    document = resource.read(await small_body(request), name)
    place = Place(caller.organization.organization_id, resource.collection, name)
    async with services.database.connection() as connection:
        await definitions.put(connection, place, document, datetime.now(UTC))
    return answers.json_response(_linked(resource, name, document))


async def _delete(resource: _Resource, name: str, services: Services, caller: Caller) -> Response:
    place = Place(caller.organization.organization_id, resource.collection, _clean(name))
    async with services.database.connection() as connection:
        deleted = await definitions.delete(connection, place)
    if not deleted:
        raise _missing(resource, name)
    return Response(status_code=204)


def _clean(name: str) -> str:
    """PostgreSQL cannot hold a NUL, so no definition has one."""
    return name.replace("\0", "")


def _missing(resource: _Resource, name: str) -> NotFound:
    message = f"There is no definition ({name[:100]}) in the collection ({resource.key})."
    return NotFound(Problem(80000, message))


def _linked(resource: _Resource, name: str, document: answers.Document) -> answers.Document:
    return {"_links": answers.links(self=f"{resource.path}/{quote(name, safe='')}")} | document
