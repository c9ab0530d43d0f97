"""spotting: groups of phrases to look for, kept under names (docs/how-to-guides/keyword-spotting.md)."""

from collections.abc import Mapping

from callpost.api.reading.document import Section
from callpost.model.configuration import SpottingGroup

_MOST_GROUPS = 100


def read(section: Section, known: Mapping[str, tuple[str, ...]]) -> tuple[SpottingGroup, ...]:
    """The groups as they are defined now. known: keywords by the group's name."""
    items = section.sections("groups")
    if len(items) > _MOST_GROUPS:
        section.refuse(10007, f"There are {_MOST_GROUPS} groups at most.", "groups")
    found: dict[str, SpottingGroup] = {}
    for item in items:
        name = item.text("groupName") or ""
        if name in known:
            found[name] = SpottingGroup(name, known[name])
        else:
            item.refuse(40005, f"There is no keyword spotting group ({name}).", "groupName")
    return tuple(found.values())
