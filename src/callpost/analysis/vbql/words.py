"""Words as VBQL and its index compare them: in lower case, without punctuation, compounds in their parts."""

import re
from collections.abc import Iterable, Sequence

_PART = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LONGEST = 200


def parts(text: str) -> list[str]:
    """`Wi-Fi,` as wi, fi; "Don't" as don't; `$138.65` as 138, 65."""
    return [part[:_LONGEST] for part in _PART.findall(text.casefold().replace("\u2019", "'"))]


def vocabulary(texts: Iterable[str]) -> Sequence[str]:
    """Every part of the texts, once."""
    return tuple(dict.fromkeys(part for text in texts for part in parts(text)))
