"""How each turn feels, and which verbs go with which nouns.

Sources: docs/how-to-guides/sentiment-by-turn.md and verb-noun.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import fmean

from spacy.tokens import Token

from callpost.analysis import sentiment
from callpost.analysis.reading import Reading, ReadTurn
from callpost.model.results import SentimentValue, SpeakerSentiment, SpeakerVerbNounPairs, VerbNounPair
from callpost.model.transcript import Transcript

_OBJECTS = frozenset({"dobj", "obj", "nsubj", "nsubjpass"})
_NEGATIONS = {"n't": "not", "n’t": "not", "not": "not", "never": "never", "nt": "not"}  # noqa: RUF001 - as written


def speaker_sentiments(transcript: Transcript) -> tuple[SpeakerSentiment, ...]:
    """Per speaker, a value for each turn: the mean of its sentences. English."""
    by_speaker: dict[str, list[SentimentValue]] = defaultdict(list)
    for turn in transcript.turns:
        scores = [sentiment.score(sentence) for sentence in sentiment.sentences(turn.text)]
        value = round(fmean(scores), 4) if scores else 0.0
        by_speaker[turn.speaker].append(SentimentValue(turn.start_ms, turn.end_ms, value))
    return tuple(SpeakerSentiment(speaker, tuple(values)) for speaker, values in by_speaker.items())


def verb_noun_pairs(reading: Reading) -> tuple[SpeakerVerbNounPairs, ...]:
    """Per speaker, verbs with their objects and subjects, as lemmas, by time. English."""
    by_speaker: dict[str, list[VerbNounPair]] = defaultdict(list)
    for read in reading.turns:
        by_speaker[read.turn.speaker].extend(_pairs(read))
    return tuple(
        SpeakerVerbNounPairs(speaker, tuple(pairs)) for speaker, pairs in by_speaker.items() if pairs
    )


def _pairs(read: ReadTurn) -> Iterator[VerbNounPair]:
    for noun in read.doc:
        is_noun = noun.pos_ in {"NOUN", "PROPN"} and noun.dep_ in _OBJECTS
        if is_noun and noun.head.pos_ == "VERB" and noun.text.isalpha() and noun.head.text.isalpha():
            yield _pair(read, noun.head, noun)


def _pair(read: ReadTurn, verb: Token, noun: Token) -> VerbNounPair:
    said = read.occurrence(min(verb.i, noun.i), max(verb.i, noun.i))
    return VerbNounPair(
        said.start_ms,
        said.end_ms,
        verb.lemma_.lower(),
        noun.lemma_.lower(),
        _negation(verb.children),
        next((child.lower_ for child in noun.children if child.lower_ in {"no", "neither", "nor"}), None),
        question=_is_question(verb),
    )


def _negation(children: Iterable[Token]) -> str | None:
    return next((_NEGATIONS.get(child.lower_, "not") for child in children if child.dep_ == "neg"), None)


def _is_question(verb: Token) -> bool:
    """A question mark ends the sentence, or an auxiliary opens it before its subject."""
    sentence = verb.sent
    return bool(sentence[-1].text == "?" or (sentence[0].pos_ == "AUX" and sentence[0].head == verb))
