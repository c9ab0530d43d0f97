"""What POST /v3/profile/keys asks for (VbKeyConfiguration; errors 70000 to 70008)."""

from datetime import datetime, timedelta

from callpost.api.reading import parameters
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.errors import Problem, Rejected

_KEY = Kind("key", 70000, 70000)
_LONGEST = timedelta(hours=2)


def read(body: bytes, now: datetime) -> datetime | None:
    """When the key is to expire; None: never, for a key that is not ephemeral.

    Raises Rejected with 70000 to 70006, and 70008 for a scope: a key must not allow more than was asked for.
    """
    document = without_blanks(parse(body, _KEY))
    if not document:
        raise Rejected(Problem(70000, "The request for an API key has no configuration."))
    notes = Notes(_KEY)
    section = notes.open(document, "")
    section.known("scope")
    if "scope" in document:
        section.refuse(70008, "Scopes are not supported; ask for a key without one.", "scope")
    expires_at = _expiry(section, now)
    notes.settle()
    return expires_at


def _expiry(section: Section, now: datetime) -> datetime | None:
    milliseconds, date = section.whole("ttlMillis"), section.text("expirationDate")
    ephemeral = section.flag("ephemeral")
    if milliseconds is not None and date is not None:
        section.refuse(70001, "Give either expirationDate or ttlMillis, not both.")
    elif milliseconds is not None:
        return _after(section, milliseconds, now)
    elif date is not None:
        return _at(section, parameters.moment("expirationDate", date), now)
    elif ephemeral:
        section.refuse(70006, "An ephemeral key needs an expirationDate or ttlMillis.", "ephemeral")
    return None


def _after(section: Section, milliseconds: int, now: datetime) -> datetime | None:
    if milliseconds <= 0:
        section.refuse(70004, "ttlMillis must be greater than zero.", "ttlMillis")
    elif milliseconds > _LONGEST / timedelta(milliseconds=1):
        section.refuse(70005, "ttlMillis must not be more than two hours.", "ttlMillis")
    else:
        return now + timedelta(milliseconds=milliseconds)
    return None


def _at(section: Section, moment: datetime, now: datetime) -> datetime | None:
    if moment <= now:
        section.refuse(70002, "expirationDate lies in the past.", "expirationDate")
    elif moment - now > _LONGEST:
        section.refuse(70003, "expirationDate is more than two hours from now.", "expirationDate")
    return moment
