"""The conversation metrics: four groups of 6, 18, 8 and 12.

Source: docs/how-to-guides/conversation-metrics.md. Metrics of the agent or the caller are 0 where the two are
not on channels of their own; those of tone and volume where no voice features were asked for.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev

from callpost.analysis import sentiment
from callpost.analysis.speakers import agent_and_caller
from callpost.analysis.talk import Stretch, Talk, joined, length, talk
from callpost.model.configuration import MetricGroup
from callpost.model.results import Metric, MetricGroupValues
from callpost.model.transcript import Transcript

_OVERTALK_MS = 200
_SILENCE_MS = 4_000
_STREAK_PAUSE_MS = 3_000
_GOOD_AGENT, _GOOD_CALLER = 4.33, 7.57  # mean volumes, of the documentation


def metrics(transcript: Transcript, group: MetricGroup) -> MetricGroupValues:
    """The values of one group, named and ordered as documented. Sentiment is English."""
    values = _GROUPS[group](transcript)
    return MetricGroupValues(group.value, tuple(Metric(name, float(value)) for name, value in values.items()))


def _both(transcript: Transcript) -> tuple[Talk, Talk]:
    """The agent's and the caller's talk; empty where they are not told apart by channels."""
    pair = agent_and_caller(transcript)
    return (talk(transcript, pair[0]), talk(transcript, pair[1])) if pair else (Talk(()), Talk(()))


def _duration(transcript: Transcript) -> int:
    """Up to the last word or sound: the length of the recording is not known here."""
    ends = [word.end_ms for word in transcript.words()] + [part.end_ms for part in transcript.activity]
    return max(ends, default=0)


def _overtalk(transcript: Transcript) -> dict[str, float]:
    agent, caller = _both(transcript)
    duration = _duration(transcript)
    by_agent, by_caller = _overlaps(caller, agent), _overlaps(agent, caller)
    return {
        "overtalk-incidents": len(by_agent) + len(by_caller),
        "agent-overtalk-incidents": len(by_agent),
        "caller-overtalk-incidents": len(by_caller),
        "overtalk-ratio": _ratio(length(by_agent) + length(by_caller), duration),
        "agent-overtalk-ratio": _ratio(length(by_agent), duration),
        "caller-overtalk-ratio": _ratio(length(by_caller), duration),
    }


def _overlaps(first: Talk, second: Talk) -> list[Stretch]:
    """Where the second begins while the first is talking; less than word times can tell is none."""
    earlier, later = first.stretches(), second.stretches()
    found = [
        (start, min(end, other_end))
        for other_start, other_end in earlier
        for start, end in later
        if other_start < start < other_end
    ]
    return [(start, end) for start, end in found if end - start >= _OVERTALK_MS]


def _ratio(part: float, whole: float) -> float:
    return round(part / whole, 2) if whole else 0.0


def _talk_time(transcript: Transcript) -> dict[str, float]:
    agent, caller = _both(transcript)
    duration, everyone = _duration(transcript), _everyone(transcript)
    sounding = joined(everyone.stretches())
    silences = [end - start for start, end in _gaps(sounding, duration) if end - start > _SILENCE_MS]
    return {
        "agent-talk-ratio": _ratio(agent.time_ms(), length(sounding)),
        "caller-talk-ratio": _ratio(caller.time_ms(), length(sounding)),
        "silence-ratio": _ratio(duration - length(sounding), duration),
        "silence-incidents": len(silences),
        "agent-talk-rate": round(_rate(agent)),
        "caller-talk-rate": round(_rate(caller)),
        "agent-to-caller-talk-rate-ratio": _ratio(_rate(agent), _rate(caller)),
        "agent-intra-call-change-in-talk-rate": _change(agent, duration),
        "caller-intra-call-change-in-talk-rate": _change(caller, duration),
        **_streaks(transcript, agent, caller),
    }


def _everyone(transcript: Transcript) -> Talk:
    return Talk(tuple(sorted(transcript.words(), key=lambda word: word.start_ms)))


def _gaps(stretches: Sequence[Stretch], duration: int) -> list[Stretch]:
    edges = [(0, 0), *stretches, (duration, duration)]
    return [(left[1], right[0]) for left, right in pairwise(edges)]


def _rate(talk: Talk) -> float:
    """Words a minute of one's own talk, pauses left out."""
    return len(talk.words) * 60_000 / time if (time := talk.time_ms()) else 0.0


