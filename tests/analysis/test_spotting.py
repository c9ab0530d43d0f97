import pytest
from spoken_calls import Say, spoken

from callpost.analysis.analyze import analyze
from callpost.analysis.spotting import spot, stem
from callpost.model.configuration import Configuration, SpottingGroup


def exact(said: str, keyword: str, language: str = "en-US") -> list[str]:
    (group,) = spot(spoken(("A", said), language=language), [SpottingGroup("g", (keyword,))])
    return [o.exact for word in group.keywords for mention in word.mentions for o in mention.occurrences]


@pytest.mark.parametrize(
    ("said", "keyword", "expected"),
    [
        ("I am cancelling it, I cancelled twice.", "cancel", ["cancelling", "cancelled"]),
        ("the data sciences are fun", "data science", ["data sciences"]),
        ("my wi-fi, the wifi and wi fi", "wifi", ["wi-fi", "wifi", "wi fi"]),
        ("it costs twenty dollars", "$20", ["$20"]),
        ("it costs $20.", "twenty dollars", ["$20"]),
        ("the Customer's policies", "customer policy", ["Customer's policies"]),
        ("I upgraded, upgrading is fun", "upgrade", ["upgraded", "upgrading"]),
        ("the cancellation department", "cancel", []),
        ("a big database", "big data", []),
        ("nothing of it", "", []),
    ],
)
def test_phrases_match_in_any_inflection_and_writing(said: str, keyword: str, expected: list[str]) -> None:
    assert exact(said, keyword) == expected


def test_other_languages_match_as_written() -> None:
    assert exact("Meine Verträge und der VERTRAG.", "vertrag", "de-DE") == ["VERTRAG"]


def test_groups_are_scored_and_mentions_are_per_speaker(say: Say) -> None:
    call = say(("Alice", "data science, data science"), ("Bob", "machine learning"))
    groups = (
        SpottingGroup("big", ("data science", "machine learning", "mining")),
        SpottingGroup("no", ("cat",)),
    )
    big, no = spot(call, groups)
    assert [keyword.keyword for keyword in big.keywords] == ["data science", "machine learning"]
    assert [mention.speaker for keyword in big.keywords for mention in keyword.mentions] == ["Alice", "Bob"]
    assert big.score == 0.875
    assert (no.score, no.keywords) == (0.0, ())


def test_spotting_comes_with_the_analysis(say: Say) -> None:
    configuration = Configuration(knowledge=False, spotting=(SpottingGroup("g", ("router",)),))
    results = analyze(say(("A", "two routers")), configuration).results
    assert results.spotting is not None
    assert results.spotting[0].keywords[0].mentions[0].occurrences[0].exact == "routers"


@pytest.mark.parametrize(
    "forms",
    [
        ("cancel", "cancels", "cancelled", "canceled", "cancelling"),
        ("policy", "policies"),
        ("box", "boxes"),
        ("call", "calls", "called", "calling"),
        ("upgrade", "upgrades", "upgraded", "upgrading"),
        ("branch", "branches"),
    ],
)
def test_inflections_share_their_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1
