"""The metadata document: echoed as it came, of its contents only the externalId means something to us."""

from typing import Any

from callpost.api.reading.document import METADATA
from callpost.errors import Problem, Rejected
from callpost.model.media import Metadata

LONGEST_EXTERNAL_ID = 512
"""In characters. VoiceBase has a limit too and does not say which."""

_TEXTS = ("title", "description")


def read(document: dict[str, Any]) -> Metadata:
    """The document with an externalId that is a string where there is one.

    Raises Rejected with 10107 (wrong shape), 10108 (empty externalId), 10109 (too long).
    """
    problems = [*_wrong_shapes(document), *_wrong_external_id(document.get("externalId"))]
    if problems:
        raise Rejected(problems)
    external_id = document.get("externalId")
    if isinstance(external_id, int | float):
        document = document | {"externalId": str(external_id)}
    return Metadata(document)


def _wrong_shapes(document: dict[str, Any]) -> list[Problem]:
    problems = [
        Problem(METADATA.unparsable, "Here a string is expected.", name)
        for name in _TEXTS
        if isinstance(document.get(name), dict | list)
    ]
    if not isinstance(document.get("extended", {}), dict | None):
        problems.append(Problem(METADATA.unparsable, "This must be a JSON object.", "extended"))
    return problems


def _wrong_external_id(value: object) -> list[Problem]:
    if value is None:
        return []
    if isinstance(value, dict | list | bool):
        return [Problem(METADATA.unparsable, "The externalId must be a string.", "externalId")]
    if not str(value).strip():
        return [Problem(10108, "The externalId is empty; leave it out or give it a value.", "externalId")]
    if len(str(value)) > LONGEST_EXTERNAL_ID:
        return [Problem(10109, f"The externalId is longer than {LONGEST_EXTERNAL_ID}.", "externalId")]
    return []
