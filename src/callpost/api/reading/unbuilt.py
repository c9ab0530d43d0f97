"""What the configuration may ask for and callpost does not do yet.

Each of these is read, checked and accepted with a warning; removing its line here ends the warning.
"""

from collections.abc import Iterator
from typing import Any

from callpost.api.reading.document import UNKNOWN_PROPERTY, within
from callpost.errors import Problem

NOT_BUILT = (
    "vocabularies[].vocabularyName",
    "vocabularies[].scripts",
    "vocabularies[].terms[].soundsLike",
    "vocabularies[].terms[].weight",
    "spotting.groups",
    "categories",
    "ingest.diarization",
    "publish.enableAnalyticIndexing",
    "publish.audioTranscode",
    "searchability.searchable",
)


def warnings(document: Any) -> Iterator[Problem]:  # noqa: ANN401 - a JSON document
    """One for each thing that is asked for in vain; null, [], {}, false and 0 ask for nothing."""
    for path in NOT_BUILT:
        for place, value in _at(document, path.split("."), ""):
            if value:
                name = place.rpartition(".")[2]
                message = f"{name} is not supported by callpost yet, and has no effect."
                yield Problem(UNKNOWN_PROPERTY, message, place)


def _at(value: Any, path: list[str], place: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Every value that lies at `path` below `value`, with its place."""
    if not path:
        yield place, value
    elif isinstance(value, dict):
        name = path[0].removesuffix("[]")
        here = within(place, name)
        below = value.get(name)
        if path[0].endswith("[]") and isinstance(below, list):
            for index, item in enumerate(below):
                yield from _at(item, path[1:], f"{here}[{index}]")
        else:
            yield from _at(below, path[1:], here)
