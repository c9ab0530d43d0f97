"""`callpost models`: the recognition models of this machine."""

from pathlib import Path
from typing import Annotated

import typer

from callpost.cli import options, output, session

app = typer.Typer(help="Recognition models.", no_args_is_help=True)


@app.command("list")
def list_(data: options.Data = None, json: options.Json = False) -> None:
    """List the models that come as packages, and those that are ready in the data folder."""
    from callpost.speech import models  # noqa: PLC0415

    chosen = session.settings(data=data)
    rows = [
        {
            "name": name,
            "default": name == chosen.model,
            "installed": models.is_installed(packaged),
            "sha256": packaged.sha256,
        }
        for name, packaged in models.PACKAGED.items()
    ]
    ready = sorted(_ready(chosen.models_folder))
    if json:
        output.document({"packaged": rows, "folder": chosen.models_folder, "ready": ready})
        return
    output.table(
        ("Model", "Package installed", "Default"),
        [(row["name"], _yes(row["installed"]), _yes(row["default"])) for row in rows],
    )
    output.line(f"Ready in {chosen.models_folder}: {', '.join(ready) or 'none'}")


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(help="A packaged model, a folder, or a name on the model hub.", show_default=False),
    ],
    data: options.Data = None,
    json: options.Json = False,
) -> None:
    """Make a model ready before it is needed, and print where it lies."""
    from callpost.speech import models  # noqa: PLC0415

    found = models.locate(name, session.settings(data=data).models_folder)
    output.document({"name": name, "path": found}) if json else output.line(str(found))


def _ready(folder: Path) -> list[str]:
    return [path.parent.name for path in folder.glob("*/model.bin")] if folder.is_dir() else []


def _yes(value: object) -> str:
    return "yes" if value else "no"
