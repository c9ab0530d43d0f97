"""`callpost keys`: the bearer tokens of the API. Straight to the database: the first one needs no other."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from callpost.cli import options, output, session
from callpost.errors import NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callpost.services import Services
    from callpost.store.keys import Key

app = typer.Typer(help="Make, list and revoke the keys (bearer tokens) of the API.", no_args_is_help=True)


class Kind(StrEnum):
    """VoiceBase's two kinds of tokens."""

    USER = "user"
    API = "api"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for; shown in lists.", show_default=False)],
    kind: Annotated[
        Kind, typer.Option(help="user: may do everything. api: everything but manage keys over the API.")
    ] = Kind.USER,
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="Days until it expires.", show_default="never")
    ] = None,
    data: options.Data = None,
    json: options.Json = False,
) -> None:
    """Make a key and print its token, which cannot be shown again."""
    now = datetime.now(UTC)
    expires_at = now + timedelta(days=days) if days else None

    async def make(services: "Services") -> tuple["Key", str]:
        from callpost.store import keys  # noqa: PLC0415 - see session.opened

        organization_id = services.organization.organization_id
        async with services.database.transaction() as connection:
            return await keys.create(
                connection, organization_id, name, now=now, kind=keys.KeyKind(kind), expires_at=expires_at
            )

    key, token = session.run(data, make)
    if json:
        output.document({"token": token} | _document(key))
        return
    output.line(token)
    output.note(f"Key {key.key_id} for {key.name!r}. Keep the token: it is not stored and not shown again.")


@app.command("list")
def list_(data: options.Data = None, json: options.Json = False) -> None:
    """List the keys that are not revoked."""

    async def find(services: "Services") -> "Sequence[Key]":
        from callpost.store import keys  # noqa: PLC0415

        async with services.database.connection() as connection:
            return await keys.of_organization(connection, services.organization.organization_id)

    found = session.run(data, find)
    if json:
        output.document({"keys": [_document(key) for key in found]})
        return
    output.table(
        ("Key", "Name", "Kind", "Ends in", "Made", "Expires"),
        [
            (key.key_id, key.name, key.kind, key.last_six, _day(key.created_at), _day(key.expires_at))
            for key in found
        ],
    )


@app.command()
def revoke(
    key_id: Annotated[
        UUID, typer.Argument(metavar="KEY", help="The key's id, as listed.", show_default=False)
    ],
    data: options.Data = None,
    json: options.Json = False,
) -> None:
    """Make a key's token unknown from now on."""

    async def end(services: "Services") -> bool:
        from callpost.store import keys  # noqa: PLC0415

        async with services.database.transaction() as connection:
            return await keys.revoke(
                connection, services.organization.organization_id, key_id, datetime.now(UTC)
            )

    if not session.run(data, end):
        raise NotFound(Problem(10205, f"There is no key {key_id}, or it was revoked before."))
    output.document({"keyId": key_id, "revoked": True}) if json else output.line(f"{key_id} is revoked.")


def _document(key: "Key") -> dict[str, Any]:
    return {
        "keyId": key.key_id,
        "name": key.name,
        "kind": key.kind,
        "lastSix": key.last_six,
        "dateCreated": key.created_at,
        "dateExpires": key.expires_at,
    }


def _day(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%d") if moment else None
