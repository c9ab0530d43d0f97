"""vocabularies: words to expect (docs/how-to-guides/custom-vocabulary.md, errors 20006 to 20017)."""

from collections import Counter

from callpost.api.reading.document import Section
from callpost.model.configuration import AdHocVocabulary

_MOST_TERMS = 1000
_LONGEST_TERM = 64
_WEIGHTS = range(6)


def read(section: Section) -> tuple[AdHocVocabulary, ...]:
    """The terms given with the recording; a vocabulary kept under a name is another element."""
    vocabularies = tuple(_vocabulary(item) for item in section.sections("vocabularies"))
    counts = Counter(term.lower() for vocabulary in vocabularies for term in vocabulary.terms)
    for term in (term for term, count in counts.items() if count > 1):
        section.notes.warn(20017, f"The term ({term}) is in the vocabularies twice.", "vocabularies")
    return tuple(vocabulary for vocabulary in vocabularies if vocabulary.terms)


def _vocabulary(section: Section) -> AdHocVocabulary:
    section.known("vocabularyType")
    name = section.text("vocabularyName")
    scripts = [item.text("script") for item in section.sections("scripts")]
    items = section.sections("terms")
    if name and items:
        section.refuse(20007, f"Give either the vocabularyName ({name}) or terms, not both.")
    if not (name or items or scripts):
        section.refuse(20006, "Give a vocabularyName or terms.")
    if len(items) > _MOST_TERMS:
        section.refuse(20010, f"A vocabulary has {_MOST_TERMS} terms at most.", "terms")
    return AdHocVocabulary(tuple(term for item in items if (term := _term(item))))


def _term(section: Section) -> str | None:
    term = (section.text("term") or "").strip()
    section.texts("soundsLike")
    weight = section.whole("weight")
    if not term:
        section.refuse(20014, "Here is an empty term; remove it or include a value.")
    if len(term) > _LONGEST_TERM:
        section.refuse(20016, f"A term has {_LONGEST_TERM} characters at most.", "term")
    if weight is not None and weight not in _WEIGHTS:
        section.refuse(20015, "The weight of a term is a whole number from 0 to 5.", "weight")
    return term or None