def _change(talk: Talk, duration: int) -> float:
    """The rate in the last third of the call over that in the first."""
    first, last = talk.within(0, duration / 3), talk.within(duration * 2 / 3, duration + 1)
    return _ratio(_rate(last), _rate(first))


def _streaks(transcript: Transcript, agent: Talk, caller: Talk) -> dict[str, float]:
    """In seconds: talk without a pause of three seconds."""
    of_agent, of_caller = _streaks_s(agent), _streaks_s(caller)
    everyone = dict.fromkeys(turn.speaker for turn in transcript.turns)
    of_all = [streak for speaker in everyone for streak in _streaks_s(talk(transcript, speaker))]
    return {
        "agent-average-streak": _seconds(fmean, of_agent),
        "agent-longest-streak": _seconds(max, of_agent),
        "agent-median-streak": _seconds(median, of_agent),
        "average-streak": _seconds(fmean, of_all),
        "caller-average-streak": _seconds(fmean, of_caller),
        "caller-longest-streak": _seconds(max, of_caller),
        "caller-median-streak": _seconds(median, of_caller),
        "longest-streak": _seconds(max, of_all),
        "median-streak": _seconds(median, of_all),
    }


def _streaks_s(talk: Talk) -> list[float]:
    return [(end - start) / 1000 for start, end in talk.stretches(_STREAK_PAUSE_MS)]


def _seconds(summary: Callable[[Sequence[float]], float], streaks: Sequence[float]) -> float:
    return round(summary(streaks), 2) if streaks else 0.0


def _talk_style(transcript: Transcript) -> dict[str, float]:
    """Of the words whose sound was measured; pitch of those that are voiced."""
    agent, caller = _both(transcript)
    return {**_style("agent", agent, _GOOD_AGENT), **_style("caller", caller, _GOOD_CALLER)}


def _style(who: str, talk: Talk, good: float) -> dict[str, float]:
    voices = [word.voice for word in talk.words if word.voice is not None]
    volumes = [voice.volume for voice in voices]
    pitches = [voice.peaks[0].frequency for voice in voices if voice.peaks]
    return {
        f"{who}-intra-call-change-in-pitch": _last_over_first(pitches),
        f"{who}-intra-call-change-in-relative-voice-volume-energy": _last_over_first(volumes),
        f"{who}-relative-voice-volume-energy": round(_mean(volumes) / good, 2),
        f"{who}-voice-dynamism-std-dev-score": round(pstdev(volumes), 2) if volumes else 0.0,
    }


def _last_over_first(values: Sequence[float]) -> float:
    """The mean of the last third over that of the first."""
    third = max(len(values) // 3, 1)
    return _ratio(_mean(values[-third:]), _mean(values[:third]))


def _sentiment(transcript: Transcript) -> dict[str, float]:
    pair = agent_and_caller(transcript)
    agent, caller = pair or (None, None)
    return {
        **_mood(_scores(transcript, lambda _: True), "call-sentiment", "", "call-change-in-sentiment"),
        **_mood(
            _scores(transcript, lambda speaker: speaker == agent),
            "agent-sentiment",
            "agent-",
            "agent-intra-call-change-in-sentiment",
        ),
        **_mood(
            _scores(transcript, lambda speaker: speaker == caller),
            "caller-sentiment",
            "caller-",
            "caller-intra-call-change-in-sentiment",
        ),
    }


def _scores(transcript: Transcript, is_wanted: Callable[[str], bool]) -> list[float]:
    return [
        sentiment.score(sentence)
        for turn in transcript.turns
        if is_wanted(turn.speaker)
        for sentence in sentiment.sentences(turn.text)
    ]


def _mood(scores: Sequence[float], whole: str, prefix: str, change: str) -> dict[str, float]:
    """Means over all sentences, the first third and the last; the change is the end less the start."""
    third = max(len(scores) // 3, 1)
    start, end = _mean(scores[:third]), _mean(scores[-third:])
    return {
        whole: round(_mean(scores), 4),
        f"{prefix}start-sentiment": round(start, 4),
        f"{prefix}end-sentiment": round(end, 4),
        change: round(end - start, 4),
    }


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


_GROUPS: dict[MetricGroup, Callable[[Transcript], dict[str, float]]] = {
    MetricGroup.OVERTALK: _overtalk,
    MetricGroup.SENTIMENT: _sentiment,
    MetricGroup.TALK_STYLE: _talk_style,
    MetricGroup.TALK_TIME: _talk_time,
}
