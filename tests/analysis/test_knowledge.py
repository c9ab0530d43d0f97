import pytest
from spoken_calls import Say

from callpost.analysis.knowledge import knowledge
from callpost.analysis.reading import Reading
from callpost.model.results import Knowledge

CALL = (
    ("Agent", "Hello, thank you for calling Harbour Broadband, my name is Priya. How can I help you today?"),
    ("Caller", "Hi, um, my router shows a red light and the solar panels on my roof lost their connection."),
    ("Agent", "I'm sorry. Did you restart the router? The solar power monitor needs the connection."),
    ("Caller", "Yes, two routers, twice. Yeah. I want to cancel my subscription and get a refund."),
    ("Agent", "Okay, I can send a new router. The early termination fee would apply to the subscription."),
    ("Caller", "That termination fee is ridiculous."),
)


@pytest.fixture
def found(say: Say) -> Knowledge:
    with Reading(say(*CALL)) as reading:
        return knowledge(reading)


def test_what_the_call_is_about_comes_first(found: Knowledge) -> None:
    names = [keyword.keyword.lower() for keyword in found.keywords]
    assert names[0] == "router"
    assert {"router", "subscription", "termination fee", "refund", "cancel", "connection"} <= set(names[:12])


def test_fillers_and_courtesies_are_no_keywords(found: Knowledge) -> None:
    names = {keyword.keyword.lower() for keyword in found.keywords}
    assert not names & {"um", "yeah", "today", "name", "hello", "okay", "thank you", "priya", "hi", "yes"}


def test_relevance_falls_from_one_to_zero(found: Knowledge) -> None:
    values = [keyword.relevance for keyword in found.keywords]
    assert values == sorted(values, reverse=True)
    assert all(0 < value <= 1 for value in values)


def test_mentions_are_per_speaker_with_the_words_as_said(found: Knowledge, say: Say) -> None:
    call = say(*CALL)
    router = found.keywords[0]
    assert {mention.speaker: [o.exact for o in mention.occurrences] for mention in router.mentions} == {
        "Caller": ["router", "routers"],
        "Agent": ["router", "router"],
    }
    words = {(word.start_ms, word.text.strip(".,?")) for word in call.words()}
    for keyword in found.keywords:
        for mention in keyword.mentions:
            assert all((o.start_ms, o.exact.split()[0]) in words for o in mention.occurrences)


def test_a_word_that_is_only_said_inside_a_phrase_is_no_keyword_of_its_own(found: Knowledge) -> None:
    assert "fee" not in {keyword.keyword for keyword in found.keywords}


def test_topics_gather_related_keywords(found: Knowledge) -> None:
    topics = {topic.name: {keyword.keyword for keyword in topic.keywords} for topic in found.topics}
    assert {"router", "connection"} <= topics["Internet and network"]
    assert {"subscription", "cancel"} <= topics["Subscription"]
    network = next(topic for topic in found.topics if topic.name == "Internet and network")
    assert "Equipment" in {part.name for part in network.subtopics}
    mean = sum(keyword.relevance for keyword in network.keywords) / len(network.keywords)
    assert network.relevance == pytest.approx(mean, abs=0.001)


def test_an_empty_call_is_about_nothing(say: Say) -> None:
    with Reading(say()) as reading:
        assert knowledge(reading) == Knowledge()
