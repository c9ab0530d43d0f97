"""`callpost media`: recordings, over the API."""

import asyncio
import json as json_module
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from callpost.cli import deliveries, options, output, watching
from callpost.cli.client import CommandFailed, Document, Upload, connected, quoted
from callpost.model.configuration import TranscriptFormat

if TYPE_CHECKING:
    from callpost.cli.http_client import Client

app = typer.Typer(
    help="Send recordings and see what became of them, over the API (CALLPOST_URL, CALLPOST_TOKEN).",
    no_args_is_help=True,
)

_KEYWORDS = 10

_Wait = Annotated[
    bool, typer.Option("--wait", help="Until it is processed, and every result delivered or given up.")
]


@app.command()
def post(
    recording: Annotated[
        str, typer.Argument(help="A file, or the URL where it can be fetched.", show_default=False)
    ],
    *,
    configuration: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A file with the configuration document (JSON).",
            show_default=False,
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A file with the metadata document (JSON).", show_default=False
        ),
    ] = None,
    wait: _Wait = False,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Send a recording to be processed and delivered."""
    if not _is_remote(recording) and not Path(recording).is_file():
        raise CommandFailed(f"There is no file {recording}.")
    parts = {"configuration": _document(configuration), "metadata": _document(metadata)}

    async def send() -> Document:
        async with connected(url) as client:
            media = await _send(client, recording, {name: text for name, text in parts.items() if text})
            if not wait:
                return media
            await watching.until_ended(client, media["mediaId"])
            return await _report(client, media["mediaId"])

    media = asyncio.run(send())
    if json:
        output.document(media)
    elif wait:
        _show(media)
    else:
        output.line(media["mediaId"])
        _warn(media)
    _fail_if_failed(media)


@app.command()
def status(
    media_id: options.MediaId,
    wait: _Wait = False,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """How far a recording is."""

    async def ask() -> Document:
        async with connected(url) as client:
            if wait:
                await watching.until_ended(client, media_id)
            return await client.get(f"media/{quoted(media_id)}/progress")

    found = asyncio.run(ask())
    if json:
        output.document(found)
        return
    progress = found["progress"]
    step = next((task["display"] for task in progress["tasks"]), progress["status"])
    output.facts((("Status", found["status"]), ("Step", step), ("Done", f"{progress['percent']} %")))


@app.command()
def show(
    media_id: options.MediaId,
    transcript: Annotated[
        TranscriptFormat | None,
        typer.Option(help="Print the transcript alone, in this format.", show_default=False),
    ] = None,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Show what was found in a recording, and where it was delivered."""

    async def ask() -> Document | str:
        async with connected(url) as client:
            if transcript is TranscriptFormat.JSON:
                return await client.get(f"media/{quoted(media_id)}/transcript")
            if transcript:
                return await client.get_text(f"media/{quoted(media_id)}/transcript/{transcript}")
            return await (client.get(f"media/{quoted(media_id)}") if json else _report(client, media_id))

    found = asyncio.run(ask())
    if isinstance(found, str):
        output.line(found.rstrip("\n"))
    elif json or transcript:
        output.document(found)
    else:
        _show(found)


def _document(path: Path | None) -> str | None:
    """The text of a file that holds a JSON object; read here so that a slip costs no upload."""
    if path is None:
        return None
    text = path.read_text(encoding="utf-8-sig")
    try:
        if isinstance(json_module.loads(text), dict):
            return text
    except ValueError as error:
        raise CommandFailed(f"{path} is not JSON: {error}") from error
    raise CommandFailed(f"{path} holds no JSON object.")


async def _send(client: "Client", recording: str, parts: Mapping[str, str]) -> Document:
    if _is_remote(recording):
        return await client.post_form("media", {**parts, "mediaUrl": recording}, None)
    path = Path(recording)
    with watching.transfer(path) as tell, Upload(path, tell) as file:
        return await client.post_form("media", parts, file)


def _is_remote(recording: str) -> bool:
    return urlsplit(recording).scheme in {"http", "https"}


async def _report(client: "Client", media_id: str) -> Document:
    """All about a recording: the document of the API, and its deliveries."""
    media = await client.get(f"media/{quoted(media_id)}")
    return media | await client.get(f"media/{quoted(media_id)}/deliveries") | {"_links": media["_links"]}


def _show(media: Document) -> None:
    length_ms = media.get("length")
    output.facts(
        (
            ("Recording", media["mediaId"]),
            ("Status", media["status"]),
            ("Received", media["dateCreated"]),
            ("Finished", media.get("dateFinished")),
            ("Length", f"{length_ms / 1000:.1f} s" if length_ms is not None else None),
            ("External id", media.get("metadata", {}).get("externalId")),
            ("Keywords", _keywords(media)),
            ("Errors", "; ".join(error["error"] for error in media.get("errors", [])) or None),
        )
    )
    _warn(media)
    for turn in media.get("transcript", {}).get("turns", []):
        output.line(f"{_clock(turn['s'])}  {turn['speaker']}: {turn['text']}")
    if media["deliveries"]:
        deliveries.show_table(media["deliveries"])


def _keywords(media: Document) -> str | None:
    keywords = media.get("knowledge", {}).get("keywords", [])
    return ", ".join(keyword["keyword"] for keyword in keywords[:_KEYWORDS]) or None


def _clock(at_ms: int) -> str:
    return f"{at_ms // 60_000:02}:{at_ms // 1000 % 60:02}"


def _warn(media: Document) -> None:
    for warning in media.get("warnings", []):
        output.warning(warning["message"])


def _fail_if_failed(media: Document) -> None:
    """For scripts: what was waited for and failed is an exit code of 1."""
    failed = [one["number"] for one in media.get("deliveries", []) if one["status"] == "failed"]
    if media["status"] == "failed" or failed:
        raise typer.Exit(1)
