"""Labelled calls from a CSV file, for `callpost classifier train`. What is wrong is told with its line."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callpost.cli.client import CommandFailed, Document

_SOURCES = ("mediaId", "transcript", "file")
_COLUMNS = ("label", *_SOURCES)
_DELIMITERS = ",;\t"
_LONGEST_FIELD = 8 * 1024 * 1024
_MOST_TOLD = 20
_PLACE = re.compile(r"examples\[(\d+)\](?:\.(\w+))?")


@dataclass(frozen=True, slots=True)
class Labelled:
    """examples: as the API takes them. lines: where each begins in the file, from 1."""

    path: Path
    examples: list[Document]
    lines: list[int]

    def in_its_terms(self, message: str) -> str:
        """A message of the API, with the file's lines and columns for the places of the document."""
        return _PLACE.sub(self._place, message)

    def _place(self, found: re.Match[str]) -> str:
        index, column = int(found[1]), found[2]
        where = f"{self.path.name}, line {self.lines[index]}" if index < len(self.lines) else found[0]
        return f"{where}, {column}" if column else where


def read(path: Path) -> Labelled:
    """The examples of a file: a column `label`, and one of mediaId, transcript and file filled in each line.

    Paths in `file` are relative to the CSV file. Raises CommandFailed naming every line that is wrong.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    examples, lines, faults = [], [], []
    for line, row in _rows(path):
        try:
            examples.append(_example(row, path.parent))
            lines.append(line)
        except CommandFailed as fault:
            faults.append(f"{path.name}, line {line}: {fault}")
    if faults:
        more = [f"and {len(faults) - _MOST_TOLD} more"] if len(faults) > _MOST_TOLD else []
        raise CommandFailed("\n".join([*faults[:_MOST_TOLD], *more]))
    return Labelled(path, examples, lines)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each record with the line that it begins on; a quoted text may go over several."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            heading = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(_DELIMITERS, key=heading.count), strict=True)
            columns = _columns(path, next(reader, []))
            line = reader.line_num + 1
            for row in reader:
                if any(cell.strip() for cell in row):
                    yield line, dict(zip(columns, row, strict=False))
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{path.name} is not UTF-8 text.") from error
    except csv.Error as error:
        raise CommandFailed(f"{path.name}, line {reader.line_num}: {error}") from error


def _columns(path: Path, heading: list[str]) -> list[str]:
    known = {name.lower(): name for name in _COLUMNS}
    columns = [known.get(cell.strip().lower(), cell) for cell in heading]
    if "label" not in columns or not any(name in columns for name in _SOURCES):
        needed = f"a column label, and one of {', '.join(_SOURCES)}"
        raise CommandFailed(f"{path.name}, line 1: The first line names the columns: {needed}.")
    return columns


def _example(row: dict[str, str], folder: Path) -> Document:
    label = row.get("label", "").strip()
    given = [name for name in _SOURCES if row.get(name, "").strip()]
    if not label:
        raise CommandFailed("There is no label.")
    if len(given) != 1:
        raise CommandFailed(f"Give one of {', '.join(_SOURCES)}; here are {len(given)}.")
    (source,) = given
    value = row[source].strip()
    return {"label": label} | ({"transcript": _text(folder / value)} if source == "file" else {source: value})


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandFailed(f"{path} cannot be read: {reason}.") from error
