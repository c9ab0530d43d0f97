"""Categories: defined over the API, and frozen into the recordings that ask for them."""

from typing import Any
from uuid import UUID

import httpx
from api_support import Parts, codes

from callpost.model.configuration import Category, Configuration
from callpost.services import Services
from callpost.store import media as media_store

PATH = "/v3/definition/categories"
HELLO = {
    "categoryDescription": "This category looks for participants saying hello",
    "query": "SELECT * FROM media MATCH 'hello'",
    "notes": "Notes about creating or maintaining the category can be added here",
    "tags": ["hello", "greeting", "example"],
    "version": "0.0.1",
}
GOODBYE = {"query": "* SAYS 'goodbye'"}


async def accepted(services: Services, client: httpx.AsyncClient, files: dict[str, Any]) -> Configuration:
    """The configuration as the worker will find it."""
    response = await client.post("/v3/media", files=files)
    assert response.status_code == 200, response.text
    assert "warnings" not in response.json()
    async with services.database.connection() as connection:
        found = await media_store.configuration(connection, UUID(response.json()["mediaId"]))
    assert found is not None
    return found


async def test_a_category_is_shown_as_it_was_sent_until_it_is_deleted(client: httpx.AsyncClient) -> None:
    shown = {"categoryName": "hello"} | HELLO | {"_links": {"self": {"href": f"{PATH}/hello"}}}
    put = await client.put(f"{PATH}/hello", json=HELLO)
    assert (put.status_code, put.json()) == (200, shown)
    # A client that sends back what it was shown.
    assert (await client.put(f"{PATH}/hello", json=shown)).json() == shown
    assert (await client.get(f"{PATH}/hello")).json() == shown
    assert (await client.get(PATH)).json()["categories"] == [shown]
    assert (await client.delete(f"{PATH}/hello")).status_code == 204
    for gone in (await client.get(f"{PATH}/hello"), await client.delete(f"{PATH}/hello")):
        assert (gone.status_code, codes(gone)) == (404, [80000])


REFUSED: list[tuple[Any, list[str | None]]] = [
    ({}, [None]),
    ({"notes": "x"}, ["query"]),
    ({"query": "SELECT"}, ["query"]),
    ({"categoryName": "other"} | GOODBYE, ["categoryName"]),
    (GOODBYE | {"notes": "x" * 4001, "tags": ["x" * 65]}, ["notes", "tags[0]"]),
    (GOODBYE | {"tags": ["x"] * 33}, ["tags"]),
    (GOODBYE | {"version": "1" * 65, "categoryDescription": {}}, ["categoryDescription", "version"]),
]


async def test_what_is_wrong_with_a_definition_is_told_with_its_place(client: httpx.AsyncClient) -> None:
    for body, places in REFUSED:
        response = await client.put(f"{PATH}/a", json=body)
        assert response.status_code == 400
        assert set(codes(response)) == {80000}
        found = [item.get("place") for item in response.json()["errors"]]
        assert sorted(map(str, found)) == sorted(map(str, places))
    for text in ("", "{"):
        assert codes(await client.put(f"{PATH}/a", content=text)) == [80000]
    assert (await client.get(f"{PATH}/a")).status_code == 404


async def test_an_error_in_a_query_says_at_which_column(client: httpx.AsyncClient) -> None:
    response = await client.put(f"{PATH}/a", json={"query": 'SELECT * FROM media\nWHERE "agent" SAY "hello"'})
    (error,) = response.json()["errors"]
    assert error["error"].startswith("query: line 2, column 15: 'SAY' cannot stand here; expected ")


async def test_a_name_has_no_blanks(client: httpx.AsyncClient) -> None:
    for name in ("two%20words", "x" * 129):
        assert codes(await client.put(f"{PATH}/{name}", json=GOODBYE)) == [80000]


async def test_a_recording_takes_categories_as_they_are_when_it_is_accepted(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    await client.put(f"{PATH}/hello", json=HELLO)
    await client.put(f"{PATH}/goodbye", json=GOODBYE)
    one = await accepted(services, client, parts({"categories": [{"categoryName": "hello"}]}))
    assert one.categories == (Category("hello", HELLO["query"]),)
    every = await accepted(services, client, parts({"categories": [{"allCategories": True}]}))
    assert [category.name for category in every.categories] == ["goodbye", "hello"]
    await client.delete(f"{PATH}/hello")
    left = await accepted(services, client, parts({"categories": [{"allCategories": True}]}))
    assert [category.name for category in left.categories] == ["goodbye"]
    # As generated clients write what they leave out.
    none = await accepted(
        services, client, parts({"categories": [{"allCategories": False, "categoryName": None}]})
    )
    assert none.categories == ()


async def test_a_category_that_is_not_defined_is_refused(client: httpx.AsyncClient, parts: Parts) -> None:
    response = await client.post("/v3/media", files=parts({"categories": [{"categoryName": "a"}, {}]}))
    assert response.status_code == 400
    assert [(error["code"], error["place"]) for error in response.json()["errors"]] == [
        (80000, "categories[0].categoryName"),
        (10007, "categories[1]"),
    ]


async def test_whether_a_recording_can_be_searched_is_read(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    for sent, expected in (
        ({}, (True, False)),
        ({"publish": {"enableAnalyticIndexing": True}}, (True, True)),
        ({"searchability": {"searchable": False}}, (False, False)),
    ):
        found = await accepted(services, client, parts(sent))
        assert (found.searchable, found.analytic_indexing) == expected


async def test_without_a_token_nothing_is_shown_or_changed(anonymous: httpx.AsyncClient) -> None:
    for method, path in (("GET", PATH), ("GET", f"{PATH}/a"), ("PUT", f"{PATH}/a"), ("DELETE", f"{PATH}/a")):
        assert (await anonymous.request(method, path)).status_code == 401
