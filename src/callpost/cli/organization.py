"""`callpost organization`: who owns the recordings."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callpost.cli import options, output, session
from callpost.model.delivery import RetrySchedule

if TYPE_CHECKING:
    from callpost.services import Services
    from callpost.store.organizations import Organization

app = typer.Typer(help="The organization that owns keys and recordings.", no_args_is_help=True)
webhook_secret = typer.Typer(
    help="What the organization's webhooks are signed with (Standard Webhooks).", no_args_is_help=True
)
schedule = typer.Typer(
    help="When deliveries that failed are tried again: the operator's schedule, or one of its own.",
    no_args_is_help=True,
)
app.add_typer(webhook_secret, name="webhook-secret")
app.add_typer(schedule, name="schedule")


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


@schedule.command("show")
def show_schedule(data: options.Data = None, json: options.Json = False) -> None:
    """Show when deliveries that failed are tried again."""

    async def find(services: "Services") -> tuple[RetrySchedule, bool]:
        from callpost.store import destinations  # noqa: PLC0415

        async with services.database.connection() as connection:
            own = await destinations.schedule(connection, services.organization.organization_id)
        return own or services.settings.schedule, own is not None

    applies, own = session.run(data, find)
    _show_schedule(applies, own=own, json=json)


@schedule.command("set")
def set_schedule(
    waits: Annotated[
        str,
        typer.Argument(
            metavar="SECONDS", help="To wait before each slot, as 0,900,1800.", show_default=False
        ),
    ],
    *,
    tries: Annotated[int, typer.Option(help="Back to back in each slot.")] = RetrySchedule().tries_per_slot,
    strict: Annotated[
        bool, typer.Option("--strict", help="Spend every try, even on what is hopeless.")
    ] = False,
    data: options.Data = None,
    json: options.Json = False,
) -> None:
    """Give the organization a schedule of its own, as a whole. Also what waits is tried by it from now on."""
    from callpost.delivery.schedule import require_possible  # noqa: PLC0415

    own = RetrySchedule(_seconds(waits), tries, strict)
    require_possible(own, "SECONDS", "--tries")
    _store_schedule(data, own)
    _show_schedule(own, own=True, json=json)


@schedule.command("reset")
def reset_schedule(data: options.Data = None, json: options.Json = False) -> None:
    """Go back to the operator's schedule (CALLPOST_RETRY_…)."""
    _show_schedule(_store_schedule(data, None), own=False, json=json)


def _store_schedule(data: Path | None, own: RetrySchedule | None) -> RetrySchedule:
    """Returns the operator's."""

    async def store(services: "Services") -> RetrySchedule:
        from callpost.store import destinations  # noqa: PLC0415

        async with services.database.connection() as connection:
            await destinations.set_schedule(connection, services.organization.organization_id, own)
        return services.settings.schedule

    return session.run(data, store)


def _seconds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("whole numbers with commas between them", param_hint="SECONDS") from None


def _show_schedule(shown: RetrySchedule, *, own: bool, json: bool) -> None:
    facts = {
        "own": own,
        "waitsInSeconds": shown.slots_s,
        "triesPerSlot": shown.tries_per_slot,
        "strict": shown.strict,
        "tries": shown.tries,
        "lengthInSeconds": shown.length_s,
    }
    if json:
        output.document(facts)
        return
    output.facts(
        (
            ("Schedule", "the organization's own" if own else "the operator's"),
            ("Waits", ", ".join(str(timedelta(seconds=wait)) for wait in shown.slots_s)),
            ("Tries", f"{shown.tries_per_slot} in each slot, {shown.tries} in all"),
            ("Length", timedelta(seconds=shown.length_s)),
            ("Strict", "yes" if shown.strict else "no"),
        )
    )
