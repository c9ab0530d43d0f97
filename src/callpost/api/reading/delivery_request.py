"""What is asked of deliveries: a fresh URL, a replay, or a destination to be tried."""

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from callpost.api.reading import callbacks
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.api.reading.parameters import Parameters
from callpost.delivery import schedule
from callpost.errors import Problem, Rejected
from callpost.model.configuration import Callback
from callpost.model.delivery import DeliveryState, RetrySchedule
from callpost.store.deliveries import DeliveryQuery

_DELIVERY = Kind("delivery", 10007, 10010)
MOST_AT_ONCE = 1000
_CONTENT = ("type", "format", "include", "stream", "fractionDigits")
_FILTERS = ("status", "destination", "since", "until", "externalId", "mediaId", "number")


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
    key = _key(section)
    section.notes.settle()
    return key


def _key(section: Section) -> str:
    key = (section.text("destination") or "").strip()
    if not key:
        section.refuse(60001, "Give a destination, as GET /v3/destinations lists it.", "destination")
    return key


def read_destination(body: bytes) -> DestinationRequest:
    """The destination to be tried. Raises Rejected: 10007, 10008 and the codes of a callback."""
    section = _section(body)
    asked = DestinationRequest(callbacks.callback(section), section.flag("putOnly") or False)
    section.notes.settle()
    return asked


@dataclass(frozen=True, slots=True)
class LimitRequest:
    """What a destination is to get. concurrency: requests at a time, None: the operator's default."""

    destination_key: str
    concurrency: int | None


def read_limit(body: bytes) -> LimitRequest:
    """A destination and its limit. Raises Rejected: 10007 for one that cannot be, 10008, 60001."""
    section = _section(body)
    key, concurrency = _key(section), section.whole("concurrency")
    if concurrency is not None and not 1 <= concurrency <= MOST_AT_ONCE:
        section.refuse(10007, f"A destination gets 1 to {MOST_AT_ONCE} requests at a time.", "concurrency")
    section.notes.settle()
    return LimitRequest(key, concurrency)


def read_schedule(body: bytes) -> RetrySchedule:
    """A whole retry schedule. Raises Rejected: 10007 for one that cannot be, 10008."""
    section = _section(body)
    if "waitsInSeconds" not in section:
        section.refuse(
            10007, "Give the seconds to wait before each slot, the first being 0.", "waitsInSeconds"
        )
    usual = RetrySchedule()
    tries = section.whole("triesPerSlot")
    asked = RetrySchedule(
        tuple(section.wholes("waitsInSeconds")),
        usual.tries_per_slot if tries is None else tries,
        section.flag("strict") or False,
    )
    section.notes.settle()
    schedule.require_possible(asked, "waitsInSeconds", "triesPerSlot")
    return asked


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which deliveries to send once more. dry_run: only count them.

    to: the destination in the place of theirs, None: where they went. What is sent stays the same.
    """

    query: DeliveryQuery
    dry_run: bool
    to: Callback | None = None


def read_replay(body: bytes) -> ReplayRequest:
    """What is to be replayed. Raises Rejected: 10007, 10008, 10011 where a value makes no sense, 60001
    without any filter (a slip must not send everything there ever was), and the codes of a callback.
    """
    section = _section(body)
    to = _elsewhere(section) if "callback" in section else None
    given = {name: value for name in _FILTERS if (value := section.text(name))}
    dry_run = section.flag("dryRun") or False
    if not given:
        section.refuse(60001, f"Say which deliveries, by at least one of {', '.join(_FILTERS)}.")
    section.notes.settle()
    return ReplayRequest(delivery_query(Parameters(QueryParams(given))), dry_run, to)


def _elsewhere(section: Section) -> Callback:
    given = section.section("callback")
    for name in _CONTENT:
        if name in given:
            given.refuse(60008, "What is sent stays as it was; a replay changes only where it goes.", name)
    to = callbacks.callback(given)
    if not to.url:
        given.refuse(60001, "A callback needs a url.", "url")
    return to


def delivery_query(parameters: Parameters) -> DeliveryQuery:
    """The filters of a list of deliveries, its first page. Raises Rejected (10011)."""
    return DeliveryQuery(
        state=_state(parameters.one("status")),
        destination_key=parameters.one("destination"),
        since=parameters.since("since"),
        until=parameters.until("until"),
        external_id=parameters.one("externalId"),
        media_id=parameters.uuid("mediaId"),
        number=_number(parameters),
        limit=parameters.limit(),
    )


def _number(parameters: Parameters) -> int | None:
    value = parameters.one("number")
    if value is None:
        return None
    if not value.isdecimal() or not 0 < int(value) < 2**31 or not parameters.one("mediaId"):
        text = "The value of number is not that of a delivery, together with its mediaId."
        raise Rejected(Problem(10011, text, "number"))
    return int(value)


def _state(value: str | None) -> DeliveryState | None:
    try:
        return DeliveryState(value.lower()) if value else None
    except ValueError:
        allowed = ", ".join(DeliveryState)
        raise Rejected(Problem(10011, f"The value of status is none of {allowed}.", "status")) from None


def _section(body: bytes) -> Section:
    return Notes(_DELIVERY, strict=True).open(without_blanks(parse(body, _DELIVERY)), "")
