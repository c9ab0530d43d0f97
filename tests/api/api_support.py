"""What the tests of the API share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(32)
"""The beginning of a WAV file: enough to be taken for a recording."""

Parts = Callable[..., dict[str, Any]]
StoredFiles = Callable[[], list[Path]]


def codes(response: httpx.Response) -> list[int]:
    """The codes of a refusal."""
    return [item["code"] for item in response.json()["errors"]]
