"""Handing finished parts on to whoever keeps them, beside the recognition, which does not wait for that."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from callpost.speech.recognizer import FinishedPart, Keep

_Result = TypeVar("_Result")


class Keeping:
    """Awaits `keep` for one part after the other. None: nobody keeps them."""

    def __init__(self, keep: Keep | None) -> None:
        self._keep = keep
        self._waiting: asyncio.Queue[FinishedPart | None] = asyncio.Queue()

    def take(self, part: FinishedPart) -> None:
        """Keep a part as soon as those before it are kept."""
        self._waiting.put_nowait(part)

    async def beside(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """What `work` returns, once no part is being kept any more; those that still wait are of no use then.

        Raises what `keep` raises, and ends the work with it.
        """
        working, keeping = asyncio.create_task(work), asyncio.create_task(self._run())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await keeping
            result = await working
            self._stop()
            await keeping
            return result
        finally:
            working.cancel()
            keeping.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)

    async def _run(self) -> None:
        while part := await self._waiting.get():
            if self._keep is not None:
                await self._keep(part)

    def _stop(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)
