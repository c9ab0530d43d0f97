"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="The data folder: embedded PostgreSQL, recordings, models. Or CALLPOST_DATA.",
        show_default="the user's data folder, /var/lib/callpost for root",
        file_okay=False,
        resolve_path=True,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
ApiUrl = Annotated[
    str, typer.Option("--url", envvar="CALLPOST_URL", help="The address of the API.", show_default=True)
]
MediaId = Annotated[
    str, typer.Argument(metavar="MEDIA_ID", help="The recording's mediaId.", show_default=False)
]

DEFAULT_URL = "http://127.0.0.1:8080"
