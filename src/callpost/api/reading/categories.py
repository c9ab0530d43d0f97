"""Categories: as they are defined (docs/how-to-guides/categories.md), and as a configuration asks for them.

The documentation has no codes of their own for them: whatever is wrong with a definition is 80000.
"""

from collections.abc import Mapping
from typing import Any

from callpost.analysis.grammar import Misread
from callpost.analysis.vbql.parse import parse as parse_vbql
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Category

_CODE = 80000
_CATEGORY = Kind("category", _CODE, _CODE)
_LONGEST_NAME, _LONGEST_TEXT, _LONGEST_VERSION = 128, 4000, 64
_MOST_TAGS, _LONGEST_TAG = 32, 64


def definition(body: bytes, name: str) -> dict[str, Any]:
    """VbCategory to be kept under `name`. Raises Rejected with 80000 and the place of each problem."""
    document = without_blanks(parse(body, _CATEGORY))
    if not document:
        raise Rejected(Problem(_CODE, "The request has no category."))
    notes = Notes(_CATEGORY)
    section = notes.open(document, "")
    _require_name(section, name)
    query = section.text("query")
    if query is None:
        section.refuse(_CODE, "The category has no query.", "query")
    else:
        _require_vbql(section, query)
    texts = {key: _text(section, key, _LONGEST_TEXT) for key in ("categoryDescription", "notes")}
    found = texts | {
        "query": query,
        "tags": _tags(section),
        "version": _text(section, "version", _LONGEST_VERSION),
    }
    notes.settle()
    return {"categoryName": name} | {key: value for key, value in found.items() if value}


def read(root: Section, known: Mapping[str, str]) -> tuple[Category, ...]:
    """Those that a configuration asks for, as they are defined now. known: their queries by name."""
    found: dict[str, str] = {}
    for item in root.sections("categories"):
        wants_all, name = item.flag("allCategories"), item.text("categoryName")
        if wants_all:
            found |= known
        elif name is None:
            if wants_all is None:
                item.refuse(10007, "Either a categoryName or allCategories is expected.")
        elif name in known:
            found[name] = known[name]
        else:
            item.refuse(_CODE, f"There is no category ({name[:_LONGEST_NAME]}).", "categoryName")
    return tuple(Category(name, query) for name, query in found.items())


def _require_name(section: Section, name: str) -> None:
    if section.text("categoryName") not in (None, name):
        message = f"The name must be equal to that in the path ({name[:_LONGEST_NAME]})."
        section.refuse(_CODE, message, "categoryName")
    if not name or len(name) > _LONGEST_NAME or "\0" in name or name.split() != [name]:
        message = f"A name has 1 to {_LONGEST_NAME} characters and no blanks."
        section.refuse(_CODE, message, "categoryName")


def _require_vbql(section: Section, query: str) -> None:
    try:
        parse_vbql(query)
    except Misread as error:
        section.refuse(_CODE, str(error), "query")


def _text(section: Section, key: str, longest: int) -> str | None:
    value = section.text(key)
    if value is not None and len(value) > longest:
        section.refuse(_CODE, f"This has {longest} characters at most.", key)
    return value


def _tags(section: Section) -> list[str]:
    tags = section.texts("tags")
    if len(tags) > _MOST_TAGS:
        section.refuse(_CODE, f"A category has {_MOST_TAGS} tags at most.", "tags")
    for place, tag in tags:
        if len(tag) > _LONGEST_TAG:
            section.notes.refuse(_CODE, f"A tag has {_LONGEST_TAG} characters at most.", place)
    return [tag for _, tag in tags]
