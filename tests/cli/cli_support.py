"""What the tests of commands share, under a name that no other folder has."""

import os
import subprocess
from collections.abc import Callable

Run = Callable[..., subprocess.CompletedProcess[str]]
Invoke = Callable[..., str]


def clean_environment() -> dict[str, str]:
    """Without what the person who runs the tests has set for callpost or AWS."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CALLPOST_", "AWS_"))}
