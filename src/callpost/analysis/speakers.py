"""Who of a call is the agent and who the caller.

Source: docs/how-to-guides/conversation-metrics.md, "Prerequisites for Use".
"""

from callpost.analysis.lexicon import words
from callpost.model.transcript import Transcript

_AGENTS = words("agent service representative operator salesperson callcenter contactcenter")
_CALLERS = words("caller client customer prospect")


def agent_and_caller(transcript: Transcript) -> tuple[str, str] | None:
    """Their names, by name or else in the order they speak; None unless two are on channels of their own."""
    channels = {turn.speaker: turn.channel for turn in transcript.turns}
    if len(channels) < 2 or len(set(channels.values())) < 2:
        return None
    speakers = list(channels)
    agent = next((name for name in speakers if _plain(name) in _AGENTS), None)
    caller = next((name for name in speakers if _plain(name) in _CALLERS and name != agent), None)
    agent = agent or next(name for name in speakers if name != caller)
    caller = caller or next(name for name in speakers if name != agent)
    return agent, caller


def _plain(name: str) -> str:
    """`Call Center` as `callcenter`."""
    return "".join(character for character in name.casefold() if character.isalpha())
