"""Keeping the parts of the service alive: each a child process, started again when it dies."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from callpost.cli.parts import MISCONFIGURED

log = structlog.get_logger("callpost.serve")

# A part ends by itself within the grace and ten seconds; then it hangs.
_MARGIN_S = 15.0
_LONGEST_BACK_OFF_S = 30.0
_STEADY_S = 60.0


@dataclass(frozen=True, slots=True)
class Part:
    """A command of callpost, and the descriptors it inherits."""

    name: str
    arguments: Sequence[str]
    descriptors: Sequence[int] = ()


@dataclass(slots=True)
class Supervisor:
    """Runs the parts until `stop` is set. misconfigured: a part found that its set-up does not work.

    The children hold the end of a pipe as their standard input: when this process ends, however it does,
    they notice and stop.
    """

    environment: Mapping[str, str]
    grace_s: float
    stop: asyncio.Event
    misconfigured: bool = False
    _running: set[asyncio.subprocess.Process] = field(default_factory=set)

    async def run(self, parts: Sequence[Part]) -> None:
        """Until `stop` is set and every part has ended."""
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(self._keep(part))

    def kill(self) -> None:
        """End every part at once."""
        for process in self._running:
            with suppress(ProcessLookupError):
                process.kill()

    async def _keep(self, part: Part) -> None:
        back_off_s = 0.0
        while not self.stop.is_set():
            began = time.monotonic()
            code = await self._once(part)
            if self.stop.is_set():
                return
            if code == MISCONFIGURED:
                self.misconfigured = True
                self.stop.set()
                return
            if time.monotonic() - began > _STEADY_S:
                back_off_s = 0.0
            log.error("serve.part_ended", part=part.name, code=code, starts_again_in_s=back_off_s)
            await self._pause(back_off_s)
            back_off_s = min(max(1.0, 2 * back_off_s), _LONGEST_BACK_OFF_S)

    async def _once(self, part: Part) -> int:
        """One life of a part; its exit code."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "callpost", *part.arguments, "--part"),
            env={**os.environ, **self.environment},
            stdin=asyncio.subprocess.PIPE,
            pass_fds=part.descriptors,
            start_new_session=True,  # Ctrl-C comes to us, who pass it on
        )
        self._running.add(process)
        try:
            return await self._until_ended(process)
        finally:
            self._running.discard(process)

    async def _until_ended(self, process: asyncio.subprocess.Process) -> int:
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self.stop.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            process.send_signal(signal.SIGTERM)
            await asyncio.wait([ended], timeout=self.grace_s + _MARGIN_S)
        if not ended.done():
            log.error("serve.part_killed", pid=process.pid)
            process.kill()
        return await ended

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)
