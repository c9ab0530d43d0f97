"""A worker that claims and never gets done, to be killed: `dispatcher_process.py DATABASE_URL`."""

import asyncio
import sys
from datetime import UTC, datetime

from callpost.delivery.dispatcher import Dispatcher, DispatcherSettings
from callpost.model.delivery import ClaimedDelivery, Outcome
from callpost.store.database import Database


class Stuck:
    async def deliver(self, claimed: ClaimedDelivery) -> Outcome:
        if claimed.number == 4:
            sys.stdout.write("claimed\n")
            sys.stdout.flush()
        await asyncio.sleep(3600)
        raise AssertionError


async def main(url: str) -> None:
    dispatcher = Dispatcher(
        await Database.open(url), Stuck(), DispatcherSettings(), lambda: datetime.now(UTC)
    )
    await dispatcher.run(asyncio.Event())


asyncio.run(main(sys.argv[1]))
