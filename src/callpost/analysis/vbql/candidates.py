"""Which words a recording must have to answer a VBQL condition: what an index can rule out beforehand."""

from collections.abc import Iterable

from callpost.analysis.vbql.fields import OF_RESULTS
from callpost.analysis.vbql.query import (
    Compare,
    Condition,
    During,
    Either,
    Every,
    Near,
    Not,
    Pattern,
    Phrase,
    Query,
    Says,
    Some,
    Spoken,
    Together,
)
from callpost.model.search import AllOf, AnyOf, Term, Wanted


def candidates(condition: Condition) -> Wanted | None:
    """Words without which the condition cannot hold; None where it may hold for any recording."""
    match condition:
        case Says(_, spoken):
            return _spoken(spoken)
        case Every(parts):
            return _all(map(candidates, parts))
        case Some(parts):
            return _any(map(candidates, parts))
    return None


def needs_results(query: Query) -> bool:
    """Whether nobody can say what matches, or in which order, without the recordings' results."""
    return _needs_results(query.condition) or any(order.path[0] in OF_RESULTS for order in query.order)


def _needs_results(condition: Condition) -> bool:
    match condition:
        case Compare(path):
            return path[0] in OF_RESULTS
        case Not(part):
            return _needs_results(part)
        case Every(parts) | Some(parts):
            return any(map(_needs_results, parts))
    return True


def _spoken(spoken: Spoken) -> Wanted | None:
    match spoken:
        case Phrase(words):
            return _all(map(_word, words))
        case Together(parts):
            return _all(map(_spoken, parts))
        case Either(parts):
            return _any(map(_spoken, parts))
        case Near(left, right):
            return _all((_spoken(left), _spoken(right)))
        case During(part):
            return _spoken(part)
    return None


def _word(pattern: Pattern) -> Wanted | None:
    return Term(pattern.text, pattern.prefix) if pattern.text else None


def _all(parts: Iterable[Wanted | None]) -> Wanted | None:
    needed = tuple(dict.fromkeys(part for part in parts if part is not None))
    return AllOf(needed) if needed else None


def _any(parts: Iterable[Wanted | None]) -> Wanted | None:
    alternatives = tuple(dict.fromkeys(parts))
    known = tuple(part for part in alternatives if part is not None)
    return AnyOf(known) if known and len(known) == len(alternatives) else None
