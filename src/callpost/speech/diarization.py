"""Diarization as a configuration asks for it: of which recordings, with what, under which names."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from callpost.errors import Problem
from callpost.model.configuration import Ingest
from callpost.model.transcript import Transcript, Turn, Word
from callpost.speech.activity import Region
from callpost.speech.ingest import Plan, Source
from callpost.speech.speaker_encoder import SpeakerEncoder, WeightsProblem
from callpost.speech.speakers import Diarization, Stretch

_PLACE = "ingest.diarization"
_NOT_DONE = 10008  # VoiceBase's code for a property that is ignored

Load = Callable[[], SpeakerEncoder]


@cache
def installed() -> SpeakerEncoder:
    """The encoder, read once: 17 MB from the first recording on that needs it."""
    return SpeakerEncoder.load()


def prepared(plan: Plan, wanted: Ingest, load: Load = installed) -> tuple[Plan, SpeakerEncoder | None]:
    """The encoder for a recording whose speakers are to be told apart by their voices, None for any other.

    Where that was asked for and cannot be done, the plan has a warning more.
    """
    if not wanted.diarize:
        return plan, None
    if len(plan.sources) > 1:
        message = "Every channel of the recording has a speaker of its own: diarization has no effect."
        return _warned(plan, message), None
    try:
        return plan, load()
    except WeightsProblem as problem:
        message = f"{problem} Everything said is given to {plan.sources[0].speaker!r}."
        return _warned(plan, message), None


def _warned(plan: Plan, message: str) -> Plan:
    return replace(plan, warnings=(*plan.warnings, Problem(_NOT_DONE, message, _PLACE)))


def told_apart(
    source: Source, words: Sequence[Word], heard: Sequence[Stretch]
) -> tuple[tuple[Turn, ...], list[tuple[Source, list[Region]]]]:
    """The turns of a source, and where each of its speakers is heard, in samples."""
    found = Diarization(heard, words)
    names = [source.speaker] if found.speakers == 1 else [name(one) for one in range(found.speakers)]
    said = tuple(Turn(names[speaker], source.number, spoken) for speaker, spoken in found.turns())
    whole = [(replace(source, speaker=each), found.speech(one)) for one, each in enumerate(names)]
    return said, whole


def name(speaker: int) -> str:
    """As VoiceBase numbers speakers whom nobody named. speaker: from 0, in the order of their first words."""
    return f"Speaker {speaker + 1}"


def warnings(wanted: Ingest, plan: Plan, transcript: Transcript) -> tuple[Problem, ...]:
    """One where a name was given and several people speak: nothing tells whose it is."""
    given = plan.sources[0].speaker
    speakers = dict.fromkeys(turn.speaker for turn in transcript.turns)
    named = wanted.speaker is not None or wanted.tracks
    if not (wanted.diarize and named and len(plan.sources) == 1 and len(speakers) > 1):
        return ()
    message = f"{len(speakers)} voices were found, and nothing tells which of them is {given!r}: they are "
    return (Problem(_NOT_DONE, message + "numbered in the order in which they speak.", _PLACE),)
