from dataclasses import replace

import pytest
from spoken_calls import Say

from callpost.analysis.analyze import analyze
from callpost.analysis.metrics import metrics
from callpost.analysis.speakers import agent_and_caller
from callpost.model.configuration import Configuration, MetricGroup
from callpost.model.transcript import Peak, Transcript, Turn, Voice, Word


def values(transcript: Transcript, group: MetricGroup) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics(transcript, group).metrics}


def turn(speaker: str, channel: int, *words: tuple[int, int], text: str = "word") -> Turn:
    return Turn(speaker, channel, tuple(Word(text, start, end, 1.0) for start, end in words))


# Ten seconds: the agent 0-4 s, the caller 3-5 s (over the agent), the agent 4.5-6 s (over the caller),
# silence, the caller 9-10 s.
CALL = Transcript(
    (
        turn("Agent", 0, (0, 1000), (1000, 2000), (2000, 3000), (3000, 4000)),
        turn("Caller", 1, (3000, 4000), (4000, 5000)),
        turn("Agent", 0, (4600, 5300), (5300, 6000)),
        turn("Caller", 1, (9000, 9500), (9500, 10000)),
    )
)


def test_the_groups_have_the_documented_sizes() -> None:
    sizes = {group.value: len(metrics(CALL, group).metrics) for group in MetricGroup}
    assert sizes == {
        "overtalk": 6,
        "sentiment": 12,
        "talk-style-tone-and-volume": 8,
        "talk-time-and-rate": 18,
    }


def test_overtalk_is_counted_for_the_one_who_began_second() -> None:
    assert values(CALL, MetricGroup.OVERTALK) == {
        "overtalk-incidents": 2,
        "agent-overtalk-incidents": 1,
        "caller-overtalk-incidents": 1,
        "overtalk-ratio": 0.14,
        "agent-overtalk-ratio": 0.04,
        "caller-overtalk-ratio": 0.1,
    }


def test_talk_time_and_rate() -> None:
    found = values(CALL, MetricGroup.TALK_TIME)
    assert found["agent-talk-ratio"] == pytest.approx(5.4 / 7, abs=0.01)
    assert found["caller-talk-ratio"] == pytest.approx(3 / 7, abs=0.01)
    assert found["silence-ratio"] == 0.3
    assert found["silence-incidents"] == 0
    assert found["agent-talk-rate"] == round(6 / 5.4 * 60)
    assert found["caller-talk-rate"] == 80
    assert found["agent-to-caller-talk-rate-ratio"] == pytest.approx(66.7 / 80, abs=0.01)
    assert found["agent-longest-streak"] == 6.0
    assert found["caller-median-streak"] == 1.5
    assert found["longest-streak"] == 6.0
    assert found["average-streak"] == 3.0


def test_a_silence_of_more_than_four_seconds_is_an_incident() -> None:
    quiet = Transcript((turn("Agent", 0, (0, 500)), turn("Caller", 1, (4600, 5000))))
    assert values(quiet, MetricGroup.TALK_TIME)["silence-incidents"] == 1


def test_a_change_of_pace_is_the_last_third_over_the_first() -> None:
    slower = Transcript(
        (
            turn("Agent", 0, (0, 250), (250, 500), (500, 750), (750, 1000)),
            turn("Caller", 1, (4000, 5000)),
            turn("Agent", 0, (8000, 9000)),
        )
    )
    assert values(slower, MetricGroup.TALK_TIME)["agent-intra-call-change-in-talk-rate"] == 0.25


def test_without_a_channel_each_agent_and_caller_are_zero() -> None:
    mono = Transcript(tuple(Turn(part.speaker, 0, part.words) for part in CALL.turns))
    found = values(mono, MetricGroup.TALK_TIME)
    assert {value for name, value in found.items() if "agent" in name or "caller" in name} == {0.0}
    assert found["silence-ratio"] == 0.3
    assert set(values(mono, MetricGroup.OVERTALK).values()) == {0.0}


