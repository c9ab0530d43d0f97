"""All commands in one tree."""

import sys
from typing import Annotated

import typer

from callpost import __version__
from callpost.cli import (
    classifier,
    deliveries,
    destination,
    iam,
    keys,
    logs,
    media,
    models,
    organization,
    output,
    parts,
    presign,
    receipts,
    serve,
)
from callpost.errors import CallpostError

app = typer.Typer(
    name="callpost",
    help="Self-hosted speech analytics: call recordings in over the VoiceBase v3 API, "
    "results out into the customer's own S3 bucket.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they show local variables, and some of those are secrets
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("api")(parts.api)
app.command("worker")(parts.worker)
app.add_typer(keys.app, name="keys")
app.add_typer(organization.app, name="organization")
app.add_typer(media.app, name="media")
app.add_typer(deliveries.app, name="deliveries")
app.command("presign")(presign.presign)
app.add_typer(destination.app, name="destination")
app.add_typer(iam.app, name="iam")
app.add_typer(receipts.app, name="receipts")
app.add_typer(models.app, name="models")
app.add_typer(classifier.app, name="classifier")


def _version(wanted: bool) -> None:
    if wanted:
        output.line(f"callpost {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """What is true of every command."""


def main() -> None:
    """Run the command of the command line. Whatever the caller can mend is a message, not a traceback."""
    logs.configure()
    try:
        app()
    except CallpostError as problem:
        output.error(str(problem))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
