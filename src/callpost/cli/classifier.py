"""`callpost classifier`: classifiers trained from labelled calls, over the API."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callpost.cli import labelled, options, output
from callpost.cli.client import CommandFailed, Document, connected, quoted

if TYPE_CHECKING:
    from callpost.cli.http_client import Client

app = typer.Typer(
    help="Train classifiers from labelled calls, over the API (CALLPOST_URL, CALLPOST_TOKEN).",
    no_args_is_help=True,
)

_PATH = "definition/prediction/classifiers"
_POLL_S, _SLOW_POLL_S = 0.5, 5.0

_Name = Annotated[str, typer.Argument(help="The classifier's name.", show_default=False)]
_NameOrId = Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.", show_default=False)]


@app.command()
def train(
    name: _Name,
    examples: Annotated[
        Path,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A CSV file: a column label, and one of mediaId, transcript (text) and file (its path).",
            show_default=False,
        ),
    ],
    *,
    display_name: Annotated[
        str | None, typer.Option(help="Shown with each verdict.", show_default="the name")
    ] = None,
    description: Annotated[str | None, typer.Option(help="What it tells apart.", show_default=False)] = None,
    wait: Annotated[bool, typer.Option(help="Until it is trained, and show how well it does.")] = True,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Train a classifier, or train it anew as its next version.

    Exit code 1 where nothing could be learned.
    """
    given = labelled.read(examples)
    asked = {
        "classifierName": name,
        "classifierDisplayName": display_name,
        "classifierDescription": description,
        "examples": given.examples,
    }

    async def send(client: "Client") -> Document:
        sent = await client.post(_PATH, asked)
        return await _until_trained(client, sent) if wait else sent

    try:
        version = _ask(url, send)
    except CommandFailed as refusal:
        raise CommandFailed(given.in_its_terms(str(refusal))) from refusal
    _print(version, given.in_its_terms, json=json)


@app.command("list")
def list_(url: options.ApiUrl = options.DEFAULT_URL, json: options.Json = False) -> None:
    """List the classifiers that recordings can name, each in the version that is used."""
    found = _ask(url, lambda client: client.get(_PATH))
    if json:
        output.document(found)
        return
    output.table(
        ("Name", "Version", "State", "Classes", "Examples", "Accuracy", "Largest class"),
        [
            (
                one["classifierName"],
                one["classifierVersion"],
                one["classifierStatus"],
                ", ".join(each["classLabel"] for each in one["classes"]),
                one.get("exampleCount"),
                _share(one.get("evaluation", {}).get("accuracy")),
                _share(one.get("evaluation", {}).get("majorityAccuracy")),
            )
            for one in found["classifiers"]
        ],
    )


@app.command()
def show(
    name: _NameOrId,
    version: Annotated[
        int | None, typer.Option(min=1, help="Another version than the one in use.", show_default=False)
    ] = None,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Show how well a classifier does: precision, recall, and what it takes for what."""
    path = f"{_PATH}/{quoted(name)}" + (f"/versions/{version}" if version else "")
    _print(_ask(url, lambda client: client.get(path)), str, json=json, fail=False)


@app.command()
def delete(name: _NameOrId, url: options.ApiUrl = options.DEFAULT_URL, json: options.Json = False) -> None:
    """Remove a classifier with all its versions, also for recordings that wait to be processed."""

    async def remove(client: "Client") -> Document:
        await client.delete(f"{_PATH}/{quoted(name)}")
        return {"name": name, "deleted": True}

    done = _ask(url, remove)
    output.document(done) if json else output.line(f"{name} is deleted.")


def _ask(url: str, ask: Callable[["Client"], Awaitable[Document]]) -> Document:
    async def go() -> Document:
        async with connected(url) as client:
            return await ask(client)

    return asyncio.run(go())


async def _until_trained(client: "Client", version: Document) -> Document:
    wait_s = _POLL_S
    with output.stderr.status("learning"):
        while version["classifierStatus"] == "training":
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 1.2, _SLOW_POLL_S)
            version = await client.get(version["_links"]["self"]["href"].removeprefix("/v3/"))
    return version


def _print(version: Document, mend: Callable[[str], str], *, json: bool, fail: bool = True) -> None:
    output.document(version) if json else _show(version)
    for warning in version.get("warnings", []):
        output.warning(warning["message"])
    for error in version.get("errors", []):
        output.error(mend(f"{error['error']} ({error['code']})"))
    if fail and version["classifierStatus"] == "failed":
        raise typer.Exit(1)


def _show(version: Document) -> None:
    evaluation = version.get("evaluation", {})
    output.facts(
        (
            ("Classifier", version["classifierName"]),
            ("Id", version["classifierId"]),
            ("Version", version["classifierVersion"]),
            ("State", version["classifierStatus"]),
            ("Examples", version.get("exampleCount")),
            ("Measured by", evaluation.get("method")),
            ("Accuracy", _share(evaluation.get("accuracy"))),
            ("Always the largest class", _share(evaluation.get("majorityAccuracy"))),
        )
    )
    if evaluation:
        _show_classes(evaluation)


def _show_classes(evaluation: Document) -> None:
    """One line for each class; what its examples were taken for in the columns at the right."""
    classes = evaluation["classes"]
    taken_for = [f"as {one['classLabel']}" for one in classes]
    output.table(
        ("Class", "Examples", "Precision", "Recall", *taken_for),
        [
            (
                one["classLabel"],
                one["exampleCount"],
                _share(one.get("precision")),
                _share(one["recall"]),
                *row,
            )
            for one, row in zip(classes, evaluation["confusion"], strict=True)
        ],
    )


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"
