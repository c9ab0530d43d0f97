"""What the configuration may ask for and callpost does not do yet.

Each of these is read, checked and accepted with a warning; removing its line here ends the warning.
`name[]` stands for each element of a list, `name[value]` for those that are that value.
"""

from collections.abc import Iterator
from typing import Any

from callpost.api.reading.document import UNKNOWN_PROPERTY, within
from callpost.errors import Problem

NOT_BUILT = ("vocabularies[].terms[].soundsLike",)


def warnings(document: Any) -> Iterator[Problem]:  # noqa: ANN401 - a JSON document
    """One for each thing that is asked for in vain; null, [], {}, false and 0 ask for nothing."""
    for path in NOT_BUILT:
        for place, value in _at(document, path.split("."), ""):
            if value:
                message = f"{_name(path)} is not supported by callpost yet, and has no effect."
                yield Problem(UNKNOWN_PROPERTY, message, place)


def _name(path: str) -> str:
    name, _, wanted = path.rpartition(".")[2].removesuffix("]").partition("[")
    return wanted or name


def _at(value: Any, path: list[str], place: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Every value that lies at `path` below `value`, with its place."""
    if not path:
        yield place, value
    elif isinstance(value, dict):
        name, listed, wanted = path[0].removesuffix("]").partition("[")
        here = within(place, name)
        below = value.get(name)
        if not listed:
            yield from _at(below, path[1:], here)
        for index, item in enumerate(below if listed and isinstance(below, list) else ()):
            if wanted in ("", item):
                yield from _at(item, path[1:], f"{here}[{index}]")
