"""Progress displays for work that takes long. On standard error, and only where that is a terminal."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from callpost.cli import output
from callpost.cli.client import Document, quoted

if TYPE_CHECKING:
    from callpost.cli.http_client import Client

_POLL_S = 0.5
_SLOW_POLL_S = 3.0
_ENDED = {"finished", "failed"}
_PENDING = "pending"


@contextmanager
def transfer(path: Path) -> Iterator[Callable[[int], None]]:
    """A bar for an upload; to be told how many bytes have gone."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with _display(*columns) as progress:
        task = progress.add_task(f"sending {path.name}", total=path.stat().st_size)
        yield lambda sent: progress.update(task, completed=sent)


async def until_ended(client: "Client", media_id: str) -> None:
    """Follow a recording until it is processed, and its deliveries until each is delivered or given up."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with _display(*columns) as progress:
        task = progress.add_task("accepted", total=100)
        while (job := await client.get(f"media/{quoted(media_id)}/progress"))["status"] not in _ENDED:
            progress.update(task, description=_step(job), completed=job["progress"]["percent"])
            await asyncio.sleep(_POLL_S)
        progress.update(task, description=job["status"], completed=100)
        await _until_delivered(client, media_id, progress)


def _display(*columns: ProgressColumn) -> Progress:
    silent = not output.stderr.is_terminal
    return Progress(*columns, console=output.stderr, transient=True, disable=silent)


async def _until_delivered(client: "Client", media_id: str, progress: Progress) -> None:
    task = None
    wait_s = _POLL_S
    while True:
        found = (await client.get(f"media/{quoted(media_id)}/deliveries"))["deliveries"]
        waiting = [delivery for delivery in found if delivery["status"] == _PENDING]
        if not waiting:
            return
        if task is None:
            task = progress.add_task("delivering", total=len(found))
        progress.update(task, description=_reason(waiting), completed=len(found) - len(waiting))
        await asyncio.sleep(wait_s)
        wait_s = min(wait_s * 1.2, _SLOW_POLL_S)


def _step(job: Document) -> str:
    return next((str(task["display"]) for task in job["progress"]["tasks"]), str(job["status"]))


def _reason(waiting: list[Document]) -> str:
    tried = [delivery for delivery in waiting if delivery.get("attempts")]
    if not tried:
        return "delivering"
    return f"delivering (delivery {tried[0]['number']} is tried again at {tried[0].get('dateDue')})"
