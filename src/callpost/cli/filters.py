"""The options that choose deliveries, for every command that works on some of them."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from callpost.model.delivery import DeliveryState


@dataclass(frozen=True, slots=True)
class Filters:
    """Which deliveries. options: all but the recording, by the names of the API."""

    media_id: str | None
    options: dict[str, str]

    @property
    def all(self) -> dict[str, str]:
        """By the names of the API; empty where nothing was said."""
        return {"mediaId": self.media_id, **self.options} if self.media_id else self.options


def _filters(
    media_id: Annotated[
        str | None, typer.Argument(metavar="[MEDIA_ID]", help="Of one recording.", show_default="of all")
    ] = None,
    *,
    state: Annotated[
        DeliveryState | None, typer.Option("--status", help="Only those that are so.", show_default=False)
    ] = None,
    destination: Annotated[
        str | None, typer.Option(help="Only those for one destination, as listed.", show_default=False)
    ] = None,
    external_id: Annotated[
        str | None, typer.Option(help="Only those of recordings with this externalId.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Made at or after this date or time (RFC 3339).", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Made at or before this date or time.", show_default=False)
    ] = None,
) -> Filters:
    given = {
        "status": state,
        "destination": destination,
        "externalId": external_id,
        "since": since,
        "until": until,
    }
    return Filters(media_id, {name: value for name, value in given.items() if value})


def chosen(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; it gets them as its first argument."""
    ours = inspect.signature(_filters).parameters
    _, *own = inspect.signature(command).parameters.values()

    def run(**given: Any) -> None:  # noqa: ANN401 - what Typer read, each of its own type
        command(_filters(**{name: given.pop(name) for name in ours}), **given)

    parameters = [*ours.values(), *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own)]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    vars(run)["__signature__"] = inspect.Signature(parameters)
    return run
