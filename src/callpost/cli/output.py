"""How commands speak: results to standard output, everything else to standard error."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

# Nobody reads the width of a pipe: a table in a file or in grep keeps its lines whole.
_PIPE_WIDTH = 240

stderr = Console(stderr=True, highlight=False)


def line(text: str = "") -> None:
    """One line, as it is: a token or a URL is never wrapped."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """For people who look; never part of the result."""
    stderr.print(_escaped(text), soft_wrap=True)


def error(text: str) -> None:
    stderr.print(f"[bold red]Error:[/] {_escaped(text)}", soft_wrap=True)


def warning(text: str) -> None:
    stderr.print(f"[bold yellow]Warning:[/] {_escaped(text)}", soft_wrap=True)


def document(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """For machines: JSON, indented."""
    line(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """For people. None is shown as nothing."""
    made = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        made.add_row(*("" if cell is None else _escaped(str(cell)) for cell in row))
    stdout = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    stdout.print(made)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Name and value, one pair in a line; what is None is left out."""
    known = [(name, value) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        line(f"{name:<{width}}  {value}")


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
