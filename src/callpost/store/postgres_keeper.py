"""The keeper: the detached process that keeps the embedded PostgreSQL running while anybody uses it.

It is the server's parent, starts it again when it dies, and stops it and itself when the last process that
holds users.lock is gone, however that process went. It has a single thread: the kernel's death signal, by
which the server stops should the keeper be killed, is tied to the thread that started the child.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from callpost.errors import ConfigurationProblem
from callpost.store.postgres_folder import OTHERWISE, Folder, Lock, Status
from callpost.store.postgres_server import Server, prepare

log = logging.getLogger("callpost.keeper")

_POLL_S = 0.2
# Then it is ended at once, which loses nothing: the next start recovers. PostgreSQL 18 never ends a fast stop
# that it is asked for while it recovers from a crash.
_FAST_STOP_S = 10.0
_ORPHAN_S = 2.0
_LONGEST_BACK_OFF_S = 30.0
_STEADY_S = 10.0
_LOG_BYTES = 8 * 1024 * 1024
_LAST_WORDS_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a starter asks for. lock: the descriptor of keeper.lock, taken and handed down.

    socket: the folder of the socket that users have in their URLs already, if there are any.
    """

    folder: str
    lock: int
    user: str | None
    socket: str | None
    options: dict[str, str]


def main() -> None:
    """`python -m callpost.store.postgres_keeper PLAN`: leave the starter behind and keep the server."""
    if os.fork():
        os._exit(0)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    # A handler, not SIG_IGN, which the server would inherit. The users stop; then the keeper does.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stay)
    plan = Plan(**json.loads(sys.argv[1]))
    os.set_inheritable(plan.lock, False)
    folder = Folder(Path(plan.folder))
    folder.write_status(Status(os.getpid()))
    try:
        _keep(folder, plan)
    except ConfigurationProblem as problem:
        _fail(folder, str(problem))
    except Exception as error:
        log.exception("the keeper failed")
        _fail(folder, f"The embedded PostgreSQL could not be run: {error!r}. {OTHERWISE}")


def _stay(number: int, _frame: object) -> None:
    log.info("signal %s: the database stops when nobody uses it any more", number)


def _fail(folder: Folder, why: str) -> None:
    log.error("%s", why)
    folder.write_status(Status(os.getpid(), failure=why))


def _keep(folder: Folder, plan: Plan) -> None:
    with folder.users() as users:
        server = prepare(folder, plan.user, plan.socket, plan.options)
        with folder.server() as lock:
            if not _alone(server, lock, users):
                return
            server.initialise(lock.descriptor)
        try:
            _Watch(server, users).run()
        finally:
            if server.socket.parent != folder.path:
                shutil.rmtree(server.socket, ignore_errors=True)


def _alone(server: Server, lock: Lock, users: Lock) -> bool:
    """Wait until no process of a former server runs. False: nobody wants a server any more."""
    began = asked = time.monotonic()
    while not lock.take():
        if users.take():
            return False
        now = time.monotonic()
        if now - asked > _ORPHAN_S:
            _stop_orphan(server, signal.SIGQUIT if now - began > _FAST_STOP_S else signal.SIGINT)
            asked = now
        time.sleep(_POLL_S)
    return True


def _stop_orphan(server: Server, how: signal.Signals) -> None:
    """Have a server stop that outlived its keeper: there is no death signal, or it does not heed it.

    It is alive: it holds the lock.
    """
    try:
        pid = int(server.pid_file.read_text(encoding="utf-8", errors="replace").splitlines()[0])
        if Path("/proc/self").exists() and not Path(f"/proc/{pid}/cwd").samefile(server.folder.data):
            return
        os.kill(pid, how)
    except (OSError, ValueError, IndexError):
        return
    log.warning("stopping a server that was left behind: process %s", pid)


class _Watch:
    """The server's life from now on."""

    def __init__(self, server: Server, users: Lock) -> None:
        self.server = server
        self.folder = server.folder
        self.users = users
        self.back_off_s = 0.0
        self.start_at = 0.0
        self.started_at = 0.0
        self.was_ready = False
        self.log_start = 0
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Until nobody uses the server. Raises ConfigurationProblem where it does not come up at first."""
        try:
            while not self.users.take():
                self._step()
                time.sleep(_POLL_S)
        finally:
            self._stop()

    def _step(self) -> None:
        if self.process is None:
            if time.monotonic() >= self.start_at:
                self._start()
            return
        self.was_ready = self.was_ready or self.server.ready
        if self.process.poll() is not None:
            self._ended(self.process.returncode)
        self._bound_log()

    def _start(self) -> None:
        with self.folder.server() as lock:
            if not lock.take():  # the backends of a killed server are still leaving
                return
            self.log_start = self.folder.log.stat().st_size if self.folder.log.exists() else 0
            self.process = self.server.start(lock.descriptor)
        self.started_at = time.monotonic()
        self.folder.write_status(Status(os.getpid(), str(self.server.socket), self.process.pid))

    def _ended(self, code: int) -> None:
        # One that is killed from outside is not at fault.
        if not self.was_ready and code != -signal.SIGKILL:
            raise ConfigurationProblem(
                f"The embedded PostgreSQL did not start: {self._last_words()} {OTHERWISE}"
            )
        self.process = None
        if time.monotonic() - self.started_at > _STEADY_S:
            self.back_off_s = 0.0
        self.start_at = time.monotonic() + self.back_off_s
        log.warning("the server ended (%s), starting it again in %s s", code, self.back_off_s)
        self.back_off_s = min(max(1.0, 2 * self.back_off_s), _LONGEST_BACK_OFF_S)

    def _last_words(self) -> str:
        with self.folder.log.open("rb") as file:
            file.seek(max(self.log_start, file.seek(0, os.SEEK_END) - _LAST_WORDS_BYTES))
            return file.read().decode("utf-8", "replace").strip()

    def _stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(_FAST_STOP_S)
        except subprocess.TimeoutExpired:
            log.warning("the server does not stop: ending it at once, its next start recovers")
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()

    def _bound_log(self) -> None:
        """Keep the log and one of its forerunners. The server goes on writing to the same open file."""
        if self.folder.log.stat().st_size > _LOG_BYTES:
            shutil.copyfile(self.folder.log, self.folder.log.with_suffix(".log.1"))
            os.truncate(self.folder.log, 0)


if __name__ == "__main__":
    main()
