"""What can go wrong for a caller, in VoiceBase's terms. Imports nothing of callpost.

A refusal carries the documented VoiceBase code and the place in the document, so that the API can
answer it as it stands. A delivery that fails is not here: that is a value (`model.delivery.Outcome`).
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a request or a recording.

    code: VoiceBase error code (docs/errors/errors.rst of the archived documentation).
    place: where in the document, as `publish.callbacks[2].include[0]`; None where there is no place.
    """

    code: int
    message: str
    place: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class CallpostError(Exception):
    """Base of every exception callpost raises on purpose."""


class Rejected(CallpostError):
    """A request we refuse. `status` is the HTTP status of the answer."""

    status = 400

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


class Unauthorized(Rejected):
    """No token, or none that is known (10002, 10003)."""

    status = 401


class Forbidden(Rejected):
    """A known caller asks for what it may not have (10006)."""

    status = 403


class NotFound(Rejected):
    """There is no such thing, or it is not ready yet (10301)."""

    status = 404


class TooLarge(Rejected):
    """The request is larger than the operator allows (10800)."""

    status = 413


class UnreadableRecording(CallpostError):
    """The recording cannot be decoded or recognised; the media ends as `failed` with these problems."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


class ConfigurationProblem(CallpostError):
    """The operator's set-up does not work; the message says which setting mends it."""
