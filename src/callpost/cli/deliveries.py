"""`callpost deliveries`: where the results went, over the API."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer

from callpost.cli import filters, options, output
from callpost.cli.client import Document, connected, quoted
from callpost.cli.filters import Filters

app = typer.Typer(
    help="See and repeat deliveries, over the API (CALLPOST_URL, CALLPOST_TOKEN).", no_args_is_help=True
)

_Number = Annotated[
    int, typer.Argument(min=1, help="The delivery's number within the recording.", show_default=False)
]


@app.command("list")
@filters.chosen
def list_(
    wanted: Filters,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """List deliveries, oldest first."""
    if wanted.media_id and wanted.options:
        raise typer.BadParameter(
            "a recording's deliveries are all listed, without filters", param_hint="MEDIA_ID"
        )
    path = f"media/{quoted(wanted.media_id)}/deliveries" if wanted.media_id else "deliveries"
    parameters: dict[str, str | int] = {} if wanted.media_id else {"limit": limit, **wanted.options}

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.get(path, **parameters)

    found = asyncio.run(ask())
    if json:
        output.document(found)
        return
    show_table(found["deliveries"])
    if "next" in found.get("_links", {}):
        output.note(f"There are more than {limit}: raise --limit or narrow the search.")


@app.command()
def show(
    media_id: options.MediaId,
    number: _Number,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Show a delivery with every attempt, and its receipt or the reason why there is none."""

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.get(f"media/{quoted(media_id)}/deliveries/{number}")

    found = asyncio.run(ask())
    if json:
        output.document(found)
    else:
        _show(found)


@app.command()
def retry(
    media_id: options.MediaId,
    number: _Number,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Try a delivery again at once, with a whole retry schedule before it."""

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.post(f"media/{quoted(media_id)}/deliveries/{number}/retry")

    found = asyncio.run(ask())
    output.document(found) if json else output.line(f"Delivery {number} of {media_id} is due now.")


@app.command()
def change(
    media_id: options.MediaId,
    number: _Number,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Give a delivery that has not arrived another URL, as one signed anew, and send it at once.

    The URL is read from standard input: whoever knows it can write the object, and command lines can be seen
    by everybody on the machine.
    """
    fresh = typer.get_text_stream("stdin").readline().strip()

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.patch(f"media/{quoted(media_id)}/deliveries/{number}", {"url": fresh})

    found = asyncio.run(ask())
    for warning in found.get("warnings", []):
        output.warning(warning["message"])
    output.document(found) if json else output.line(f"Delivery {number} of {media_id} is due now.")


@app.command()
@filters.chosen
def replay(
    wanted: Filters,
    *,
    number: Annotated[
        int | None, typer.Option(min=1, help="Only this delivery of the recording.", show_default=False)
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Somewhere else: an endpoint or, with --role, a bucket; '-': read it from standard input.",
            show_default="where they went",
        ),
    ] = None,
    role: Annotated[
        str | None, typer.Option(help="The ARN of the IAM role, for a bucket.", show_default=False)
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--prepend-folder", help="The folder in the bucket.", show_default=False)
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="POST or PUT, for an endpoint.", show_default="POST")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Send stored results once more, to where they went or somewhere else; nothing is recognised again.

    A pre-signed URL is a secret, and has room for one object: give it by standard input, with --number.
    """
    if not wanted.all:
        raise typer.BadParameter("say which deliveries, by a recording or an option", param_hint="MEDIA_ID")
    asked: Document = {**wanted.all, "dryRun": dry_run}
    if number:
        asked["number"] = number
    if elsewhere := _destination(to, {"role": role, "prependFolder": folder, "method": method}):
        asked["callback"] = elsewhere

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.post("deliveries/replay", asked)

    done = asyncio.run(ask())
    for warning in done["warnings"]:
        output.warning(warning["message"])
    if json:
        output.document(done)
        return
    output.table(("Destination", "Deliveries"), sorted(done["destinations"].items()))
    output.note(f"{'To be sent' if dry_run else 'Sent'} again: {done['count']}.")
    if done["expired"]:
        output.note(f"Not sent, because their results are kept no more: {done['expired']}.")


def _destination(to: str | None, details: dict[str, str | None]) -> Document:
    given = {name: value for name, value in details.items() if value}
    if to is None:
        if given:
            raise typer.BadParameter(
                "say with --to where to", param_hint="--role, --prepend-folder, --method"
            )
        return {}
    url = typer.get_text_stream("stdin").readline().strip() if to == "-" else to
    return {"url": url, **given}


def show_table(deliveries: Iterable[Document]) -> None:
    """One line for each delivery."""
    output.table(
        ("Recording", "No.", "What", "Destination", "Status", "Attempts", "Next try or reason"),
        [
            (
                _about(delivery),
                delivery["number"],
                _what(delivery),
                delivery["destination"],
                delivery["status"],
                delivery.get("attempts"),
                delivery.get("reason") or delivery.get("dateDue"),
            )
            for delivery in deliveries
        ],
    )


def _about(delivery: Document) -> str:
    """The recording, or the manifest, which is about many."""
    return str(delivery.get("mediaId") or delivery["manifestId"])


def _what(delivery: Document) -> str:
    detail = delivery.get("format") or delivery.get("stream")
    return f"{delivery['type']} {detail}" if detail else str(delivery["type"])


def _show(delivery: Document) -> None:
    receipt = delivery.get("receipt", {})
    output.facts(
        (
            ("Delivery", f"{delivery['number']} of {_about(delivery)}"),
            ("What", _what(delivery)),
            ("Destination", delivery["destination"]),
            ("Status", delivery["status"]),
            ("Next try", delivery.get("dateDue")),
            ("Reason", delivery.get("reason")),
            ("Object", receipt.get("location") or delivery.get("objectKey")),
            ("Size", f"{receipt['size']} bytes" if receipt else None),
            ("SHA-256", receipt.get("sha256")),
            ("ETag", receipt.get("etag")),
            ("Version", receipt.get("versionId")),
            ("Encryption", receipt.get("encryption")),
            ("Compared by", receipt.get("verified")),
            ("Delivered", receipt.get("dateDelivered")),
        )
    )
    if history := delivery.get("history"):
        output.table(
            ("Attempt", "Started", "Took", "Outcome", "HTTP", "Reason", "Remedy"),
            [
                (
                    attempt["number"],
                    attempt["dateStarted"],
                    f"{attempt['durationMillis']} ms",
                    attempt["outcome"],
                    attempt.get("httpStatus"),
                    attempt.get("reason"),
                    attempt.get("remedy"),
                )
                for attempt in history
            ],
        )
