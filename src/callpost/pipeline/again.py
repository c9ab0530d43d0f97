"""Processing a recording again, from its transcript: what that may begin with, and what must stay gone.

Words that a redactor has taken out are stored nowhere. A tone cannot be put over them later on, since nobody
knows any more where they are; so audio that was redacted is built upon, and never goes back to the original.
"""

from collections.abc import Iterator
from dataclasses import replace

from callpost.errors import Problem, Rejected
from callpost.model.configuration import Configuration, Redactor
from callpost.model.media import Stream
from callpost.model.results import Basis
from callpost.model.transcript import Transcript

ORIGINAL, REDACTED = "original", "redacted-audio"


def wants_redacted_audio(configuration: Configuration) -> bool:
    """Whether some redactor is to put tones over what it finds."""
    return any(redactor.tone_hz is not None for redactor in _redactors(configuration))


def next_basis(
    before: Basis, configuration: Configuration, delivered: Transcript, streams: tuple[Stream, ...]
) -> Basis:
    """What the next processing begins with, after one that began with `before`.

    delivered: its transcript. streams: before any was put into another format.
    """
    taking = [redactor for redactor in _redactors(configuration) if redactor.replacement is not None]
    return Basis(
        delivered if taking else before.transcript,
        streams,
        redacted=before.redacted or bool(taking),
        audio_redacted=before.audio_redacted and all(redactor.tone_hz is not None for redactor in taking),
        heard=None if taking else before.heard,
    )


def corrected_basis(basis: Basis, aligned: Transcript) -> Basis:
    """With a corrected transcript; what was heard is kept, since what it leaves out is still in the audio."""
    return replace(basis, transcript=aligned, heard=basis.heard or basis.transcript)


def require_possible(basis: Basis, configuration: Configuration) -> None:
    """Raises Rejected (50010) where the audio would be delivered as redacted, and could not be."""
    if wants_redacted_audio(configuration) and not basis.audio_redacted:
        message = (
            "Words were taken out of the transcript and not out of the audio, and where is not known any "
            "more. Submit the recording anew to redact its audio."
        )
        raise Rejected(Problem(50010, message, "prediction.detectors"))


def stream(basis: Basis, name: str) -> Stream | None:
    """One of the streams that there are."""
    return next((stream for stream in basis.streams if stream.name == name), None)


def _redactors(configuration: Configuration) -> Iterator[Redactor]:
    return (detector.redactor for detector in configuration.detectors if detector.redactor is not None)
