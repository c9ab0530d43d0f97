"""Who may be at work at the same time, in which order the others come in, and whose time it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from callpost.speech.gate import Gate


@dataclass
class Hall:
    """Visitors by name; each stays until it is told to go."""

    gate: Gate = field(default_factory=Gate)
    inside: list[str] = field(default_factory=list)
    visits: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    go: dict[str, asyncio.Event] = field(default_factory=dict)

    async def comes(self, name: str, model: str = "base", *, alone: bool = False) -> None:
        self.go[name] = asyncio.Event()

        async def visit() -> None:
            async with self.gate.entered(model, alone=alone):
                self.inside.append(name)
                await self.go[name].wait()
                self.inside.remove(name)

        self.visits[name] = asyncio.create_task(visit())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def goes(self, name: str) -> None:
        self.go[name].set()
        await self.visits[name]
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@asynccontextmanager
async def hall() -> AsyncIterator[Hall]:
    opened = Hall()
    yield opened
    for visit in opened.visits.values():
        visit.cancel()
    await asyncio.gather(*opened.visits.values(), return_exceptions=True)


async def test_those_who_want_the_same_model_are_inside_together() -> None:
    async with hall() as opened:
        for name in ("one", "two", "three"):
            await opened.comes(name)
        assert opened.inside == ["one", "two", "three"]


async def test_another_model_waits_for_those_inside_and_those_behind_it_wait_too() -> None:
    async with hall() as opened:
        await opened.comes("one")
        await opened.comes("two")
        await opened.comes("other", "tiny.en")
        await opened.comes("three")
        assert opened.inside == ["one", "two"]
        await opened.goes("one")
        assert opened.inside == ["two"]
        await opened.goes("two")
        assert opened.inside == ["other"]
        await opened.goes("other")
        assert opened.inside == ["three"]


async def test_whoever_has_to_be_alone_is_next_and_alone() -> None:
    async with hall() as opened:
        await opened.comes("one")
        await opened.comes("other", "tiny.en")
        await opened.comes("suspect", alone=True)
        await opened.comes("two")
        await opened.goes("one")
        assert opened.inside == ["suspect"]
        await opened.goes("suspect")
        assert opened.inside == ["other"]


@pytest.mark.parametrize("leaver", ["one", "other"])
async def test_one_that_gives_up_is_in_nobodys_way(leaver: str) -> None:
    async with hall() as opened:
        await opened.comes("one")
        await opened.comes("other", "tiny.en")
        await opened.comes("two")
        opened.visits[leaver].cancel()
        await asyncio.gather(opened.visits[leaver], return_exceptions=True)
        await asyncio.sleep(0.01)
        assert opened.inside[-1] == {"one": "other", "other": "two"}[leaver]


async def test_time_counts_for_each_by_its_share() -> None:
    now = [100.0]
    gate = Gate(lambda: now[0])
    began = gate.share()
    now[0] += 8
    async with gate.entered("base"):
        now[0] += 8
        async with gate.entered("base"), gate.entered("base"), gate.entered("base"):
            now[0] += 8
        now[0] += 8
    assert gate.share() - began == pytest.approx(8 + 8 + 2 + 8)
