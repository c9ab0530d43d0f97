"""VBQL: what its statements mean, and what is said of those that are none."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from spoken_calls import Say

from callpost.analysis.grammar import Misread
from callpost.analysis.vbql import words
from callpost.analysis.vbql.evaluate import MOST_HITS, Verdict, evaluate, possible
from callpost.analysis.vbql.fields import Facts
from callpost.analysis.vbql.parse import DEEPEST, LONGEST, MOST_TERMS, parse
from callpost.analysis.vbql.query import HITS
from callpost.analysis.vbql.spoken import Heard, TooBroad
from callpost.model.media import Media, MediaStatus, Metadata
from callpost.model.results import CategoryValue, Metric, MetricGroupValues, Results
from callpost.model.transcript import Transcript

MEDIA_ID = UUID("4da3b01e-d954-4aeb-a3b3-d059a1da93d1")
DOCUMENT = {
    "title": "Inbound call",
    "externalId": "CRM-9",
    "extended": {
        "campaign": "EOY 50% Off",
        "score": "7",
        "agent": {"id": 12},
        "tags": ["a", "B"],
        "vip": True,
    },
}
CALL = (
    ("Agent", "Thank you so much for calling, this call may be recorded."),
    ("Caller", "My Wi-Fi has errors, and the price has dropped. I want a refund!"),
    ("Agent", "Thanks. I'll cancel it; don't worry."),
    ("Caller", "Would you take part in a survey? Thank you, goodbye."),
)


def media(**document: Any) -> Media:
    return Media(
        MEDIA_ID,
        UUID(int=1),
        "ACME",
        MediaStatus.FINISHED,
        datetime(2022, 6, 6, 8, tzinfo=UTC),
        Metadata(document or DOCUMENT),
        datetime(2022, 6, 6, 9, tzinfo=UTC),
        length_ms=60_000,
    )


def ask(
    query: str, transcript: Transcript, about: Media | None = None, results: Results | None = None
) -> Verdict:
    found = about or media()
    facts = Facts(found, results or Results(transcript))
    return evaluate(parse(query).condition, facts, Heard(transcript, found.length_ms))


@pytest.fixture
def call(say: Say) -> Transcript:
    return say(*CALL)


HOLDS = [
    "SELECT * FROM media",
    "SELECT * FROM media WHERE *",
    "SELECT * FROM media MATCH 'refund'",
    "select mediaId from MEDIA match 'REFUND' where * says 'Recorded'",
    '"agent" SAYS "thank you"',
    '"AGENT" SAYS "may be recorded"',
    "Agent SAYS 'calling'",
    "\u201cagent\u201d SAYS \u201cthank you\u201d",
    '* SAYS "wi-fi"',
    '* SAYS "wi fi"',
    '* SAYS "error*"',
    '* SAYS "i\'ll cancel"',
    '* SAYS "don\u2019t worry"',
    # Slop, wildcards.
    '"agent" SAYS "thank* calling"/4',
    '"agent" SAYS "thank* calling" SLOP 4',
    '"caller" SAYS "price drop*"/2',
    '"caller" SAYS "price * dropped"',
    # The whole transcript against one turn.
    '"agent" SAYS "thank you" AND "worry"',
    '"agent" SAYS ("thank you" AND "worry")',
    '"agent" SAYS ("thank you" && "recorded")',
    '"agent" SAYS ("nothing" || "thanks")',
    '"agent" SAYS "thanks" && "cancel"',
    '"agent" SAYS ("thanks" && ! "appreciate you calling")',
    '"caller" SAYS (("price drop*"/2 || "price change*"/2) && ("refund*" || "reimburs*"))',
    '"agent" SAYS "thanks" AND NOT "appreciate you calling"',
    '"agent" SAYS "nothing" OR "thanks"',
    'NOT "agent" SAYS "refund"',
    '("agent" SAYS "nothing" OR "caller" SAYS "refund") AND length > 1000',
    # Times: the call begins at 0.5 s and is 60 s long.
    '"agent" SAYS "thank you" [0s, 2s]',
    '"agent" SAYS "thank you" [,2]',
    '* SAYS ("goodbye" || "bye") [10 seconds,]',
    '* SAYS "goodbye" [-50s,]',
    '"agent" SAYS (! "thanks" [0s,5s] && "recorded")',
    # Near each other.
    '* SAYS "errors" NEAR "refund" WITHIN 8 WORDS',
    '* SAYS "refund" NEAR "thanks" WITHIN 1 second',
    '"Caller" SAYS "refund" NEAR "Agent" SAYS "cancel" WITHIN 3 SECONDS',
    '"Caller" SAYS ("refund" NEAR "price" WITHIN 10 WORDS && "errors")',
    # Fields.
    f"mediaId = '{str(MEDIA_ID).upper()}'",
    "dateCreated > '2022-06-06T00:00:00.000Z' AND dateCreated < '2022-06-07'",
    "dateCreated BETWEEN '2022-06-01' AND '2022-07-01' AND length <> 1",
    "dateCreated NOT BETWEEN '2023-06-01' AND '2023-07-01'",
    'interactionType="speech"',
    "wordCount > 30 AND wordCount <= 42",
    "language LIKE 'en-%'",
    "externalId IN ('x', 'crm-9')",
    'metadata.campaign = "eoy 50% off"',
    "metadata.extended.campaign LIKE 'eoy%o__'",
    "metadata:campaign NOT LIKE 'x%'",
    "metadata.title = 'Inbound call'",
    "metadata.score > 6.5 AND metadata.score < 10",
    "metadata.agent.id = 12",
    "metadata.tags = 'b'",
    "metadata.vip = true",
    "metadata.missing IS NULL AND metadata.title IS NOT NULL",
    "NOT metadata.missing = 1",
    'metrics:"agent-average-streak" > 0',
    "categories.hello = 1",
    "-- all of it\nWHERE * SAYS 'refund' -- and no more\n",
]
HOLDS_NOT = [
    '"agent" SAYS "refund"',
    '"agent" SAYS "than"',
    '* SAYS "thank* calling"/3',
    '* SAYS "recorded my"',
    '* SAYS "you thank"',
    '"agent" SAYS ("thank you" && "worry")',
    '"agent" SAYS "thank you" AND "refund"',
    '"agent" SAYS "thank you" AND NOT "worry"',
    '"caller" SAYS "refund" AND "goodbye" AND "nothing"',
    '"nobody" SAYS ! "refund"',
    '"agent" SAYS "thank you" [2s,]',
    '* SAYS "goodbye" [-40s,]',
    '* SAYS ("thank you" [0s,2s] && "survey")',
    '* SAYS "errors" NEAR "refund" WITHIN 7 WORDS',
    '* SAYS "errors" NEAR "errors" WITHIN 7 WORDS',
    '"Caller" SAYS "refund" NEAR "Agent" SAYS "recorded" WITHIN 3 SECONDS',
    "metadata.missing = 1",
    "metadata.missing != 1",
    "metadata.agent = 'x'",
    "metadata.campaign LIKE 'eoy'",
    "dateFinished > '2023-01-01'",
    "metrics.nothing > 0",
]


def results(transcript: Transcript) -> Results:
    values = MetricGroupValues("talk", (Metric("agent-average-streak", 4.5),))
    return Results(transcript, categories=(CategoryValue("hello", 1),), metrics=(values,))


@pytest.mark.parametrize("query", HOLDS)
def test_what_holds(query: str, call: Transcript) -> None:
    assert ask(query, call, results=results(call)).matches


@pytest.mark.parametrize("query", HOLDS_NOT)
def test_what_does_not_hold(query: str, call: Transcript) -> None:
    assert ask(query, call, results=results(call)) == Verdict(matches=False)


def test_hits_say_who_said_what_when(call: Transcript) -> None:
    hits = ask('* SAYS "thank*" || "price drop*"/2 [0s,]', call).hits
    assert [(hit.phrase, hit.speaker, hit.turn, hit.text) for hit in hits] == [
        ("thank*", "Agent", 0, "Thank"),
        ("price drop*", "Caller", 1, "price has dropped"),
        ("thank*", "Agent", 2, "Thanks"),
        ("thank*", "Caller", 3, "Thank"),
    ]
    words_said = call.turns[1].words
    assert (hits[1].start_ms, hits[1].end_ms) == (words_said[6].start_ms, words_said[8].end_ms)


def test_hits_are_of_what_makes_it_match_and_come_once(call: Transcript) -> None:
    assert [hit.text for hit in ask('"agent" SAYS "thanks" OR "nothing" OR "thanks"', call).hits] == [
        "Thanks"
    ]
    assert ask('"agent" SAYS ! "thanks" AND NOT "refund"', call).hits == ()
    near = ask('"Caller" SAYS "refund" NEAR "Agent" SAYS "cancel" WITHIN 3 SECONDS', call).hits
    assert [(hit.speaker, hit.text) for hit in near] == [("Caller", "refund"), ("Agent", "cancel")]


def test_phrases_that_repeat_do_not_overlap(say: Say) -> None:
    assert [hit.text for hit in ask('* SAYS "no no"', say(("Caller", "no no no no no"))).hits] == [
        "no no"
    ] * 2


WRONG = [
    ("", 1, 1, "no statement"),
    ('"agent" SAYS', 1, 13, "expected '!', '(' or a text in quotes"),
    ('"agent" SAYS "a" && OR "b"', 1, 21, "'OR' cannot stand here"),
    ('SELECT *\nFROM media\nWHERE * SAYS ("a" || "b"', 3, 25, "expected ')'"),
    ('* SAYS "a', 1, 8, "never closed"),
    ('* SAYS "a" @', 1, 12, "'@' cannot stand here"),
    ("SELECT nothing FROM media", 1, 8, "there is no field 'nothing'"),
    ("SELECT MEDIAID FROM media", 1, 8, "there is no field 'MEDIAID'"),
    ("length.x = 1", 1, 1, "nothing below"),
    ("metrics > 1", 1, 1, "needs a name below"),
    ("length > 'long'", 1, 10, "compared with a number"),
    ("dateCreated > 'yesterday'", 1, 15, "compared with a date"),
    ("language = 1", 1, 12, "compared with a text"),
    ('"thank you"', 1, 1, "whose words"),
    ('length > 1 AND ("a" || "b")', 1, 16, "whose words"),
    ('* SAYS "a" && ("b" AND "c")', 1, 15, "connect phrases within a turn"),
    ('* SAYS ("b" AND "c") [0s,]', 1, 8, "connect phrases within a turn"),
    ('* SAYS "th*nk"', 1, 8, "stands at the end"),
    ('* SAYS "*"', 1, 8, "needs a word"),
    ('* SAYS "?!"', 1, 8, "needs a word"),
    ('* SAYS "a b"/51', 1, 14, "from 0 to 50"),
    ('* SAYS "a b"/1.5', 1, 14, "from 0 to 50"),
    ('* SAYS "a" NEAR "b" WITHIN 9999 SECONDS', 1, 28, "from 0 to 3600"),
    ('* SAYS "a" [1 word,]', 1, 15, "in seconds"),
    ("SELECT * FROM media LIMIT 1001", 1, 27, "from 1 to 1000"),
    ("SELECT * FROM media ORDER BY nothing", 1, 30, "there is no field"),
    ("SELECT COUNT(*) FROM media", 1, 13, "'(' cannot stand here"),
    ("UPDATE media", 1, 8, "'media' cannot stand here"),
]


@pytest.mark.parametrize(("query", "line", "column", "message"), WRONG)
def test_an_error_says_where_it_is_and_what_was_expected(
    query: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(Misread) as error:
        parse(query)
    assert (error.value.line, error.value.column) == (line, column)
    assert message in str(error.value)


def test_columns_order_and_page_are_read() -> None:
    query = parse(
        "SELECT mediaId, metadata.campaign AS campaign, HITS() FROM media "
        "WHERE * ORDER BY campaign DESC, dateCreated LIMIT 50 OFFSET 20"
    )
    assert [(column.path, column.name) for column in query.columns] == [
        (("mediaId",), "mediaId"),
        (("metadata", "campaign"), "campaign"),
        (HITS, "hits()"),
    ]
    assert [(order.path, order.descending) for order in query.order] == [
        (("metadata", "campaign"), True),
        (("dateCreated",), False),
    ]
    assert (query.limit, query.offset) == (50, 20)


def test_a_statement_cannot_be_made_to_cost_much(call: Transcript) -> None:
    too_long = '* SAYS "' + "a" * LONGEST + '"'
    too_many = "* SAYS " + " || ".join(['"a"'] * (MOST_TERMS + 1))
    too_deep = "* SAYS " + "!" * (DEEPEST + 1) + '"a"'
    deepest = "(" * 3000 + '* SAYS "refund"' + ")" * 3000
    for query in (too_long, too_many, too_deep):
        with pytest.raises(Misread):
            parse(query)
    assert ask(deepest, call).matches


def test_a_query_that_finds_every_word_is_given_up_in_time(say: Say) -> None:
    long_call = say(*[("Caller", "abc " * 1000)] * 10)
    broad = "* SAYS " + " || ".join(f'"a* *"/{slop}' for slop in range(40))
    began = time.monotonic()
    with pytest.raises(TooBroad):
        ask(broad, long_call)
    assert time.monotonic() - began < 5
    assert len(ask('* SAYS "a*"', long_call).hits) == MOST_HITS


def test_what_is_known_without_the_transcript_can_rule_a_recording_out(call: Transcript) -> None:
    facts = Facts(media())
    for query, expected in (
        ('metadata.campaign = "other" AND * SAYS "refund"', False),
        ('metadata.campaign = "other" OR * SAYS "refund"', True),
        ('NOT metadata.campaign = "EOY 50% Off"', False),
        ("wordCount > 1000", True),
        ('NOT * SAYS "refund"', True),
    ):
        assert possible(parse(query).condition, facts) is expected, query


def test_a_patterns_text_cannot_make_it_slow() -> None:
    about = replace(media(), metadata=Metadata({"title": "a" * 50_000}))
    began = time.monotonic()
    assert not ask("metadata.title LIKE '%" + "a%" * 2000 + "b'", Transcript(), about).matches
    assert time.monotonic() - began < 2


def test_words_are_compared_in_their_parts() -> None:
    assert words.parts("Wi-Fi, $138.65 Don\u2019t O'Neill's") == [
        "wi",
        "fi",
        "138",
        "65",
        "don't",
        "o'neill's",
    ]
