"""`callpost serve`, the one command, on its embedded PostgreSQL."""

import os
import signal
from pathlib import Path

from demo.service import Service, ask, service
from installation import CALL, Installation, until


def test_a_killed_postgres_recovers_under_a_recording(open_folder: Path, installation: Installation) -> None:
    data = open_folder / "data"
    environment = {**installation.environment, "CALLPOST_DATABASE_URL": "", "CALLPOST_OBJECTS_URL": ""}
    with service(data, environment) as url:
        installation.service = Service(url, ask(data, "keys", "create", "tests")["token"])
        media_id = installation.post({}, CALL)
        installation.until_transcribing(media_id)
        os.kill(_postmaster(data), signal.SIGKILL)
        until(lambda: _finished(installation.service, media_id))
    assert not (_pid_file(data)).exists()


def _finished(running: Service, media_id: str) -> bool:
    try:
        return bool(running.get(f"media/{media_id}")["status"] == "finished")
    except RuntimeError:  # the API says so while the database recovers
        return False


def _pid_file(data: Path) -> Path:
    return next((data / "postgres").rglob("postmaster.pid"), data / "none")


def _postmaster(data: Path) -> int:
    return int(_pid_file(data).read_text().splitlines()[0])
