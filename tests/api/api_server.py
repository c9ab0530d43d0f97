"""The API in a process of its own: `python api_server.py DATABASE_URL FOLDER SOCKET`."""

import asyncio
import socket
import sys
from pathlib import Path

import structlog
import uvicorn

from callpost import services, settings
from callpost.api.app import create_app


async def serve(database_url: str, folder: str, descriptor: int) -> None:
    given = settings.load(database_url=database_url, data=Path(folder))
    with Path(folder, "log").open("w") as log:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(log))
        async with services.opened(given) as opened:
            await listen(opened, descriptor)


async def listen(opened: services.Services, descriptor: int) -> None:
    config = uvicorn.Config(create_app(opened), access_log=False, log_level="warning", lifespan="off")
    await uvicorn.Server(config).serve([socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
