"""VBQL over what is stored: how far it goes, and that it says so where it did not go all the way."""

from dataclasses import replace
from uuid import UUID

from desk import CONFIGURATION, Desk

from callpost.analysis.vbql.parse import parse
from callpost.pipeline.search import Search

INDEXED = replace(CONFIGURATION, analytic_indexing=True, knowledge=False)
CALLING = parse('* SAYS "calling"')


async def finished(desk: Desk, count: int) -> list[UUID]:
    """The newest first."""
    ids = []
    for _ in range(count):
        ids.insert(0, await desk.accept(INDEXED))
        await desk.processor.process(ids[0])
    return ids


async def test_all_candidates_are_looked_at_and_a_page_is_given(desk: Desk) -> None:
    ids = await finished(desk, 3)
    search = Search(desk.database, desk.objects)
    organization_id = desk.organization.organization_id
    found = await search.run(organization_id, replace(CALLING, limit=1, offset=1))
    assert (found.total, found.complete) == (3, True)
    assert [row.media.media_id for row in found.rows] == ids[1:2]
    nothing = await search.run(organization_id, parse('* SAYS "nothing"'))
    assert (nothing.total, nothing.rows, nothing.complete) == (0, (), True)


async def test_what_was_not_looked_at_is_admitted(desk: Desk) -> None:
    ids = await finished(desk, 3)
    organization_id = desk.organization.organization_id
    found = await Search(desk.database, desk.objects, most=2).run(organization_id, CALLING)
    assert [row.media.media_id for row in found.rows] == ids[:2]
    assert (found.total, found.complete) == (2, False)
    late = await Search(desk.database, desk.objects, patience_s=-1).run(organization_id, CALLING)
    assert (late.total, late.complete) == (0, False)
