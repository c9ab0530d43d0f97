"""Making a section so that its failure, or a language it does not know, costs no other section."""

from collections.abc import Callable
from typing import TypeVar

import structlog

from callpost.errors import Problem

_log = structlog.get_logger()

T = TypeVar("T")


class Attempts:
    """Sections of one recording; what could not be made is told in `warnings`.

    language: of the recording, as BCP 47 ("en-US").
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self.warnings: list[Problem] = []

    def warn(self, code: int, message: str) -> None:
        self.warnings.append(Problem(code, message))

    def speaks(self, languages: tuple[str, ...]) -> bool:
        """Whether the recording is in one of these languages ("en")."""
        return self.language.partition("-")[0].casefold() in languages

    def make(
        self, what: str, code: int, make: Callable[[], T], *, languages: tuple[str, ...] | None = ("en",)
    ) -> T | None:
        """The section, or None and a warning. languages: those it supports, None for any.

        What went wrong may quote the recording: only its type is told.
        """
        if languages is not None and not self.speaks(languages):
            self.warn(code, f"{what} is not available for the language {self.language}")
            return None
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - no section may cost the others
            _log.warning("analysis.failed", section=what, error=type(error).__name__, where=_where(error))
            self.warn(code, f"{what} could not be made ({type(error).__name__})")
            return None


def _where(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
