"""Each section of the results as it stands in the v3 document (VbKnowledge, VbPrediction, …)."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from callpost.model.results import (
    CategoryValue,
    Classification,
    Detection,
    DetectorResult,
    Entity,
    Keyword,
    Knowledge,
    Mention,
    MetricGroupValues,
    Occurrence,
    Prediction,
    Results,
    SpeakerSentiment,
    SpeakerVerbNounPairs,
    SpottedGroup,
    Topic,
    VerbNounPair,
)

Document = dict[str, Any]
T = TypeVar("T")


def render(results: Results) -> Document:
    """The sections that were computed, apart from transcript and streams, by their wire names."""
    values = {
        "knowledge": _optional(_knowledge, results.knowledge),
        "spotting": _optional(_spotting, results.spotting),
        "prediction": _optional(_prediction, results.prediction),
        "categories": _optional(_each(_category), results.categories),
        "metrics": _optional(_each(_metric_group), results.metrics),
        "conversation": _optional(_conversation, results.verb_noun_pairs),
        "speakerSentiments": _optional(_each(_speaker_sentiment), results.speaker_sentiments),
        "entities": _optional(_each(_entity), results.entities),
    }
    return {name: value for name, value in values.items() if value is not None}


def _optional(write: Callable[[T], Any], value: T | None) -> Any:  # noqa: ANN401 - any JSON value
    return None if value is None else write(value)


def _each(write: Callable[[T], Document]) -> Callable[[Iterable[T]], list[Document]]:
    return lambda values: [write(value) for value in values]


def _knowledge(knowledge: Knowledge) -> Document:
    return {"keywords": _each(_keyword)(knowledge.keywords), "topics": _each(_topic)(knowledge.topics)}


def _keyword(keyword: Keyword) -> Document:
    mentions = _each(_mention)(keyword.mentions)
    return {"keyword": keyword.keyword, "relevance": keyword.relevance, "mentions": mentions}


def _mention(mention: Mention) -> Document:
    return {"speakerName": mention.speaker, "occurrences": _each(_occurrence)(mention.occurrences)}


def _occurrence(occurrence: Occurrence) -> Document:
    times = {"s": occurrence.start_ms, "e": occurrence.end_ms}
    return times | ({"exact": occurrence.exact} if occurrence.exact else {})


def _topic(topic: Topic) -> Document:
    return {
        "topicName": topic.name,
        "relevance": topic.relevance,
        "subTopics": [{"name": part.name, "score": part.relevance} for part in topic.subtopics],
        "keywords": _each(_keyword)(topic.keywords),
    }


def _spotting(groups: Iterable[SpottedGroup]) -> Document:
    return {"groups": _each(_spotted_group)(groups)}


def _spotted_group(group: SpottedGroup) -> Document:
    return {
        "groupName": group.name,
        "spotted": bool(group.keywords),
        "score": group.score,
        "spottedKeywords": _each(_keyword)(group.keywords),
    }


def _prediction(prediction: Prediction) -> Document:
    errors = [{"code": problem.code, "error": str(problem)} for problem in prediction.errors]
    return {
        "classifiers": _each(_classification)(prediction.classifiers),
        "detectors": _each(_detector)(prediction.detectors),
    } | ({"errors": errors} if errors else {})


def _classification(verdict: Classification) -> Document:
    """The class under both of its names: predictedClass (Swagger), predictedCategory (HTG predictions)."""
    return {
        "classifierId": verdict.classifier_id,
        "classifierName": verdict.name,
        "classifierVersion": verdict.version,
        "classifierDisplayName": verdict.display_name,
        "classifierType": verdict.type,
        "predictedClass": verdict.predicted_class,
        "predictedClassLabel": verdict.predicted_label,
        "predictedCategory": verdict.predicted_class,
        "predictedCategoryLabel": verdict.predicted_label,
        "predictionScore": verdict.score,
    }


def _detector(result: DetectorResult) -> Document:
    return {
        "detectorId": result.detector_id,
        "detectorName": result.name,
        "detectorVersion": result.version,
        "detectorDisplayName": result.display_name or result.name,
        "detectorType": "binary",
        "detections": _each(_detection)(result.detections),
    }


def _detection(detection: Detection) -> Document:
    return {
        "detectorClass": 1,
        "detectorClassLabel": detection.label,
        "detectedSegments": _each(_mention)(detection.mentions),
    }


def _category(category: CategoryValue) -> Document:
    """As docs/data-formats/media.rst has it: what was said stands with those that match only."""
    document: Document = {"categoryName": category.name, "categoryValue": category.value}
    return document | ({"categoryMatches": _each(_mention)(category.matches)} if category.value else {})


def _metric_group(group: MetricGroupValues) -> Document:
    values = [{"metricName": metric.name, "metricValue": metric.value} for metric in group.metrics]
    return {"metricGroupName": group.name, "metricValues": values}


def _conversation(speakers: Iterable[SpeakerVerbNounPairs]) -> Document:
    return {"speakerVerbNounPairs": _each(_speaker_pairs)(speakers)}


def _speaker_pairs(speaker: SpeakerVerbNounPairs) -> Document:
    return {"speakerName": speaker.speaker, "verbNounPairs": _each(_pair)(speaker.pairs)}


def _pair(pair: VerbNounPair) -> Document:
    document = {"s": pair.start_ms, "e": pair.end_ms, "verb": pair.verb, "noun": pair.noun}
    optional = {
        "verbNeg": pair.verb_negation,
        "nounNeg": pair.noun_negation,
        "question": pair.question or None,
    }
    return document | {name: value for name, value in optional.items() if value}


def _speaker_sentiment(sentiment: SpeakerSentiment) -> Document:
    values = [{"s": value.start_ms, "e": value.end_ms, "v": value.value} for value in sentiment.values]
    return {"speakerName": sentiment.speaker, "sentimentValues": values}


def _entity(entity: Entity) -> Document:
    document: Document = {"type": entity.type, "text": entity.text}
    if entity.formatted is not None:
        document["formattedText"] = entity.formatted
    document |= {"s": entity.start_ms, "e": entity.end_ms}
    if entity.cents is not None:
        whole, centi = divmod(entity.cents, 100)
        document["money"] = {"whole": whole, "centi": centi}
    return document