def test_sentiment_follows_the_call(say: Say) -> None:
    call = say(
        ("Agent", "How can I help you?"),
        ("Caller", "This is terrible. I am so frustrated."),
        ("Agent", "I have fixed it."),
        ("Caller", "That is wonderful. I am very happy. Thank you."),
    )
    found = values(call, MetricGroup.SENTIMENT)
    assert found["caller-start-sentiment"] < -0.3
    assert found["caller-end-sentiment"] > 0.1
    change = found["caller-end-sentiment"] - found["caller-start-sentiment"]
    assert found["caller-intra-call-change-in-sentiment"] == pytest.approx(change, abs=0.001)
    assert all(-1 <= value <= 1 for name, value in found.items() if "change" not in name)


@pytest.mark.parametrize("group", list(MetricGroup))
def test_nothing_said_is_nothing_measured(group: MetricGroup) -> None:
    assert set(values(Transcript(), group).values()) == {0.0}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("Customer", "Contact Center"), ("Contact Center", "Customer")),
        (("Joe", "Ann"), ("Joe", "Ann")),
        (("Client", "Ann"), ("Ann", "Client")),
    ],
)
def test_who_is_the_agent(names: tuple[str, str], expected: tuple[str, str], say: Say) -> None:
    assert agent_and_caller(say(*((name, "hello") for name in names))) == expected


def test_metrics_come_with_the_analysis(say: Say) -> None:
    call = say(("Agent", "Hello."), ("Caller", "Hello."), language="fr-FR")
    configuration = Configuration(knowledge=False, metrics=tuple(MetricGroup))
    results = analyze(call, configuration).results
    assert results.metrics is not None
    assert [group.name for group in results.metrics] == [
        "overtalk",
        "talk-style-tone-and-volume",
        "talk-time-and-rate",
    ]
    assert {problem.code for problem in results.warnings} == {10603}


def sounding(call: Transcript, speaker: str, volumes: list[float], pitches: list[float | None]) -> Transcript:
    """The call with the words of one speaker measured."""
    measured = iter(zip(volumes, pitches, strict=True))
    turns = []
    for turn in call.turns:
        words = turn.words
        if turn.speaker == speaker:
            words = tuple(replace(word, voice=voiced(*next(measured))) for word in words)
        turns.append(replace(turn, words=words))
    return replace(call, turns=tuple(turns))


def voiced(volume: float, pitch: float | None) -> Voice:
    return Voice(volume, () if pitch is None else (Peak(pitch, 0.2), Peak(1000, 1.0)))


def test_tone_and_volume_are_those_of_the_measured_words(say: Say) -> None:
    call = say(("Agent", "one two three four five six"), ("Caller", "one two three"))
    call = sounding(call, "Agent", [4, 6, 5, 5, 9, 11], [100, 120, None, 130, 150, 180])
    call = sounding(call, "Caller", [7.57, 7.57, 7.57], [None, None, None])
    assert values(call, MetricGroup.TALK_STYLE) == {
        "agent-intra-call-change-in-pitch": 1.8,
        "agent-intra-call-change-in-relative-voice-volume-energy": 2.0,
        "agent-relative-voice-volume-energy": round(40 / 6 / 4.33, 2),
        "agent-voice-dynamism-std-dev-score": 2.49,
        "caller-intra-call-change-in-pitch": 0,
        "caller-intra-call-change-in-relative-voice-volume-energy": 1.0,
        "caller-relative-voice-volume-energy": 1.0,
        "caller-voice-dynamism-std-dev-score": 0,
    }


def test_no_warning_is_given_where_voices_were_measured(say: Say) -> None:
    call = sounding(say(("Agent", "Hello there.")), "Agent", [4.0, 5.0], [100.0, None])
    wanted = Configuration(knowledge=False, metrics=(MetricGroup.TALK_STYLE,))
    assert analyze(call, wanted).results.warnings == ()
