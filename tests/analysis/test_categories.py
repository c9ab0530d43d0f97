"""Categories: 1 or 0 for each, and what was said that makes it so."""

from datetime import UTC, datetime
from uuid import UUID

from spoken_calls import Say

from callpost.analysis.categories import categorize
from callpost.model.configuration import Category
from callpost.model.media import Media, MediaStatus, Metadata
from callpost.model.results import CategoryValue, Mention, Occurrence, Results
from callpost.render import sections

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MEDIA = Media(UUID(int=2), UUID(int=1), "ACME", MediaStatus.RUNNING, NOW, Metadata({"title": "Call"}))


def test_each_category_gets_a_value_and_those_that_match_say_why(say: Say) -> None:
    transcript = say(("agent", "Hello there!"), ("caller", "Hi, hello."))
    categories = (
        Category("hello", "SELECT * FROM media MATCH 'hello' || 'hi'"),
        Category("goodbye", "SELECT * FROM media MATCH 'goodbye'"),
        Category("titled", "metadata.title = 'call'"),
    )
    found = categorize(MEDIA, Results(transcript), categories)
    assert found.categories == (
        CategoryValue(
            "hello",
            1,
            (
                Mention("agent", (Occurrence(500, 800, "Hello"),)),
                Mention("caller", (Occurrence(1800, 2100, "Hi"), Occurrence(2150, 2450, "hello"))),
            ),
        ),
        CategoryValue("goodbye", 0),
        CategoryValue("titled", 1),
    )
    assert found.warnings == ()
    assert sections.render(found)["categories"][:2] == [
        {
            "categoryName": "hello",
            "categoryValue": 1,
            "categoryMatches": [
                {"speakerName": "agent", "occurrences": [{"s": 500, "e": 800, "exact": "Hello"}]},
                {
                    "speakerName": "caller",
                    "occurrences": [
                        {"s": 1800, "e": 2100, "exact": "Hi"},
                        {"s": 2150, "e": 2450, "exact": "hello"},
                    ],
                },
            ],
        },
        {"categoryName": "goodbye", "categoryValue": 0},
    ]


def test_one_that_cannot_be_evaluated_costs_no_other(say: Say) -> None:
    categories = (Category("broken", "* SAYS"), Category("fine", "* SAYS 'hello'"))
    found = categorize(MEDIA, Results(say(("agent", "Hello"))), categories)
    assert [category.name for category in found.categories or ()] == ["fine"]
    assert [(warning.code, "broken" in warning.message) for warning in found.warnings] == [(80000, True)]


def test_without_categories_there_is_no_section(say: Say) -> None:
    results = Results(say(("agent", "Hello")))
    assert categorize(MEDIA, results, ()) == results
