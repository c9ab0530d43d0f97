"""The other programs that the benchmark starts, and what they take of the processor."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; client_max_body_size 0; client_body_buffer_size 1m; keepalive_requests 100000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        add_header x-amz-checksum-sha256 $http_x_amz_checksum_sha256;
        location / {{ return 201; }}  # of 200 and If-None-Match it would make 304
    }}
}}
"""


@contextmanager
def python_sink() -> Iterator[str]:
    """The sink written in Python: its URL."""
    with running([sys.executable, str(_HERE / "python_sink.py")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """nginx on a free port, one worker process; it discards bodies as it reads them. Its URL.

    Raises FileNotFoundError where there is no nginx.
    """
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        raise FileNotFoundError("nginx")
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, port=port))
    with running([program, "-p", str(folder), "-c", str(file)]):
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def redis(folder: Path) -> Iterator[Path]:
    """Redis on a socket, keeping nothing on disk. Raises FileNotFoundError where there is none."""
    program, place = shutil.which("redis-server"), folder / "redis.sock"
    if program is None:
        raise FileNotFoundError("redis-server")
    arguments = ["--port", "0", "--unixsocket", str(place), "--save", "", "--appendonly", "no"]
    with running([program, *arguments, "--dir", str(folder)], stdout=subprocess.DEVNULL):
        yield place


def cpu_s(processes: Iterable[int]) -> float:
    """Seconds of processor time that processes and their children have taken; from Linux's /proc."""
    wanted = set(processes)
    of_children = sum(one.own_s for one in _all() if one.parent in wanted)
    return of_children + sum(one.own_s + one.ended_s for one in _all() if one.pid in wanted)


@contextmanager
def halted(pid: int) -> Iterator[None]:
    """A process and its children stand still in the block."""
    stopped = [one.pid for one in _all() if pid in (one.pid, one.parent)]
    for each in stopped:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in stopped:
            os.kill(each, signal.SIGCONT)


def parent_of(pid: int) -> int:
    """The process that started another one."""
    return next(one.parent for one in _all() if one.pid == pid)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class _Process:
    """own_s: processor time. ended_s: that of its children which have ended."""

    pid: int
    parent: int
    own_s: float
    ended_s: float


def _all() -> Iterator[_Process]:
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The program's name, in brackets, may hold anything.
            fields = re.sub(r"\(.*\)", "-", path.read_text(), flags=re.DOTALL).split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        own, ended = int(fields[13]) + int(fields[14]), int(fields[15]) + int(fields[16])
        yield _Process(int(fields[0]), int(fields[3]), own * tick_s, ended * tick_s)


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing answers on port {port}")


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A program, ended with the block."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
