"""What is asked of deliveries: a fresh URL, a replay, or a destination to be tried."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from callpost.api.reading import callbacks
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.api.reading.parameters import Parameters
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback
from callpost.model.delivery import DeliveryState
from callpost.store.deliveries import DeliveryQuery

_DELIVERY = Kind("delivery", 10007, 10010)
_FILTERS = ("status", "destination", "since", "until", "externalId", "mediaId")


@dataclass(frozen=True, slots=True)
class DestinationRequest:
    """A destination as publish.callbacks would have it. put_only: nothing there may be read or deleted."""

    callback: Callback
    put_only: bool


def read_url(body: bytes) -> str:
    """The URL that the delivery is to go to. Raises Rejected: 10007, 10008, 60001 where there is none."""
    section = _section(body)
    url = (section.text("url") or "").strip()
    if not url:
        section.refuse(60001, "Give the delivery a url.", "url")
    section.notes.settle()
    return url


def read_destination_key(body: bytes) -> str:
    """The name of a known destination. Raises Rejected: 10007, 10008, 60001 where there is none."""
    section = _section(body)
    key = (section.text("destination") or "").strip()
    if not key:
        section.refuse(60001, "Give a destination, as GET /v3/destinations lists it.", "destination")
    section.notes.settle()
    return key


def read_destination(body: bytes) -> DestinationRequest:
    """The destination to be tried. Raises Rejected: 10007, 10008 and the codes of a callback."""
    section = _section(body)
    asked = DestinationRequest(callbacks.callback(section), section.flag("putOnly") or False)
    section.notes.settle()
    return asked


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which deliveries to send once more. dry_run: only count them."""

    query: DeliveryQuery
    dry_run: bool


def read_replay(body: bytes) -> ReplayRequest:
    """What is to be replayed. Raises Rejected: 10007, 10008, 10011 where a value makes no sense, and 60001
    without any filter: a slip must not send everything there ever was.
    """
    section = _section(body)
    given = {name: value for name in _FILTERS if (value := section.text(name))}
    dry_run = section.flag("dryRun") or False
    if not given:
        section.refuse(60001, f"Say which deliveries, by at least one of {', '.join(_FILTERS)}.")
    section.notes.settle()
    return ReplayRequest(delivery_query(Parameters(QueryParams(given))), dry_run)


def delivery_query(parameters: Parameters) -> DeliveryQuery:
    """The filters of a list of deliveries, its first page. Raises Rejected (10011)."""
    return DeliveryQuery(
        state=_state(parameters.one("status")),
        destination_key=parameters.one("destination"),
        since=parameters.since("since"),
        until=parameters.until("until"),
        external_id=parameters.one("externalId"),
        media_id=parameters.uuid("mediaId"),
        limit=parameters.limit(),
    )


def _state(value: str | None) -> DeliveryState | None:
    try:
        return DeliveryState(value.lower()) if value else None
    except ValueError:
        allowed = ", ".join(DeliveryState)
        raise Rejected(Problem(10011, f"The value of status is none of {allowed}.", "status")) from None


def _section(body: bytes) -> Section:
    return Notes(_DELIVERY, strict=True).open(without_blanks(parse(body, _DELIVERY)), "")
