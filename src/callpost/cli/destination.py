"""`callpost destination`: where results go, over the API."""

import asyncio
from typing import Annotated

import typer

from callpost.cli import options, output
from callpost.cli.client import Document, connected

app = typer.Typer(
    help="See, hold back, limit and prove destinations, over the API (CALLPOST_URL, CALLPOST_TOKEN).",
    no_args_is_help=True,
)
_MARKS = {True: "passed", False: "FAILED", None: "not known"}


_Key = Annotated[
    str, typer.Argument(metavar="DESTINATION", help="As listed: s3:bucket, http:host.", show_default=False)
]


@app.command("list")
def list_(url: options.ApiUrl = options.DEFAULT_URL, json: options.Json = False) -> None:
    """List everywhere that results go: what waits there, and how the destination does."""

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.get("destinations")

    found = asyncio.run(ask())
    if json:
        output.document(found)
        return
    output.table(
        ("Destination", "Waiting", "Oldest due", "Failures", "At once", "State"),
        [
            (
                one["destination"],
                one["waiting"],
                one.get("dateOldestDue"),
                one["failures"],
                one["concurrency"],
                _state(one),
            )
            for one in found["destinations"]
        ],
    )


@app.command()
def pause(destination: _Key, url: options.ApiUrl = options.DEFAULT_URL, json: options.Json = False) -> None:
    """Hold everything back that goes to a destination. Nothing of it fails meanwhile."""
    _change("pause", destination, url, json=json)


@app.command()
def resume(destination: _Key, url: options.ApiUrl = options.DEFAULT_URL, json: options.Json = False) -> None:
    """Let deliveries to a destination go out again."""
    _change("resume", destination, url, json=json)


@app.command()
def limit(
    destination: _Key,
    at_once: Annotated[
        int | None,
        typer.Argument(
            metavar="[AT_ONCE]", min=1, max=1000, help="Requests at a time.", show_default="the operator's"
        ),
    ] = None,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Bound the requests that a destination gets at a time, over all workers; without a number as usual."""

    async def ask() -> Document:
        async with connected(url) as client:
            asked = {"destination": destination, "concurrency": at_once}
            return await client.put("destinations/limit", asked)

    changed = asyncio.run(ask())
    bound = f"{at_once} at a time" if at_once else "as many at a time as the operator allows"
    output.document(changed) if json else output.line(f"{destination} gets {bound}.")


def _change(action: str, destination: str, url: str, *, json: bool) -> None:
    async def ask() -> Document:
        async with connected(url) as client:
            return await client.post(f"destinations/{action}", {"destination": destination})

    changed = asyncio.run(ask())
    if json:
        output.document(changed)
    else:
        output.line(f"{destination} is {_state(changed)}; {changed['waiting']} waiting.")


def _state(status: Document) -> str:
    if status["paused"]:
        return "paused"
    return f"left alone until {status['dateClosedUntil']}" if "dateClosedUntil" in status else "open"


@app.command()
def verify(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="As in publish.callbacks[].url.", show_default=False)
    ],
    *,
    role: Annotated[
        str | None, typer.Option(help="The ARN of the customer's IAM role.", show_default=False)
    ] = None,
    folder: Annotated[
        str | None, typer.Option("--prepend-folder", help="The folder in the bucket.", show_default=False)
    ] = None,
    kms_key: Annotated[
        str | None, typer.Option("--kms-key", help="The KMS key of the objects.", show_default="none")
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option("--expected-bucket-owner", help="The bucket's AWS account.", show_default="any"),
    ] = None,
    acl: Annotated[bool, typer.Option("--acl", help="Objects get bucket-owner-full-control.")] = False,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KEY=VALUE", help="A tag of the objects.", show_default="none"),
    ] = None,
    put_only: Annotated[
        bool, typer.Option("--put-only", help="The role may only write: read and delete nothing.")
    ] = False,
    url: options.ApiUrl = options.DEFAULT_URL,
    json: options.Json = False,
) -> None:
    """Try the role from every side and write a small object; say for each failure what mends it.

    Exit code 1 where a check failed.
    """
    wanted = {
        "kmsKeyId": kms_key,
        "expectedBucketOwner": owner,
        "bucketOwnerFullControl": acl,
        "tags": dict(_tag(tag) for tag in tags or ()),
    }
    asked = {
        "url": address,
        "role": role,
        "prependFolder": folder,
        "s3Options": wanted if any(wanted.values()) else None,
        "putOnly": put_only,
    }

    async def ask() -> Document:
        async with connected(url) as client:
            return await client.post("destinations/verify", asked)

    verdict = asyncio.run(ask())
    output.document(verdict) if json else _show(verdict)
    if not verdict["passed"]:
        raise typer.Exit(1)


def _tag(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter("a tag is written KEY=VALUE", param_hint="--tag")
    return name, value


def _show(verdict: Document) -> None:
    names = ("destination", "region", "encryption", "conditionalWrites")
    output.facts((name, verdict.get(name)) for name in names)
    for check in verdict["checks"]:
        output.line(f"{_MARKS[check.get('passed')]:<10} {check['name']}: {check.get('detail', '')}")
        for name in ("remedy", "snippet"):
            if text := check.get(name):
                output.line(text)
    for warning in verdict["warnings"]:
        output.warning(warning["message"])
