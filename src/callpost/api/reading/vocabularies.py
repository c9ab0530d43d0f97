"""vocabularies: words to expect (docs/how-to-guides/custom-vocabulary.md, errors 20006 to 20101).

They come with the recording, or are kept under a name (`definition.py`); both are read here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from callpost.api.reading.document import Section
from callpost.model.configuration import AdHocVocabulary, ExpectedTerm

MOST_TERMS = 1000
_LONGEST_TERM = 64
_MOST_SOUNDS = 100
_WEIGHTS = range(6)
_MOST_SCRIPTS = 1000
_MOST_SCRIPT_WORDS = 10_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What to expect. scripts: sentences that will be said, expected after the terms."""

    terms: tuple[ExpectedTerm, ...] = ()
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes for what is wrong with a vocabulary: they differ between configurations and definitions."""

    too_many: int = 20010
    empty: int = 20014
    weight: int = 20015
    length: int = 20016
    sounds: int = 20012
    scripts: int = 20101
    script_words: int = 20013


def read(section: Section, known: Mapping[str, Vocabulary]) -> tuple[AdHocVocabulary, ...]:
    """All that is to be expected, the heaviest terms first, scripts last. known: what is kept under names."""
    found = [_vocabulary(item, known) for item in section.sections("vocabularies")]
    terms = [term for vocabulary in found for term in vocabulary.terms]
    if len(terms) > MOST_TERMS and max(len(each.terms) for each in found) <= MOST_TERMS:
        section.refuse(20010, f"All vocabularies together have {MOST_TERMS} terms at most.", "vocabularies")
    counts = Counter(term.text.lower() for term in terms)
    for text in (text for text, count in counts.items() if count > 1):
        section.notes.warn(20017, f"The term ({text}) is in the vocabularies twice.", "vocabularies")
    scripts = (ExpectedTerm(text, script=True) for each in found for text in each.scripts)
    expected = _once([*sorted(terms, key=lambda term: -term.weight), *scripts])
    return (AdHocVocabulary(expected),) if expected else ()


def contents(section: Section, codes: Codes) -> Vocabulary:
    """The terms and scripts of one vocabulary; what is wrong is noted with these codes."""
    section.known("vocabularyType")
    items, scripts = section.sections("terms"), section.sections("scripts")
    if len(items) > MOST_TERMS:
        section.refuse(codes.too_many, f"A vocabulary has {MOST_TERMS} terms at most.", "terms")
    terms = (_term(item, codes) for item in items)
    return Vocabulary(tuple(term for term in terms if term.text), tuple(_scripts(section, scripts, codes)))


def _once(terms: list[ExpectedTerm]) -> tuple[ExpectedTerm, ...]:
    """Each text once, where it comes first, sounding like all that it is said to sound like."""
    kept: dict[str, ExpectedTerm] = {}
    for term in terms:
        first = kept.setdefault(term.text, term)
        sounds = dict.fromkeys((*first.sounds_like, *term.sounds_like))
        kept[term.text] = replace(first, sounds_like=tuple(sounds))
    return tuple(kept.values())


def _vocabulary(section: Section, known: Mapping[str, Vocabulary]) -> Vocabulary:
    name, given = section.text("vocabularyName"), contents(section, Codes())
    if name and (given.terms or given.scripts):
        section.refuse(20007, f"Give either the vocabularyName ({name}) or terms, not both.")
    elif name and name not in known:
        section.refuse(20008, f"There is no vocabulary ({name}).", "vocabularyName")
    elif name and not (known[name].terms or known[name].scripts):
        section.refuse(20009, f"The vocabulary ({name}) is empty.", "vocabularyName")
    elif name:
        return known[name]
    elif not any(key in section for key in ("terms", "scripts")):
        section.refuse(20006, "Give a vocabularyName or terms.")
    return given


def _term(section: Section, codes: Codes) -> ExpectedTerm:
    text = (section.text("term") or "").strip()
    weight = section.whole("weight")
    if not text:
        section.refuse(codes.empty, "Here is an empty term; remove it or include a value.")
    if len(text) > _LONGEST_TERM:
        section.refuse(codes.length, f"A term has {_LONGEST_TERM} characters at most.", "term")
    sounds = section.texts("soundsLike")
    if len(sounds) > _MOST_SOUNDS:
        section.refuse(codes.sounds, f"A term has {_MOST_SOUNDS} soundsLike at most.", "soundsLike")
    if weight is not None and weight not in _WEIGHTS:
        section.refuse(codes.weight, "The weight of a term is a whole number from 0 to 5.", "weight")
    heard = tuple(sound for _, sound in sounds if any(map(str.isalnum, sound)))
    return ExpectedTerm(text, heard, weight or 0)


def _scripts(section: Section, items: list[Section], codes: Codes) -> Iterator[str]:
    words = 0
    if len(items) > _MOST_SCRIPTS:
        section.refuse(codes.scripts, f"A vocabulary has {_MOST_SCRIPTS} scripts at most.", "scripts")
    for item in items:
        script = " ".join((item.text("script") or "").split())
        words += len(script.split())
        if script:
            yield script
    if words > _MOST_SCRIPT_WORDS:
        message = f"The scripts of a vocabulary have {_MOST_SCRIPT_WORDS} words at most."
        section.refuse(codes.script_words, message, "scripts")
