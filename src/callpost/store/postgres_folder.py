"""The folder of the embedded PostgreSQL: what lies where, whose it is, and the locks that say who is alive.

Nothing here is decided by a process id. Every fact ("somebody uses the server", "a keeper is at work", "a
process of the server still runs") is an flock, which the kernel drops with the last process that holds it,
however that process dies. The folder has to lie on a local disk.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from callpost.errors import ConfigurationProblem

FORMAT = 1
PORT = 5432  # part of the socket's name only
OTHERWISE = "Otherwise set CALLPOST_DATABASE_URL to a PostgreSQL (15 or later) of your own."

_MARKER = "callpost-postgres.json"


class Lock:
    """An flock that never waits. The descriptor stays with this process unless it is passed on by name."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, *, shared: bool = False) -> bool:
        """Whether the lock is ours now. One that is ours and cannot be changed to the other kind is lost."""
        try:
            fcntl.flock(self.descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give the lock up, unless another process got the descriptor."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Status:
    """What the keeper tells. socket: the folder of the server's socket; failure: why there is no server."""

    keeper: int
    socket: str | None = None
    server: int | None = None
    failure: str | None = None

    @property
    def url(self) -> str:
        return f"postgresql://callpost@/callpost?host={quote(self.socket or '', safe='/')}&port={PORT}"


@dataclass(frozen=True, slots=True)
class Folder:
    """`<data>/postgres` and what lies in it."""

    path: Path

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def log(self) -> Path:
        return self.path / "postgres.log"

    @property
    def keeper_log(self) -> Path:
        return self.path / "keeper.log"

    def users(self) -> Lock:
        """Held shared by every process that uses the server; exclusively by the keeper while it stops."""
        return self._lock("users.lock")

    def start(self) -> Lock:
        """Held for the moment in which somebody looks for a keeper and starts one."""
        return self._lock("start.lock")

    def keeper(self) -> Lock:
        """Held by the keeper as long as it lives."""
        return self._lock("keeper.lock")

    def server(self) -> Lock:
        """Handed down to every process of the server: as long as it is held, one of them still runs."""
        return self._lock("server.lock")

    def _lock(self, name: str) -> Lock:
        try:
            lock = Lock(self.path / name)
        except PermissionError as error:
            raise _foreign(self.path) from error
        self.adopt(lock.descriptor)
        return lock

    def adopt(self, file: int | Path) -> None:
        """What root makes in somebody's folder belongs to the folder's owner, who works with it later."""
        owner = self.path.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            os.chown(file, owner.st_uid, owner.st_gid)

    def open_log(self, path: Path) -> IO[bytes]:
        """To append to; nobody else may read it."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.adopt(descriptor)
        return os.fdopen(descriptor, "ab")

    def read_status(self) -> Status | None:
        try:
            return Status(**json.loads((self.path / "keeper.json").read_bytes()))
        except FileNotFoundError:
            return None

    def write_status(self, status: Status) -> None:
        self._write("keeper.json", asdict(status))

    def forget_status(self) -> None:
        (self.path / "keeper.json").unlink(missing_ok=True)

    def major(self) -> int:
        """The major version of PostgreSQL that the folder was made for, as its marker says."""
        return int(_read_marker(self.path / _MARKER)["postgresql"])

    def mark(self, major: int) -> None:
        """Make the folder ours, for PostgreSQL `major`."""
        self._write(_MARKER, {"format": FORMAT, "postgresql": major})

    def _write(self, name: str, document: dict[str, object]) -> None:
        with self._aside(name) as aside:
            aside.write_text(json.dumps(document) + "\n", encoding="utf-8")

    @contextmanager
    def _aside(self, name: str) -> Iterator[Path]:
        """A file that takes the place of `name` at the end, so that nobody ever reads half of it."""
        descriptor, made = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)
        os.close(descriptor)
        aside = Path(made)
        try:
            yield aside
            self.adopt(aside)
            aside.replace(self.path / name)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def open_folder(data: Path, major: int) -> Folder:
    """`<data>/postgres`, made for PostgreSQL `major` if there is none.

    Raises ConfigurationProblem where it is not ours, of a later callpost, or out of reach.
    """
    folder = Folder(Path(os.path.abspath(data)) / "postgres")  # noqa: PTH100 - resolve() would follow links
    try:
        _make(folder.path)
        _claim(folder, major)
    except OSError as error:
        raise ConfigurationProblem(
            f"The data folder {folder.path} cannot be used: {error.strerror}. "
            "Choose another one with --data or CALLPOST_DATA."
        ) from error
    return folder


def _make(path: Path) -> None:
    """Make the folder and its missing parents, for us alone.

    Where we are root, the server is another user, who has to pass through; what lies within is closed by its
    own mode.
    """
    if path.is_dir():
        return
    _make(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o711 if os.geteuid() == 0 else 0o700)


def _claim(folder: Folder, major: int) -> None:
    marker = folder.path / _MARKER
    if not marker.exists():
        strangers = sorted(item.name for item in folder.path.iterdir() if not item.name.startswith("."))
        if strangers and not marker.exists():  # it may have been claimed meanwhile
            raise ConfigurationProblem(
                f"{folder.path} holds {strangers[0]} and is not a database folder of callpost. "
                "Choose another data folder with --data or CALLPOST_DATA."
            )
        folder.mark(major)
    found = _read_marker(marker)["format"]
    if found != FORMAT:
        raise ConfigurationProblem(
            f"{folder.path} was made by another version of callpost (format {found}, this one has {FORMAT})."
        )


def _read_marker(marker: Path) -> dict[str, int]:
    try:
        found = json.loads(marker.read_bytes())
        return {name: int(found[name]) for name in ("format", "postgresql")}
    except PermissionError as error:
        raise _foreign(marker.parent) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigurationProblem(
            f'{marker} is damaged: it should read {{"format": {FORMAT}, "postgresql": major version}}.'
        ) from error


def _foreign(folder: Path) -> ConfigurationProblem:
    return ConfigurationProblem(
        f"The database in {folder} belongs to another user: use it as that user or as root. {OTHERWISE}"
    )
