"""What is asked of deliveries: a fresh URL, or a destination to be tried."""

from dataclasses import dataclass

from callpost.api.reading import callbacks
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.model.configuration import Callback

_DELIVERY = Kind("delivery", 10007, 10010)


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


def read_destination(body: bytes) -> DestinationRequest:
    """The destination to be tried. Raises Rejected: 10007, 10008 and the codes of a callback."""
    section = _section(body)
    asked = DestinationRequest(callbacks.callback(section), section.flag("putOnly") or False)
    section.notes.settle()
    return asked


def _section(body: bytes) -> Section:
    return Notes(_DELIVERY, strict=True).open(without_blanks(parse(body, _DELIVERY)), "")
