"""Keywords, key phrases and topics: what the conversation is about.

Source: docs/how-to-guides/keywords-and-topics.md. Candidates are the noun phrases, matched by their lemmas,
and the verbs of the trade ("cancel"); how relevant one is follows from how often it is said in its own right
(the C-value of Frantzi, Ananiadou and Mima, 2000), by how many, how early, and how specific its words are.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spacy.tokens import Span, Token

from callpost.analysis.lexicon import COMMON_NOUNS, HESITATIONS, MONTH_WORDS, NODS, WEEKDAYS, words
from callpost.analysis.reading import Reading, ReadTurn
from callpost.analysis.taxonomy import TOPICS
from callpost.model.results import Keyword, Knowledge, Mention, Occurrence, Subtopic, Topic

_LONGEST_PHRASE = 4
_SATURATION = 2.5

_COMMON = HESITATIONS | NODS | MONTH_WORDS | WEEKDAYS | COMMON_NOUNS
_CONTENT = frozenset({"NOUN", "PROPN", "ADJ"})
_VAGUE_ADJECTIVES = words(
    """good great nice new old other same last next first second different many much more most few little
    own sure able right wrong bad big whole certain possible happy sorry glad full several such any extra late
    additional actual entire regular normal usual particular single"""
)

Key = tuple[str, ...]


@dataclass(slots=True)
class _Candidate:
    """A phrase by its lemmas: where it is said, and how often only as a part of a longer one."""

    key: Key
    places: list[tuple[ReadTurn, int, int]] = field(default_factory=list)
    forms: Counter[str] = field(default_factory=Counter)
    proper: int = 0

    @property
    def count(self) -> int:
        return len(self.places)

    @property
    def display(self) -> str:
        return min(self.forms, key=lambda form: (-self.forms[form], form))


def knowledge(reading: Reading) -> Knowledge:
    """Keywords by relevance, the most relevant first, and the topics they make up. English."""
    candidates = _candidates(reading.turns)
    scores = _scores(candidates, reading.turns)
    said = sum(len(read.turn.words) for read in reading.turns)
    best = sorted(scores, key=lambda key: (-scores[key], key))[: max(12, min(50, said // 10))]
    keywords = {key: _keyword(candidates[key], scores[key]) for key in best}
    return Knowledge(tuple(keywords.values()), tuple(_topics(keywords)))


def _candidates(turns: Sequence[ReadTurn]) -> dict[Key, _Candidate]:
    """Every phrase that is a noun phrase, or the end of one, somewhere; with all its places."""
    found: dict[Key, _Candidate] = {}
    for read in turns:
        spans = [span for chunk in read.doc.noun_chunks for span in _phrases(chunk)]
        for span in spans + [read.doc[token.i : token.i + 1] for token in read.doc if _is_trade_verb(token)]:
            key = tuple(_lemma(token) for token in span)
            candidate = found.setdefault(key, _Candidate(key))
            candidate.places.append((read, span.start, span.end - 1))
            candidate.forms[_form(span)] += 1
            candidate.proper += span[-1].pos_ == "PROPN"
    return found


def _phrases(chunk: Span) -> Iterator[Span]:
    """The phrase without its determiners, and every shorter one that ends with the same noun."""
    if chunk.root.pos_ not in {"NOUN", "PROPN"} or not _is_word(chunk.root):
        return
    end = chunk.root.i + 1
    first = end - 1
    while first > chunk.start and _modifies(chunk.doc[first - 1]):
        first -= 1
    first = max(first, end - _LONGEST_PHRASE)
    for start in range(first, end):
        if chunk.doc[start].pos_ != "ADJ" or chunk.doc[start].lower_ not in _VAGUE_ADJECTIVES:
            yield chunk.doc[start:end]


def _is_trade_verb(token: Token) -> bool:
    """cancel, upgrade, refund, …"""
    return token.pos_ == "VERB" and token.lemma_.lower() in _TOPIC_OF


def _modifies(token: Token) -> bool:
    return token.pos_ in _CONTENT and _is_word(token) and token.lower_ not in _VAGUE_ADJECTIVES


def _is_word(token: Token) -> bool:
    letters = token.text.replace("-", "").replace("'", "")
    return letters.isalpha() and len(letters) > 1 and not token.is_stop and token.ent_type_ not in _UNWANTED


_UNWANTED = frozenset({"PERSON", "DATE", "TIME", "CARDINAL", "ORDINAL", "MONEY", "PERCENT", "QUANTITY"})


def _lemma(token: Token) -> str:
    return str(token.text if token.pos_ == "PROPN" else token.lemma_).lower()


def _form(span: Span) -> str:
    if span.root.pos_ == "VERB":
        return str(span.root.lemma_).lower()
    return " ".join(token.text if token.pos_ == "PROPN" else token.text.lower() for token in span)


def _scores(candidates: Mapping[Key, _Candidate], turns: Sequence[ReadTurn]) -> dict[Key, float]:
    """By the phrases that are said in their own right; positive ones only."""
    containers = _containers(candidates)
    length = max((read.turn.end_ms for read in turns), default=1) or 1
    scores = {
        key: _termhood(candidate, containers[key]) * _weight(candidate, turns[0], length)
        for key, candidate in candidates.items()
    }
    return {key: score for key, score in scores.items() if score > 0}


def _containers(candidates: Mapping[Key, _Candidate]) -> dict[Key, list[_Candidate]]:
    """The longer phrases that end with each phrase."""
    longer: dict[Key, list[_Candidate]] = defaultdict(list)
    for key, candidate in candidates.items():
        for start in range(1, len(key)):
            longer[key[start:]].append(candidate)
    return longer


def _termhood(candidate: _Candidate, containers: Sequence[_Candidate]) -> float:
    """C-value: the count less the mean count of the longer phrases, weighed by the number of words.

    Nothing where the phrase never stands by itself, or consists of words of every call.
    """
    if candidate.key[-1] == "number" or all(part in _COMMON for part in candidate.key):
        return 0.0
    if any(longer.count == candidate.count for longer in containers):
        return 0.0
    nested = sum(longer.count for longer in containers) / len(containers) if containers else 0.0
    return math.log2(len(candidate.key) + 1) * math.log2(candidate.count - nested + 1)


def _weight(candidate: _Candidate, opening: ReadTurn, length_ms: int) -> float:
    """Said by both speakers, early, and in specific words: more."""
    speakers = {read.turn.speaker for read, _, _ in candidate.places}
    read, first, _ = candidate.places[0]
    early = 1 - read.turn.words[read.word_of[first]].start_ms / length_ms
    specific = sum(part not in _COMMON for part in candidate.key) / len(candidate.key)
    known = 1.5 if _TOPIC_OF.get("_".join(candidate.key)) or _TOPIC_OF.get(candidate.key[-1]) else 1.0
    proper = 1.2 if candidate.proper * 2 > candidate.count else 1.0
    if proper > 1 and all(place[0] is opening for place in candidate.places):
        proper = 0.4  # the company's own name, in its greeting
    return specific * known * proper * (1 + 0.25 * early) * (1.25 if len(speakers) > 1 else 1.0)


def _keyword(candidate: _Candidate, score: float) -> Keyword:
    by_speaker: dict[str, list[Occurrence]] = defaultdict(list)
    for read, first, last in candidate.places:
        by_speaker[read.turn.speaker].append(read.occurrence(first, last))
    mentions = tuple(
        Mention(speaker, tuple(sorted(found, key=lambda occurrence: occurrence.start_ms)))
        for speaker, found in by_speaker.items()
    )
    return Keyword(candidate.display, round(score / (score + _SATURATION), 3), mentions)


_TOPIC_OF: dict[str, tuple[str, str]] = {
    word: (topic, part)
    for topic, parts in reversed(TOPICS.items())
    for part, lemmas in parts.items()
    for word in lemmas.split()
}


def _topics(keywords: Mapping[Key, Keyword]) -> Iterator[Topic]:
    """Topics of the taxonomy first, then those that keywords make by sharing a word; by relevance."""
    grouped: dict[str, dict[str, list[Keyword]]] = defaultdict(lambda: defaultdict(list))
    for key, keyword in keywords.items():
        topic, part = _topic_of(key, keywords)
        if topic:
            grouped[topic][part].append(keyword)
    topics = [_topic(name, parts) for name, parts in grouped.items()]
    yield from sorted(topics, key=lambda topic: (-len(topic.keywords) * topic.relevance, topic.name))


def _topic_of(key: Key, keywords: Mapping[Key, Keyword]) -> tuple[str, str]:
    for name in ("_".join(key), *reversed(key)):
        if name in _TOPIC_OF:
            return _TOPIC_OF[name]
    for part in reversed(key):
        if sum(part in other for other in keywords) > 1 and part not in _COMMON:
            return part.capitalize(), ""
    return "", ""


def _topic(name: str, parts: Mapping[str, Sequence[Keyword]]) -> Topic:
    """The documentation: a topic's relevance is the average of its keywords'."""
    keywords = sorted((k for part in parts.values() for k in part), key=lambda k: -k.relevance)
    subtopics = [Subtopic(part, _mean(members)) for part, members in parts.items() if part]
    subtopics.sort(key=lambda subtopic: -subtopic.relevance)
    return Topic(name, _mean(keywords), tuple(subtopics), tuple(keywords))


def _mean(keywords: Sequence[Keyword]) -> float:
    return round(sum(keyword.relevance for keyword in keywords) / len(keywords), 3)
