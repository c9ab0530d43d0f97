"""What an index rules out for a VBQL condition never matches it."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from spoken_calls import spoken

from callpost.analysis.vbql import words
from callpost.analysis.vbql.candidates import candidates, needs_results
from callpost.analysis.vbql.evaluate import evaluate
from callpost.analysis.vbql.fields import Facts
from callpost.analysis.vbql.parse import parse
from callpost.analysis.vbql.spoken import Heard
from callpost.model.media import Media, MediaStatus
from callpost.model.results import Results
from callpost.model.search import AllOf, AnyOf, NoneOf, Term, Wanted

MEDIA = Media(UUID(int=2), UUID(int=1), "ACME", MediaStatus.FINISHED, datetime(2026, 3, 1, tzinfo=UTC))
WORDS = ("red", "green", "blue", "bluish", "wi-fi")

phrases = st.lists(st.sampled_from((*WORDS, "blu*", "*")), min_size=1, max_size=3).filter(
    lambda found: found != ["*"] * len(found)
)
quoted = phrases.map(lambda found: f'"{" ".join(found)}"')
in_a_turn = st.recursive(
    st.one_of(quoted, quoted.map(lambda text: f"{text}/2"), quoted.map(lambda text: f"{text} [1s,]")),
    lambda inner: st.one_of(
        inner.map(lambda one: f"! ({one})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} && {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} || {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"(({two[0]}) NEAR ({two[1]}) WITHIN 3 WORDS)"),
    ),
    max_leaves=4,
)
conditions = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from(("*", "Agent", "Caller")), in_a_turn).map(" SAYS ".join),
        st.sampled_from(("wordCount > 3", "language = 'en-US'", "metadata.title IS NULL")),
    ),
    lambda inner: st.one_of(
        inner.map(lambda one: f"NOT ({one})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} AND {two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
    ),
    max_leaves=4,
)
lines = st.lists(
    st.tuples(
        st.sampled_from(("Agent", "Caller")),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join),
    ),
    max_size=4,
)


def has(vocabulary: frozenset[str], wanted: Wanted) -> bool:
    """As an index answers."""
    match wanted:
        case Term(text, prefix):
            return any(word.startswith(text) for word in vocabulary) if prefix else text in vocabulary
        case AllOf(parts):
            return all(has(vocabulary, part) for part in parts)
        case AnyOf(parts):
            return any(has(vocabulary, part) for part in parts)
        case NoneOf(part):
            return not has(vocabulary, part)


@settings(max_examples=150, deadline=None)
@given(condition=conditions, said=lines)
def test_a_recording_that_matches_is_a_candidate(condition: str, said: list[tuple[str, str]]) -> None:
    transcript = spoken(*said)
    query = parse(condition)
    matches = evaluate(query.condition, Facts(MEDIA, Results(transcript)), Heard(transcript, None)).matches
    vocabulary = frozenset(words.vocabulary(word.text for word in transcript.words()))
    wanted = candidates(query.condition)
    assert not matches or wanted is None or has(vocabulary, wanted)


def test_words_that_must_be_there_are_looked_for() -> None:
    red, blue = Term("red"), Term("blu", prefix=True)
    for condition, wanted in (
        ('* SAYS "red blu*"', AllOf((red, blue))),
        ('* SAYS ("red" || "blu*") AND NOT "green"', AllOf((AnyOf((AllOf((red,)), AllOf((blue,)))),))),
        ('* SAYS "red" OR length > 1', None),
        ('* SAYS ! "red"', None),
        ("length > 1", None),
    ):
        assert candidates(parse(condition).condition) == wanted, condition


def test_results_are_needed_for_what_only_they_have() -> None:
    for statement, needed in (
        ('* SAYS "red"', True),
        ("NOT wordCount > 3", True),
        ("metadata.title = 'x' AND length > 1", False),
        ("WHERE * ORDER BY wordCount", True),
        ("SELECT wordCount FROM media", False),
    ):
        assert needs_results(parse(statement)) is needed, statement
