"""Which of a customer's categories a recording belongs to (docs/how-to-guides/categories.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from callpost.analysis.attempts import Attempts
from callpost.analysis.vbql import evaluate, parse
from callpost.analysis.vbql.evaluate import Hit
from callpost.analysis.vbql.fields import Facts
from callpost.analysis.vbql.spoken import Heard
from callpost.model.configuration import Category
from callpost.model.media import Media
from callpost.model.results import CategoryValue, Mention, Occurrence, Results

_CODE = 80000


def categorize(media: Media, results: Results, categories: Sequence[Category]) -> Results:
    """The results with each category's value, made from the transcript as it will be delivered. Pure.

    A category that cannot be evaluated is left out, and the results have a warning with code 80000.
    """
    if not categories:
        return results
    attempts = Attempts(results.transcript.language)
    facts, heard = Facts(media, results), Heard(results.transcript, media.length_ms)
    made = (_attempt(category, facts, heard, attempts) for category in categories)
    values = tuple(value for value in made if value is not None)
    return replace(results, categories=values, warnings=(*results.warnings, *attempts.warnings))


def _attempt(category: Category, facts: Facts, heard: Heard, attempts: Attempts) -> CategoryValue | None:
    return attempts.make(
        f"the category {category.name}", _CODE, lambda: _value(category, facts, heard), languages=None
    )


def _value(category: Category, facts: Facts, heard: Heard) -> CategoryValue:
    verdict = evaluate.evaluate(parse.parse(category.query).condition, facts, heard)
    return CategoryValue(category.name, int(verdict.matches), _mentions(verdict.hits))


def _mentions(hits: Iterable[Hit]) -> tuple[Mention, ...]:
    by_speaker: dict[str, list[Occurrence]] = {}
    for hit in hits:
        by_speaker.setdefault(hit.speaker, []).append(Occurrence(hit.start_ms, hit.end_ms, hit.text))
    return tuple(Mention(speaker, tuple(found)) for speaker, found in by_speaker.items())
