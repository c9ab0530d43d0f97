"""How a child process of the worker is kept in bounds, whatever it loads and however the worker ends."""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def live_no_longer_than(parent: int) -> None:
    """Let the kernel kill this process with its parent; nothing to be done where there is no such call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call took effect
        os._exit(1)


def limit_memory(limit: int | None) -> None:
    """Bound what the process may allocate, in bytes; mapped files and code do not count."""
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
