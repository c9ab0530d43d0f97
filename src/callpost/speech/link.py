"""A started child and the socket to it, over which any number of jobs are talked of at once."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

from callpost.speech import messages
from callpost.speech.recognizer import RecognizerLost

_ONE_THREAD_LIBRARIES = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}  # glibc keeps what each thread freed: 110 MB less after 25 minutes


class Line:
    """What the child says of one job.

    ended: whether nothing of it is under way there any more. in_company: whether there were other jobs when
    the child ended, if it has.
    """

    def __init__(self, link: "Link", number: int) -> None:
        self.number = number
        self.ended = self.in_company = False
        self._link = link
        self._replies: asyncio.Queue[messages.Reply | None] = asyncio.Queue()

    async def send(self, message: messages.Request) -> None:
        """Raises RecognizerLost where the child has ended."""
        await self._link.send(message)

    async def receive(self, within_s: float) -> messages.Reply:
        """The next reply. Raises TimeoutError, and RecognizerLost where the child has ended."""
        async with asyncio.timeout(within_s):
            reply = await self._replies.get()
        if reply is None:
            raise await self._link.lost()
        return reply

    async def kill(self) -> None:
        """End the child, with all its jobs."""
        await self._link.kill()

    def hear(self, answer: messages.Answer) -> None:
        self.ended = answer.is_last
        self._replies.put_nowait(answer.reply)

    def break_off(self, *, in_company: bool) -> None:
        """The child has ended."""
        if not self.ended:
            self.ended, self.in_company = True, in_company
            self._replies.put_nowait(None)


class Link:
    """The child; native libraries in it may print where they like."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._lines: dict[int, Line] = {}
        self._last = 0
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, setup: messages.Setup) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callpost.speech.child", str(theirs.fileno()), str(os.getpid())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD_LIBRARIES, **_FEW_ARENAS},
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        link = cls(process, reader, writer)
        await link.send(setup)
        return link

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._listening.done()

    @contextmanager
    def line(self) -> Iterator[Line]:
        """For one job."""
        self._last += 1
        line = self._lines[self._last] = Line(self, self._last)
        try:
            yield line
        finally:
            del self._lines[line.number]

    @property
    def jobs(self) -> int:
        return len(self._lines)

    async def send(self, message: messages.Request) -> None:
        """Raises RecognizerLost where the child has ended."""
        try:
            self._writer.write(messages.framed(message))
            await self._writer.drain()
        except ConnectionError as error:
            raise await self.lost() from error

    async def _listen(self) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    length = await self._reader.readexactly(messages.LENGTH_BYTES)
                    answer = messages.answer(await self._reader.readexactly(int.from_bytes(length, "big")))
                    if line := self._lines.get(answer.number):
                        line.hear(answer)
        finally:
            for line in self._lines.values():
                line.break_off(in_company=len(self._lines) > 1)

    async def lost(self) -> RecognizerLost:
        """The error for a job in the middle of which the child ended."""
        code = await self._process.wait()
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return RecognizerLost(f"The recognizer's process ended {how} in the middle of a job.")

    async def kill(self) -> None:
        """End the child, whatever it does, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await asyncio.shield(self._process.wait())
        self._writer.close()
