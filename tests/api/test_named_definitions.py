"""Groups of phrases and vocabularies, kept under names, and what recordings take from them."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import Parts, codes

from callpost.api.reading import vocabularies
from callpost.api.reading.document import CONFIGURATION, Notes
from callpost.api.reading.vocabularies import Vocabulary
from callpost.model.configuration import AdHocVocabulary, Configuration, ExpectedTerm, SpottingGroup
from callpost.services import Services
from callpost.store import keys
from callpost.store import media as media_store

GROUPS, VOCABULARIES = "/v3/definition/spotting/groups", "/v3/definition/vocabularies"
SCIENCE = {"groupName": "data-science", "keywords": ["data science", "machine learning"]}
EARNINGS = {
    "vocabularyName": "earnings",
    "terms": [{"term": "CapEx"}, {"term": "AFFO", "weight": 2, "soundsLike": ["A.F.F.O."]}],
}


async def accepted(services: Services, client: httpx.AsyncClient, files: dict[str, Any]) -> Configuration:
    """The configuration as the worker will find it."""
    response = await client.post("/v3/media", files=files)
    assert response.status_code == 200, response.text
    async with services.database.connection() as connection:
        found = await media_store.configuration(connection, UUID(response.json()["mediaId"]))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "key", "document"),
    [
        (f"{GROUPS}/data-science", "groups", SCIENCE),
        (f"{VOCABULARIES}/earnings", "vocabularies", EARNINGS | {"vocabularyType": "terms"}),
        (f"{GROUPS}/{quote('Größe & mehr')}", "groups", {"groupName": "Größe & mehr", "keywords": ["eins"]}),
    ],
)
async def test_a_definition_is_shown_as_it_was_sent_until_it_is_deleted(
    client: httpx.AsyncClient, path: str, key: str, document: dict[str, Any]
) -> None:
    shown = document | {"_links": {"self": {"href": path}}}
    for _ in range(2):
        put = await client.put(path, json=document)
        assert (put.status_code, put.json()) == (200, shown)
    assert (await client.get(path)).json() == shown
    assert (await client.get(path.rpartition("/")[0])).json()[key] == [shown]
    assert (await client.delete(path)).status_code == 204
    for gone in (await client.get(path), await client.delete(path)):
        assert (gone.status_code, codes(gone)) == (404, [80000])
    assert (await client.get(path.rpartition("/")[0])).json()[key] == []


async def test_defining_anew_replaces_all_of_it(client: httpx.AsyncClient) -> None:
    await client.put(f"{GROUPS}/a", json={"keywords": ["one", "two"]})
    await client.put(f"{GROUPS}/a", json={"keywords": ["three", "three", " three "]})
    assert (await client.get(f"{GROUPS}/a")).json()["keywords"] == ["three"]


REFUSED_GROUPS: list[tuple[Any, int]] = [
    ("", 80100),
    ("{", 80100),
    ({}, 80100),
    ({"groupName": "a"}, 80101),
    ({"groupName": "a", "keywords": []}, 80101),
    ({"groupName": "b", "keywords": ["x"]}, 80102),
    ({"keywords": [" "]}, 80103),
    ({"keywords": ["?!"]}, 80103),
    ({"keywords": ["x" * 257]}, 80103),
    ({"keywords": [f"x{number}" for number in range(1001)]}, 80103),
]
REFUSED_VOCABULARIES: list[tuple[Any, int]] = [
    ("", 80200),
    ({"vocabularyName": "b", "terms": [{"term": "x"}]}, 80202),
    ({"terms": [{"term": " "}]}, 80203),
    ({"terms": [{"term": "x", "weight": 6}]}, 80203),
    ({"terms": [{"term": "x" * 65}]}, 80203),
    ({"terms": [{"term": "x"}], "scripts": [{"script": "y"}]}, 80204),
    ({"vocabularyName": "a", "vocabularyType": "terms"}, 80206),
    ({"scripts": [{"script": "so " * 10_001}]}, 80207),
    ({"terms": [{"term": f"x{number}"} for number in range(1001)]}, 80208),
    ({"terms": [{"term": "x"}, {"term": "X"}]}, 80209),
]


@pytest.mark.parametrize(
    ("path", "refused"), [(GROUPS, REFUSED_GROUPS), (VOCABULARIES, REFUSED_VOCABULARIES)]
)
async def test_what_is_wrong_is_refused_with_its_code_and_changes_nothing(
    client: httpx.AsyncClient, path: str, refused: list[tuple[Any, int]]
) -> None:
    for body, code in refused:
        sent = {"content": body} if isinstance(body, str) else {"json": body}
        response = await client.put(f"{path}/a", **sent)
        assert response.status_code == 400, body
        assert set(codes(response)) == {code}, body
    assert (await client.get(f"{path}/a")).status_code == 404


async def test_a_recording_takes_a_group_as_it_is_when_it_is_accepted(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    await client.put(f"{GROUPS}/data-science", json=SCIENCE)
    asked = {"spotting": {"groups": [{"groupName": "data-science"}, {"groupName": "data-science"}]}}
    first = await accepted(services, client, parts(asked))
    await client.put(f"{GROUPS}/data-science", json={"keywords": ["big data"]})
    second = await accepted(services, client, parts(asked))
    assert first.spotting == (SpottingGroup("data-science", ("data science", "machine learning")),)
    assert second.spotting == (SpottingGroup("data-science", ("big data",)),)


async def test_the_heaviest_terms_are_expected_first_and_scripts_last(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    await client.put(f"{VOCABULARIES}/earnings", json=EARNINGS)
    await client.put(f"{VOCABULARIES}/greetings", json={"scripts": [{"script": "Thank you\nfor calling"}]})
    asked = [
        {"vocabularyName": "greetings"},
        {"vocabularyName": "earnings"},
        {"terms": [{"term": "Bryon", "weight": "5"}, {"term": "VoiceBase"}]},
    ]
    found = await accepted(services, client, parts({"vocabularies": asked}))
    expected = (
        ExpectedTerm("Bryon", weight=5),
        ExpectedTerm("AFFO", ("A.F.F.O.",), 2),
        ExpectedTerm("CapEx"),
        ExpectedTerm("VoiceBase"),
        ExpectedTerm("Thank you for calling", script=True),
    )
    assert found.vocabularies == (AdHocVocabulary(expected),)


def test_an_empty_vocabulary_is_refused() -> None:
    root = Notes(CONFIGURATION).open({"vocabularies": [{"vocabularyName": "a"}]}, "")
    vocabularies.read(root, {"a": Vocabulary()})
    assert [(problem.code, problem.place) for problem in root.notes.problems] == [
        (20009, "vocabularies[0].vocabularyName")
    ]


def test_a_term_given_twice_is_one_and_sounds_like_both() -> None:
    given = [
        {"term": "AFFO", "soundsLike": ["a folk"]},
        {"term": "AFFO", "soundsLike": ["a foe"], "weight": 1},
    ]
    root = Notes(CONFIGURATION).open({"vocabularies": [{"terms": given}]}, "")
    found = vocabularies.read(root, {})
    assert found == (AdHocVocabulary((ExpectedTerm("AFFO", ("a foe", "a folk"), 1),)),)
    assert [(warning.code, warning.place) for warning in root.notes.warnings] == [(20017, "vocabularies")]


async def test_what_is_not_defined_is_refused(client: httpx.AsyncClient, parts: Parts) -> None:
    asked = {"spotting": {"groups": [{"groupName": "a"}]}, "vocabularies": [{"vocabularyName": "b"}]}
    response = await client.post("/v3/media", files=parts(asked))
    assert (response.status_code, sorted(codes(response))) == (400, [20008, 40005])


async def test_definitions_of_others_are_not_there(
    client: httpx.AsyncClient, services: Services, parts: Parts
) -> None:
    await client.put(f"{GROUPS}/data-science", json=SCIENCE)
    client.headers["Authorization"] = f"Bearer {await token_of_another(services)}"
    assert (await client.get(GROUPS)).json()["groups"] == []
    assert (await client.get(f"{GROUPS}/data-science")).status_code == 404
    assert (await client.delete(f"{GROUPS}/data-science")).status_code == 404
    asked = {"spotting": {"groups": [{"groupName": "data-science"}]}}
    assert codes(await client.post("/v3/media", files=parts(asked))) == [40005]


async def test_without_a_token_nothing_is_shown_or_changed(anonymous: httpx.AsyncClient) -> None:
    for path in (f"{GROUPS}/a", f"{VOCABULARIES}/a"):
        for method in ("GET", "PUT", "DELETE"):
            assert (await anonymous.request(method, path)).status_code == 401
        assert (await anonymous.get(path.rpartition("/")[0])).status_code == 401


async def token_of_another(services: Services) -> str:
    other = uuid4()
    async with services.database.connection() as connection:
        await connection.execute(
            "insert into organizations (organization_id, name, link_key) values ($1, 'other', $2)",
            other,
            bytes(32),
        )
        _, token = await keys.create(connection, other, "test", now=datetime.now(UTC))
    return token
