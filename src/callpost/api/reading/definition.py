"""Definitions that are kept under names, as they are sent (errors 80000 to 80209) and as they are used."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callpost.api.reading import vocabularies
from callpost.api.reading.document import Kind, Notes, Section, parse, without_blanks
from callpost.api.reading.vocabularies import Codes, Vocabulary
from callpost.errors import Problem, Rejected
from callpost.model.configuration import TrainedClassifier

_GROUP = Kind("keyword group", 80100, 80100)
_VOCABULARY = Kind("vocabulary", 80200, 80200)
_LONGEST_NAME = 128
_MOST_KEYWORDS = 1000
_LONGEST_KEYWORD = 256
_CODES = Codes(
    too_many=80208, empty=80203, weight=80203, length=80203, sounds=80203, scripts=80207, script_words=80207
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """What a configuration may refer to: by their names keywords, vocabularies and queries of categories.

    classifiers: those that were trained.
    """

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    classifiers: Sequence[TrainedClassifier] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What a configuration refers to."""

    groups: tuple[str, ...] = ()
    vocabularies: tuple[str, ...] = ()
    classifiers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    all_categories: bool = False


def names(document: Document) -> Names:
    """Whatever in a configuration looks like a name; whether it is in order is for others to say."""
    spotting = document.get("spotting")
    groups = spotting.get("groups") if isinstance(spotting, dict) else None
    prediction = document.get("prediction")
    classifiers = prediction.get("classifiers") if isinstance(prediction, dict) else None
    return Names(
        tuple(_texts(groups, "groupName")),
        tuple(_texts(document.get("vocabularies"), "vocabularyName")),
        (*_texts(classifiers, "classifierName"), *_texts(classifiers, "classifierId")),
        tuple(_texts(document.get("categories"), "categoryName")),
        _wants_all(document.get("categories")),
    )


def known(
    groups: Mapping[str, Document],
    kept: Mapping[str, Document],
    categories: Mapping[str, Document],
    trained: Sequence[TrainedClassifier] = (),
) -> Known:
    """What is stored, to be used."""
    return Known(
        {name: tuple(document["keywords"]) for name, document in groups.items()},
        {name: vocabularies.contents(_section(document), _CODES) for name, document in kept.items()},
        {name: document["query"] for name, document in categories.items()},
        trained,
    )


def group(body: bytes, name: str) -> Document:
    """VbKeywordGroup to be kept under `name`. Raises Rejected with 80100 to 80103."""
    document = without_blanks(parse(body, _GROUP))
    if not document:
        raise Rejected(Problem(80100, "The request has no keyword group."))
    notes = Notes(_GROUP)
    section = notes.open(document, "")
    _require_name(section, "groupName", name, 80102)
    keywords = [" ".join(keyword.split()) for _, keyword in section.texts("keywords")]
    if not keywords:
        section.refuse(80101, "The keyword group has no keywords.", "keywords")
    if len(keywords) > _MOST_KEYWORDS:
        section.refuse(80103, f"A group has {_MOST_KEYWORDS} keywords at most.", "keywords")
    for index, keyword in enumerate(keywords):
        if not any(map(str.isalnum, keyword)) or len(keyword) > _LONGEST_KEYWORD:
            message = f"A keyword is a word or a phrase of {_LONGEST_KEYWORD} characters at most."
            section.refuse(80103, message, f"keywords[{index}]")
    notes.settle()
    return {"groupName": name, "keywords": list(dict.fromkeys(keywords))}


def vocabulary(body: bytes, name: str) -> Document:
    """VbVocabulary to be kept under `name`. Raises Rejected with 80200 to 80209."""
    document = without_blanks(parse(body, _VOCABULARY))
    if not document:
        raise Rejected(Problem(80200, "The request has no vocabulary."))
    notes = Notes(_VOCABULARY)
    section = notes.open(document, "")
    _require_name(section, "vocabularyName", name, 80202)
    found = vocabularies.contents(section, _CODES)
    if "terms" in section and "scripts" in section:
        section.refuse(80204, "A vocabulary has either terms or scripts, not both.")
    elif not (found.terms or found.scripts or notes.problems):
        section.refuse(80206, "The vocabulary has neither terms nor scripts.")
    texts = [term.text.lower() for term in found.terms]
    if twice := sorted({text for text in texts if texts.count(text) > 1})[:10]:
        section.refuse(80209, f"The vocabulary has terms twice: {', '.join(twice)}.", "terms")
    notes.settle()
    kept = {key: document[key] for key in ("terms", "scripts") if key in document}
    return {"vocabularyName": name, "vocabularyType": next(iter(kept))} | kept


def _wants_all(categories: object) -> bool:
    items = categories if isinstance(categories, list) else [categories]
    return any(isinstance(item, dict) and item.get("allCategories") for item in items)


def _require_name(section: Section, key: str, name: str, code: int) -> None:
    if section.text(key) not in (None, name):
        section.refuse(code, f"The name must be equal to that in the path ({name[:_LONGEST_NAME]}).", key)
    if not name.strip() or len(name) > _LONGEST_NAME or "\0" in name:
        section.refuse(code, f"A name has 1 to {_LONGEST_NAME} characters.", key)


def _section(document: Document) -> Section:
    return Notes(_VOCABULARY).open(document, "")


def _texts(items: object, key: str) -> Iterator[str]:
    for item in items if isinstance(items, list) else [items]:
        value = item.get(key) if isinstance(item, dict) else None
        if isinstance(value, str | int | float):
            yield str(value)
