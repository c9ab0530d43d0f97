"""The `transcript` part: a corrected text, plain or as captions or a transcript of the API's own.

Source: docs/how-to-guides/aligner.md, which has plain text. Whatever it comes as, plain text is made of it.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from callpost.api.reading.multipart import TextPart
from callpost.errors import Problem, Rejected

_PLACE = "transcript"
_WITHOUT_BLANKS = ("zh", "ja", "th", "lo", "my")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_CUE = re.compile(r"^(?:\d+\s*\n)?[^\n]*-->[^\n]*\n", re.MULTILINE)
_HEADER = re.compile(r"\A\ufeff?WEBVTT[^\n]*\n(?:[^\n]+\n)*")
_MARKUP = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)


def read(part: TextPart | None) -> str | None:
    """The text; None where none was sent. Raises Rejected (60004) where the part is none, or says nothing."""
    if part is None:
        return None
    text = _plain(_decoded(part).replace("\r\n", "\n").replace("\r", "\n"))
    if not any(map(str.isalnum, text)):
        raise _invalid("it has no words")
    return text


def require_language(text: str | None, language: str) -> None:
    """Raises Rejected (20005) where words are written without blanks, so that they cannot be told apart."""
    if text is not None and language.startswith(_WITHOUT_BLANKS):
        raise Rejected(Problem(20005, f"Alignment is not available for the language {language}.", _PLACE))


def _decoded(part: TextPart) -> str:
    """UTF-8 unless it cannot be; then as declared, else ISO-8859-1."""
    for encoding in ("utf-8-sig", part.charset or "iso-8859-1"):
        try:
            text = part.data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        if _CONTROL.search(text):
            break
        return text
    raise _invalid("it is not a text")


def _plain(text: str) -> str:
    start = text.lstrip()[:1]
    if start in {"{", "["}:
        return "\n".join(_lines(text)) if (start == "{" or '"w"' in text) else text
    if start == "<":
        raise _invalid("XML is not read; send plain text, SubRip, WebVTT or the transcript's JSON")
    if "-->" in text:
        return html.unescape(_MARKUP.sub("", _CUE.sub("", _HEADER.sub("", text))))
    return text


def _lines(text: str) -> Iterator[str]:
    """What each speaker says, of the words of a VbTranscript."""
    try:
        document = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise _invalid(f"it is not valid JSON: {error}") from None
    line: list[str] = []
    for word in _words(document):
        if word.get("m") == "turn":
            yield " ".join(line)
            line = [f"{word['w']}:"]
        elif word.get("m") == "punc" and line:
            line[-1] += word["w"]
        else:
            line.append(word["w"])
    yield " ".join(line)


def _words(document: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401 - a JSON document
    """The words of a transcript, of a recording's whole document, or of a list of them."""
    if isinstance(document, dict):
        document = document.get("transcript", document)
    words = document.get("words") if isinstance(document, dict) else document
    for word in words if isinstance(words, list) else ():
        if isinstance(word, dict) and isinstance(word.get("w"), str):
            yield word


def _invalid(reason: str) -> Rejected:
    return Rejected(Problem(60004, f"The transcript cannot be aligned: {reason}.", _PLACE))
