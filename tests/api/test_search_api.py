"""Finding recordings: the `query` and `extendedFilter` of lists, and VBQL."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from api_support import codes

from callpost.model.configuration import Configuration
from callpost.model.media import MediaStatus, Metadata, Submission
from callpost.model.results import Report, Results
from callpost.model.transcript import Transcript, Turn, Word
from callpost.pipeline.index import index
from callpost.services import Services
from callpost.store import media as media_store
from callpost.store import reports
from callpost.store.media import NewMedia

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VBQL, FIELDS = "/v3/analytics/vbql", "/v3/definition/media/search"
INDEXED = Configuration(analytic_indexing=True)


def transcript(*said: tuple[str, str]) -> Transcript:
    turns, clock = [], 1000
    for speaker, text in said:
        words = []
        for word in text.split():
            words.append(Word(word, clock, clock + 250, 0.9))
            clock += 300
        turns.append(Turn(speaker, int(speaker != "Agent"), tuple(words)))
    return Transcript(tuple(turns))


BILL = transcript(
    ("Agent", "Thank you for calling."), ("Caller", "My bill has a recurring charge, refund it.")
)
HOLIDAY = transcript(("Agent", "Hello."), ("Caller", "We are billing nobody for payment of holidays."))


@dataclass
class Desk:
    """Recordings that were finished a day after each other. services: what they are kept with."""

    services: Services
    count: int = 0

    async def finish(
        self, said: Transcript = BILL, configuration: Configuration = INDEXED, **metadata: Any
    ) -> str:
        organization_id = self.services.organization.organization_id
        submission = Submission(configuration, Metadata(metadata))
        self.count += 1
        new = NewMedia(uuid4(), organization_id, submission, None, NOW + timedelta(days=self.count))
        async with self.services.database.transaction() as connection:
            await media_store.insert(connection, new)
            media = await media_store.get(connection, organization_id, new.media_id)
            ended = replace(media, status=MediaStatus.FINISHED, date_finished=NOW, length_ms=60_000)
            await reports.save(self.services.objects, Report(ended, Results(said)))
            await media_store.end(connection, ended)
            await index(connection, ended, Results(said), configuration)
        return str(new.media_id)


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


Listed = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def listed(client: httpx.AsyncClient) -> Listed:
    async def ids(query: str | None = None, **parameters: str | int) -> list[str]:
        text = {} if query is None else {"query": query}
        response = await client.get("/v3/media", params=text | parameters)
        assert response.status_code == 200, response.text
        return [media["mediaId"] for media in response.json()["media"]]

    return ids


async def ask(client: httpx.AsyncClient, statement: str) -> dict[str, Any]:
    response = await client.post(VBQL, content=statement, headers={"Content-Type": "text/plain"})
    assert response.status_code == 200, response.text
    document: dict[str, Any] = response.json()
    return document


FINDS = [
    ("bill", "12"),
    ("BILLS", "12"),
    ("refund", "1"),
    ("bill AND NOT refund", "2"),
    ("bill NOT refund", "2"),
    ("refund OR holidays", "12"),
    ('"bill" OR "charge" OR "recurring payment"', "12"),
    ('"recurring charge"', "1"),
    ('"charge recurring"', ""),
    ("recurring payment", ""),
    ("(refund OR holidays) nobody", "2"),
    ("hol*", "2"),
    ("title:Frost", "3"),
    ("TITLE:frost", "3"),
    ("Frost", "23"),
    ("description:frost", "2"),
    ('title:"gathering leaves"', "3"),
    ("title:(leaves OR bill)", "3"),
    ("title:bill", ""),
    ("\u201crecurring charge\u201d", "1"),
    ("thank you for", "1"),
    ("nothing", ""),
    ("o'neill\\' x:*A| !x&y 'x", ""),
]


async def test_lists_find_words_phrases_and_their_combinations(desk: Desk, listed: Listed) -> None:
    ids = [
        await desk.finish(),
        await desk.finish(HOLIDAY, description="A poem by Robert Frost"),
        await desk.finish(transcript(), title="Gathering Leaves by Frost"),
    ]
    for query, found in FINDS:
        assert await listed(query) == [ids[int(number) - 1] for number in found], query


async def test_a_search_is_combined_with_filters_order_and_pages(
    desk: Desk, listed: Listed, client: httpx.AsyncClient
) -> None:
    ids = [await desk.finish(externalId=name, extended={"customerId": name}) for name in "aab"]
    await desk.finish(HOLIDAY, externalId="a")
    assert await listed("refund", externalId="a") == ids[:2]
    assert await listed("refund", extendedFilter="customerId:b") == ids[2:]
    assert await listed("refund", onOrAfterDate="2026-03-03", onOrBeforeDate="2026-03-03") == ids[1:2]
    assert await listed("refund", sortOrder="desc") == ids[::-1]
    assert await listed("refund", limit=1, after=ids[0]) == ids[1:2]
    page = (await client.get("/v3/media", params={"query": "refund", "limit": 2})).json()
    following = (await client.get(page["_links"]["next"]["href"])).json()
    assert [media["mediaId"] for media in following["media"]] == ids[2:]


async def test_a_query_that_is_none_is_refused_with_its_column(client: httpx.AsyncClient) -> None:
    for query, message in (
        ("bill AND", "line 1, column 9: the end comes too early"),
        ("bill )", "line 1, column 6: ')' cannot stand here"),
        ('bill "charge', "column 6: this quotation mark is never closed"),
        ("bill & charge", "column 6: here is no word"),
        ("x" * 2001, "2000 characters"),
        ("x " * 101, "100 words"),
        ("NOT " * 60 + "x", "nested"),
    ):
        response = await client.get("/v3/media", params={"query": query})
        assert (response.status_code, codes(response)) == (400, [10011])
        assert message in response.json()["errors"][0]["error"]


async def test_declared_fields_filter_what_was_accepted_since(
    desk: Desk, listed: Listed, client: httpx.AsyncClient, services: Services
) -> None:
    extended = {"campaignId": 1234, "call": {"phone": "+1"}, "long": "x" * 5000}
    before = await desk.finish(extended=extended)
    assert (await client.get(FIELDS)).json()["fields"] == []
    fields = ["extended.campaignId", "extended.call.phone", "extended.long"]
    put = await client.put(FIELDS, json={"fields": [*fields, fields[0]]})
    assert (put.status_code, put.json()["fields"]) == (200, fields)
    assert (await client.get(FIELDS)).json() == put.json()
    after = await desk.finish(extended=extended)
    for text in ("campaignId:1234", "extended.campaignId;1234", "call.phone:+1", f"long:{'x' * 5000}"):
        assert await listed(extendedFilter=text) == [after]
    assert await listed(extendedFilter=f"long:{'x' * 4999}") == []
    assert await listed(extendedFilter="campaignId:1") == []
    # What is processed again, or gets new metadata, is filtered from then on.
    async with services.database.connection() as connection:
        await media_store.accept_again(
            connection, services.organization.organization_id, UUID(before), Submission(INDEXED, Metadata())
        )
    assert await listed(extendedFilter="campaignId:1234") == [before, after]
    await client.put(f"/v3/media/{after}/metadata", json={"extended": {"campaignId": 5}})
    assert await listed(extendedFilter="campaignId:1234") == [before]
    assert await listed(extendedFilter="campaignId:5") == [after]


REFUSED_FIELDS: list[tuple[Any, int, str]] = [
    ({}, 80300, "fields"),
    ({"fields": None}, 80300, "fields"),
    ({"fields": ["extended.a", "campaignId"]}, 80301, "fields[1]"),
    ({"fields": [7]}, 80301, "fields[0]"),
    ({"fields": ["extended."]}, 80302, "fields[0]"),
    ({"fields": ["extended.a..b"]}, 80302, "fields[0]"),
    ({"fields": ["extended.a:b"]}, 80302, "fields[0]"),
    ({"fields": ["extended." + "x" * 256]}, 80303, "fields[0]"),
    ({"fields": [f"extended.x{number}" for number in range(101)]}, 80300, "fields"),
]


async def test_fields_that_cannot_be_declared_are_refused(client: httpx.AsyncClient) -> None:
    for body, code, place in REFUSED_FIELDS:
        response = await client.put(FIELDS, json=body)
        (error,) = response.json()["errors"]
        assert (response.status_code, error["code"], error["place"]) == (400, code, place)
    assert (await client.put(FIELDS, content="")).status_code == 400
    assert (await client.put(FIELDS, json={"fields": []})).json()["fields"] == []


async def test_vbql_finds_recordings_and_says_where_in_them(desk: Desk, client: httpx.AsyncClient) -> None:
    media_id = await desk.finish(title="One", extended={"campaign": "x"})
    await desk.finish(HOLIDAY)
    found = await ask(
        client,
        "SELECT mediaId, dateCreated, metadata.campaign AS campaign, wordCount, HITS() FROM media "
        'WHERE "Caller" SAYS "refund*" || "recurring charge"',
    )
    assert found.pop("queryTimeMillis") >= 0
    assert found == {
        "_links": {"self": {"href": VBQL}},
        "totalResults": 1,
        "limit": 10,
        "offset": 0,
        "rows": [
            {
                "mediaId": media_id,
                "dateCreated": "2026-03-02T12:00:00.000Z",
                "campaign": "x",
                "wordCount": 12,
            }
        ],
        "hits": [
            [
                {
                    "score": 1.0,
                    "conditions": [phrase],
                    "fieldValues": {
                        "startMs": start,
                        "endMs": end,
                        "startRatio": ratio,
                        "line": 1,
                        "speaker": "Caller",
                        "text": text,
                    },
                }
                for phrase, start, end, ratio, text in (
                    ("recurring charge", 3400, 3950, 0.0567, "recurring charge"),
                    ("refund*", 4000, 4250, 0.0667, "refund"),
                )
            ]
        ],
    }


async def test_vbql_without_words_goes_by_the_fields(desk: Desk, client: httpx.AsyncClient) -> None:
    ids = [await desk.finish(extended={"score": score}) for score in (3, None, 20, "b", 1)]
    everything = await ask(client, "SELECT * FROM media")
    assert [row["mediaId"] for row in everything["rows"]] == ids[::-1]
    assert set(everything["rows"][0]) == {
        *("mediaId", "externalId", "dateCreated", "dateFinished", "length", "wordCount", "language"),
        *("interactionType", "metadata"),
    }
    assert (everything["rows"][0]["wordCount"], everything["rows"][0]["metadata"]) == (
        12,
        {"extended": {"score": 1}},
    )
    assert "hits" not in everything

    start = "SELECT mediaId FROM media"

    async def ordered(statement: str) -> list[int]:
        rows = (await ask(client, f"{start} {statement}"))["rows"]
        return [ids.index(row["mediaId"]) for row in rows]

    assert await ordered("WHERE metadata.score > 2 ORDER BY dateCreated") == [0, 2, 3]
    assert await ordered("ORDER BY metadata.score") == [4, 0, 2, 3, 1]
    assert await ordered("ORDER BY metadata.score DESC") == [3, 2, 0, 4, 1]
    assert await ordered("ORDER BY wordCount, dateCreated DESC LIMIT 2 OFFSET 1") == [3, 2]
    assert await ordered(f"WHERE mediaId = '{ids[1]}'") == [1]
    limited = await ask(client, "SELECT mediaId FROM media LIMIT 2 OFFSET 4")
    assert (limited["totalResults"], limited["limit"], limited["offset"]) == (5, 2, 4)
    assert [row["mediaId"] for row in limited["rows"]] == ids[:1]


CANDIDATES = [
    '* SAYS "refund"',
    '* SAYS "refund" AND * SAYS "thank*"',
    '* SAYS ("nothing" || "refund")',
    '"Caller" SAYS ("bill" && ! "holidays")',
    '* SAYS "rec* charge" NEAR "refund" WITHIN 3 WORDS',
    'NOT * SAYS "holidays"',
    '* SAYS ! "nobody" AND "refund"',
    '* SAYS "* calling" [,5s]',
    'MATCH "refund" OR "charge"',
    'length > 1 AND * SAYS "bill"',
]


async def test_the_index_leaves_out_nothing_that_matches(desk: Desk, client: httpx.AsyncClient) -> None:
    media_id = await desk.finish()
    await desk.finish(HOLIDAY)
    for statement in CANDIDATES:
        found = (await ask(client, statement))["rows"]
        assert [row["mediaId"] for row in found] == [media_id], statement


async def test_vbql_finds_only_what_it_may(desk: Desk, client: httpx.AsyncClient, services: Services) -> None:
    await desk.finish(configuration=Configuration())
    await desk.finish(configuration=replace(INDEXED, searchable=False))
    found = await desk.finish()
    deleted = await desk.finish()
    await services.objects.delete(reports.folder(UUID(deleted)))
    for statement in ('* SAYS "refund"', "SELECT mediaId FROM media WHERE wordCount > 0"):
        assert [row["mediaId"] for row in (await ask(client, statement))["rows"]] == [found]


async def test_a_statement_comes_as_text_or_as_a_json_string(desk: Desk, client: httpx.AsyncClient) -> None:
    await desk.finish()
    statement = '"Agent" SAYS "thank you" AND "calling"'
    for body in (statement, json.dumps(statement), f"\n{statement}\n"):
        for kind in ("text/plain", "application/json"):
            response = await client.post(VBQL, content=body, headers={"Content-Type": kind})
            assert response.json()["totalResults"] == 1


async def test_a_wrong_statement_is_refused_with_line_and_column(client: httpx.AsyncClient) -> None:
    for body, message in (
        (
            "SELECT mediaId\nFORM media",
            "line 2, column 1: 'FORM' cannot stand here; expected ',', '.', ':', AS or FROM",
        ),
        ("", "there is no statement"),
        (b"\xff\x00", "line 1, column 1"),
    ):
        response = await client.post(VBQL, content=body)
        (error,) = response.json()["errors"]
        assert (response.status_code, error["code"], error["place"]) == (400, 10011, "vbqlStatement")
        assert message in error["error"]


async def test_a_statement_that_finds_almost_every_word_is_refused(
    desk: Desk, client: httpx.AsyncClient
) -> None:
    await desk.finish(transcript(("Caller", "word " * 4000)))
    broad = "* SAYS " + " || ".join(f'"w* *"/{slop}' for slop in range(51))
    response = await client.post(VBQL, content=f"{broad} || {broad[7:]}")
    assert (response.status_code, codes(response)) == (400, [10011])


async def test_others_recordings_are_not_found(
    desk: Desk, client: httpx.AsyncClient, services: Services, listed: Listed
) -> None:
    await desk.finish()
    other = uuid4()
    async with services.database.connection() as connection:
        await connection.execute(
            "insert into organizations (organization_id, name, link_key) values ($1, 'other', $2)",
            other,
            bytes(32),
        )
        await connection.execute("update media set organization_id = $1", other)
        await connection.execute("update media_search set organization_id = $1", other)
    assert await listed("refund") == []
    assert (await ask(client, '* SAYS "refund"'))["totalResults"] == 0


async def test_without_a_token_nothing_is_found(anonymous: httpx.AsyncClient) -> None:
    for method, path in (
        ("POST", VBQL),
        ("GET", FIELDS),
        ("PUT", FIELDS),
        ("GET", f"/v3/media?query={quote('x')}"),
    ):
        assert (await anonymous.request(method, path, content="x")).status_code == 401
