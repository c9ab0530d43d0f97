"""What PATCH /v3/media/{mediaId}/deliveries/{number} asks for."""

from callpost.api.reading.document import Kind, Notes, parse, without_blanks

_DELIVERY = Kind("delivery", 10007, 10010)


def read_url(body: bytes) -> str:
    """The URL that the delivery is to go to. Raises Rejected: 10007, 10008, 60001 where there is none."""
    notes = Notes(_DELIVERY, strict=True)
    section = notes.open(without_blanks(parse(body, _DELIVERY)), "")
    url = (section.text("url") or "").strip()
    if not url:
        section.refuse(60001, "Give the delivery a url.", "url")
    notes.settle()
    return url
