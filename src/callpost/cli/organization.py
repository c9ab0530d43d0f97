"""`callpost organization`: who owns the recordings."""

from typing import TYPE_CHECKING

import typer

from callpost.cli import options, output, session

if TYPE_CHECKING:
    from callpost.services import Services
    from callpost.store.organizations import Organization

app = typer.Typer(help="The organization that owns keys and recordings.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """So that `show` stays a command of its own as long as it is the only one."""


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
