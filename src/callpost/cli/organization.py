"""`callpost organization`: who owns the recordings."""

from typing import TYPE_CHECKING

import typer

from callpost.cli import options, output, session

if TYPE_CHECKING:
    from callpost.services import Services
    from callpost.store.organizations import Organization

app = typer.Typer(help="The organization that owns keys and recordings.", no_args_is_help=True)
webhook_secret = typer.Typer(
    help="What the organization's webhooks are signed with (Standard Webhooks).", no_args_is_help=True
)
app.add_typer(webhook_secret, name="webhook-secret")


@app.command()
def show(data: options.Data = None, json: options.Json = False) -> None:
    """Show the organizationId: the external ID that customers' IAM roles require."""

    async def find(services: "Services") -> "Organization":
        return services.organization

    found = session.run(data, find)
    facts = {
        "organizationId": found.organization_id,
        "name": found.name,
        "dateCreated": found.created_at,
    }
    output.document(facts) if json else output.facts(facts.items())


@webhook_secret.command()
def add(data: options.Data = None, json: options.Json = False) -> None:
    """Sign webhooks with a new secret and print it, this once.

    The one before goes on signing beside it, until `retire`; one before that stops at once.
    """

    async def make(services: "Services") -> str:
        from callpost.delivery import webhooks  # noqa: PLC0415 - see session.opened
        from callpost.store import destinations  # noqa: PLC0415

        secret = webhooks.new_secret()
        async with services.database.transaction() as connection:
            organization_id = services.organization.organization_id
            await destinations.add_webhook_secret(connection, organization_id, secret)
        return webhooks.written(secret)

    written = session.run(data, make)
    if json:
        output.document({"secret": written})
        return
    output.line(written)
    output.note("Webhooks are signed with it from now on. Keep it: it is not shown again.")


@webhook_secret.command()
def retire(data: options.Data = None, json: options.Json = False) -> None:
    """Sign webhooks with the newest secret alone, once every receiver knows it."""

    async def end(services: "Services") -> int:
        from callpost.store import destinations  # noqa: PLC0415

        organization_id = services.organization.organization_id
        async with services.database.transaction() as connection:
            before = await destinations.webhook_secrets(connection, organization_id)
            await destinations.retire_webhook_secret(connection, organization_id)
        return max(0, len(before) - 1)

    retired = session.run(data, end)
    if json:
        output.document({"retired": retired})
    else:
        output.line(
            "The secret before the newest is retired." if retired else "There was no older secret to retire."
        )
