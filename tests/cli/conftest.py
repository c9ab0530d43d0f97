"""Commands as their users run them: real processes, with an environment of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callpost.cli.app import app

Run = Callable[..., subprocess.CompletedProcess[str]]
Invoke = Callable[..., str]
_CALLPOST = Path(sys.executable).with_name("callpost")


def clean_environment() -> dict[str, str]:
    """Without what the person who runs the tests has set for callpost or AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CALLPOST_", "AWS_"))}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command to its end. code: the exit code that it must have."""

    def command(*words: str | Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [_CALLPOST, *words],
            env={**clean_environment(), "HOME": str(tmp_path), **environment},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return command


@pytest.fixture
def invoke() -> Invoke:
    """The same within this process, for commands that are tried in many ways. Its output is one text."""

    def command(*words: str, code: int = 0, **environment: str) -> str:
        without = {name: None for name in os.environ if name not in clean_environment()}
        done = CliRunner().invoke(app, words, env={**without, **environment})
        assert done.exit_code == code, done.output
        return done.output if code else done.stdout

    return command
