"""What searches ask for: the `query` of a list, a VBQL statement, and the fields that can be filtered by."""

import json
import re
from dataclasses import replace
from functools import cache
from typing import Any, Final

from lark import Token, Transformer

from callpost.analysis.grammar import Language, Misread, misread_at
from callpost.analysis.vbql.parse import parse as parse_vbql
from callpost.analysis.vbql.query import Query
from callpost.api.reading.document import Kind, parse
from callpost.errors import Problem, Rejected
from callpost.model.search import AllOf, AnyOf, NoneOf, Part, Term, Wanted

_BAD_VALUE = 10011
_LONGEST, _MOST_TERMS, _DEEPEST = 2000, 100, 50
_NAMES = {
    "PHRASE": "a phrase in quotes",
    "WORD": "a word",
    "PART": "title:",
    "LPAR": "'('",
    "RPAR": "')'",
    "$END": "the end",
}
_FIELDS: Final = Kind("searchable fields", 80300, 80300)
_PREFIX = "extended."
_MOST_FIELDS, _LONGEST_FIELD = 100, 256


def query(text: str) -> Wanted:
    """The words, phrases and operators of a list's `query`. Raises Rejected (10011) with the column."""
    if len(text) > _LONGEST:
        raise Rejected(Problem(_BAD_VALUE, f"A query has {_LONGEST} characters at most.", "query"))
    try:
        wanted: Wanted = _language().read(text)
        _require_small(wanted)
    except Misread as error:
        raise Rejected(Problem(_BAD_VALUE, str(error), "query")) from None
    return wanted


def statement(body: bytes) -> Query:
    """A VBQL statement, as text or as a JSON string. Raises Rejected (10011) with line and column."""
    try:
        return parse_vbql(_statement_text(body))
    except Misread as error:
        raise Rejected(Problem(_BAD_VALUE, str(error), "vbqlStatement")) from None


def searchable_fields(body: bytes) -> list[str]:
    """VbSearchableFields. Raises Rejected with 80300 to 80303 and the place of each problem."""
    fields = parse(body, _FIELDS).get("fields")
    if fields is None:
        raise Rejected(Problem(80300, "The request has no searchable fields.", "fields"))
    listed = fields if isinstance(fields, list) else [fields]
    problems = [
        problem for place, field in enumerate(listed) if (problem := _wrong(field, f"fields[{place}]"))
    ]
    if len(listed) > _MOST_FIELDS:
        problems.append(Problem(80300, f"There are {_MOST_FIELDS} searchable fields at most.", "fields"))
    if problems:
        raise Rejected(problems)
    return list(dict.fromkeys(listed))


def _statement_text(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    if text.startswith('"') and text.endswith('"'):
        # `"Agent" SAYS "hello"` looks like one, but is not.
        try:
            decoded = json.loads(text)
        except ValueError:
            return text
        return str(decoded)
    return text


def _wrong(field: object, place: str) -> Problem | None:
    if not isinstance(field, str) or not field.startswith(_PREFIX):
        return Problem(80301, f"A searchable field is a text that begins with {_PREFIX}.", place)
    if len(field) > _LONGEST_FIELD:
        return Problem(80303, f"A searchable field has {_LONGEST_FIELD} characters at most.", place)
    if not all(name.strip() for name in field.split(".")) or re.search("[:;]", field):
        return Problem(80302, "The names between the dots are not empty and hold neither : nor ;.", place)
    return None


@cache
def _language() -> Language:
    return Language("callpost.api.reading", "search.lark", _Builder(), _NAMES)


class _Builder(Transformer[Token, Any]):
    def start(self, parts: list[Wanted]) -> Wanted:
        return parts[0]

    def some(self, parts: list[Wanted]) -> Wanted:
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def every(self, parts: list[Wanted]) -> Wanted:
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def none_of(self, parts: list[Wanted]) -> Wanted:
        return NoneOf(parts[0])

    def within(self, parts: list[Any]) -> Wanted:
        part, wanted = parts
        return _only_in(Part(part.lower().removesuffix(":")), wanted, part, 0)

    def term(self, parts: list[Token]) -> Term:
        (token,) = parts
        text = str(token[1:-1] if token.type == "PHRASE" else token)
        if not any(map(str.isalnum, text)):
            raise misread_at(token, "here is no word to look for")
        return Term(text.rstrip("*"), prefix=text.endswith("*"))


def _only_in(part: Part, wanted: Wanted, at: Token, depth: int) -> Wanted:
    if depth > _DEEPEST:
        raise misread_at(at, f"the query is nested more than {_DEEPEST} deep")
    match wanted:
        case Term():
            return wanted if wanted.part else replace(wanted, part=part)
        case NoneOf(inner):
            return NoneOf(_only_in(part, inner, at, depth + 1))
        case AllOf(parts):
            return AllOf(tuple(_only_in(part, one, at, depth + 1) for one in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_only_in(part, one, at, depth + 1) for one in parts))


def _require_small(wanted: Wanted, depth: int = 0) -> int:
    """How many terms there are."""
    if depth > _DEEPEST:
        raise Misread(f"a query is nested {_DEEPEST} deep at most", 1, 1)
    match wanted:
        case Term():
            return 1
        case NoneOf(part):
            return _require_small(part, depth + 1)
        case AllOf(parts) | AnyOf(parts):
            count = sum(_require_small(part, depth + 1) for part in parts)
    if count > _MOST_TERMS:
        raise Misread(f"a query has {_MOST_TERMS} words and phrases at most", 1, 1)
    return count
