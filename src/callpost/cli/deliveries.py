"""`callpost deliveries`: where the results went, over the API."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer

from callpost.cli import options, output
from callpost.cli.client import Document, connected, quoted
from callpost.model.delivery import DeliveryState

app = typer.Typer(
    help="See and repeat deliveries, over the API (CALLPOST_URL, CALLPOST_TOKEN).", no_args_is_help=True
)

_Number = Annotated[
    int, typer.Argument(min=1, help="The delivery's number within the recording.", show_default=False)
]

_State = Annotated[
    DeliveryState | None, typer.Option("--status", help="Only those that are so.", show_default=False)
]
_Destination = Annotated[
    str | None, typer.Option(help="Only those for one destination, as listed.", show_default=False)
]
_ExternalId = Annotated[
    str | None, typer.Option(help="Only those of recordings with this externalId.", show_default=False)
]
_Since = Annotated[
    str | None, typer.Option(help="Made at or after this date or time (RFC 3339).", show_default=False)
]
_Until = Annotated[str | None, typer.Option(help="Made at or before this date or time.", show_default=False)]


@app.command("list")
def list_(
    media_id: Annotated[
        str | None, typer.Argument(metavar="[MEDIA_ID]", help="Of one recording.", show_default="of all")
    ] = None,
    *,
    state: _State = None,
    destination: _Destination = None,
    external_id: _ExternalId = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """List deliveries, oldest first."""
    filters = {"destination": destination, "externalId": external_id, "since": since, "until": until}
    if media_id and (state or any(filters.values())):
        raise typer.BadParameter(
            "a recording's deliveries are all listed, without filters", param_hint="MEDIA_ID"
        )
    path = f"media/{quoted(media_id)}/deliveries" if media_id else "deliveries"
    parameters = {} if media_id else {"status": state, "limit": limit, **filters}

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
def replay(
    media_id: Annotated[
        str | None, typer.Argument(metavar="[MEDIA_ID]", help="Of one recording.", show_default="of all")
    ] = None,
    *,
    state: _State = None,
    destination: _Destination = None,
    external_id: _ExternalId = None,
    since: _Since = None,
    until: _Until = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Send stored results once more to where they went, without recognising anything again."""
    given = {"mediaId": media_id, "status": state, "destination": destination, "externalId": external_id}
    filters = {name: value for name, value in (given | {"since": since, "until": until}).items() if value}
    if not filters:
        raise typer.BadParameter("say which deliveries, by a recording or an option", param_hint="MEDIA_ID")

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.post("deliveries/replay", {**filters, "dryRun": dry_run})

    done = asyncio.run(ask())
    if json:
        output.document(done)
        return
    output.table(("Destination", "Deliveries"), sorted(done["destinations"].items()))
    output.note(f"{'To be sent' if dry_run else 'Sent'} again: {done['count']}.")


def show_table(deliveries: Iterable[Document]) -> None:
    """One line for each delivery."""
    output.table(
        ("Recording", "No.", "What", "Destination", "Status", "Attempts", "Next try or reason"),
        [
            (
                delivery["mediaId"],
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


def _what(delivery: Document) -> str:
    detail = delivery.get("format") or delivery.get("stream")
    return f"{delivery['type']} {detail}" if detail else str(delivery["type"])


def _show(delivery: Document) -> None:
    receipt = delivery.get("receipt", {})
    output.facts(
        (
            ("Delivery", f"{delivery['number']} of {delivery['mediaId']}"),
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
