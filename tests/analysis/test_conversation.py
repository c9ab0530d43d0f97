import pytest
from spoken_calls import Say

from callpost.analysis.analyze import analyze
from callpost.analysis.conversation import speaker_sentiments, verb_noun_pairs
from callpost.analysis.reading import Reading
from callpost.analysis.talk import voice_activity
from callpost.model.configuration import Configuration
from callpost.model.transcript import Activity, Transcript


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("I need help with my account.", ("need", "help", None, None, False)),
        ("I do not have a question.", ("have", "question", "not", None, False)),
        ("My internet is not working.", ("work", "internet", "not", None, False)),
        ("My internet never works.", ("work", "internet", "never", None, False)),
        ("They provide no justification.", ("provide", "justification", None, "no", False)),
        ("Do they like our service?", ("like", "service", None, None, True)),
    ],
)
def test_verbs_with_their_nouns(
    said: str, expected: tuple[str, str, str | None, str | None, bool], say: Say
) -> None:
    with Reading(say(("Caller", said))) as reading:
        (speaker,) = verb_noun_pairs(reading)
    assert expected in [
        (pair.verb, pair.noun, pair.verb_negation, pair.noun_negation, pair.question)
        for pair in speaker.pairs
    ]


def test_a_pair_spans_its_two_words(say: Say) -> None:
    call = say(("Caller", "Well I need your help now."))
    with Reading(call) as reading:
        (speaker,) = verb_noun_pairs(reading)
    words = call.turns[0].words
    assert (speaker.pairs[0].start_ms, speaker.pairs[0].end_ms) == (words[2].start_ms, words[4].end_ms)


def test_every_turn_has_its_mood(say: Say) -> None:
    call = say(("Caller", "This is terrible."), ("Agent", "I see."), ("Caller", "Great, wonderful."))
    caller, agent = speaker_sentiments(call)
    assert (caller.speaker, agent.speaker) == ("Caller", "Agent")
    assert [value.start_ms for value in caller.values] == [call.turns[0].start_ms, call.turns[2].start_ms]
    assert caller.values[0].value < -0.3 < 0.3 < caller.values[1].value
    assert agent.values[0].value == 0


def test_voice_activity_is_what_was_measured_or_else_what_was_said(say: Say) -> None:
    call = say(("A", "hello there"), ("B", "hi"), ("A", "well"))
    assert [(part.speaker, part.start_ms, part.end_ms) for part in voice_activity(call)] == [
        ("A", 500, 1150),
        ("A", 2750, 3050),
        ("B", 1800, 2100),
    ]
    measured = (Activity("A", 0, 0, 10),)
    assert voice_activity(Transcript(call.turns, activity=measured)) == measured
    assert analyze(call, Configuration(knowledge=False)).results.transcript.activity
