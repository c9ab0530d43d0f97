"""Commands as their users run them: real processes, with an environment of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import Invoke, Run, clean_environment
from typer.testing import CliRunner

from callpost.cli.app import app

_CALLPOST = Path(sys.executable).with_name("callpost")


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
