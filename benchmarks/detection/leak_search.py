"""Looking for numbers that should be gone: in texts, JSON and captions, however their digits are written.

Independent of callpost's own reading of numbers, and simpler: every token becomes its digits, and a leak is a
run of them that a secret has too.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Any

_UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_TEENS = ("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_DECADES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS = {
    **{word: str(value) for value, word in enumerate((*_UNITS, *_TEENS))},
    **{word: str(10 * value) for value, word in enumerate(_DECADES, start=2)},
    **dict.fromkeys(("oh", "o", "nought"), "0"),
}
_TIMES = {"double": 2, "triple": 3, "treble": 3}
_TRANSPARENT = {"", "um", "uh", "and", "then", "hundred"}
_LONGEST_RUN = 4
"""As many digits in a row as of a longer secret are a leak: fewer may be there by chance."""

_TIME_LINES = re.compile(r"^(?:.*-->.*|\d+)$", re.MULTILINE)
_NOT_SAID = {"m", "data", "href", "streamLocation", "key", "sha256"}
_IDS_AND_DATES = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?"
)

_END = "END"
_AMOUNT = re.compile(r"\b\d{1,3}\.\d\d\b")


def digits(text: str) -> list[str]:
    """The runs of digits in a text: "forty one, double five" and "41-55" are both 4155."""
    runs, times = [""], 1
    for token in re.split(r"[^\w$]+", _AMOUNT.sub(_END, text).casefold()):
        if token in _TIMES:
            times = _TIMES[token]
            continue
        said = token if token.isdecimal() else _WORDS.get(token, "")
        if said:
            runs[-1] = _after(runs[-1], said * times)
        elif token not in _TRANSPARENT:
            runs.append("")
        times = 1
    return [run for run in runs if run]


def _after(run: str, said: str) -> str:
    """forty, one: 41; but forty, eleven: 4011."""
    tens_and_unit = (
        len(said) == 1 and said != "0" and len(run) > 1 and run.endswith("0") and run[-2] in "23456789"
    )
    return run[:-1] + said if tens_and_unit else run + said


def leaks(text: str, secrets: Iterable[str], known: Iterable[str] = ()) -> list[str]:
    """What of the secrets is in the text. All are digits; runs that a known number has, too, may stay."""
    allowed = {window for number in known for window in _windows(number)}
    wanted = {window for secret in secrets for window in _windows(secret)} - allowed
    return [window for run in digits(text) for window in wanted if window in run]


def _windows(number: str) -> set[str]:
    length = min(len(number), _LONGEST_RUN)
    if length < 3:
        return set()
    return {number[place : place + length] for place in range(len(number) - length + 1)}


def strings(value: Any) -> Iterator[str]:
    """Whatever a JSON document says in words, in order; what is encoded in Base64 is read, too.

    Only the words of a transcript go on from one to the next.
    """
    if isinstance(value, dict):
        yield from _encoded(value)
        goes_on = "w" in value or "confidence" in value
        for name, item in value.items():
            if name not in _NOT_SAID:
                yield from strings(item)
                yield "" if goes_on else _END
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield _IDS_AND_DATES.sub(" ", value)


def _encoded(value: dict[str, Any]) -> Iterator[str]:
    if "data" in value and str(value.get("contentEncoding", "")).casefold() == "base64":
        yield captions(base64.b64decode(value["data"]).decode())


def said(document: Any) -> str:
    """All of it as one text."""
    return "\n".join(strings(document))


def captions(text: str) -> str:
    """Captions without their times and numbers; plain text as it is."""
    if text.lstrip().startswith("<"):
        return re.sub(r"<[^>]*>", " ", text)
    return _TIME_LINES.sub("", text) if "-->" in text else text
