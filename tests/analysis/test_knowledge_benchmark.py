"""The floor under the keywords' quality; `python -m benchmarks.knowledge.measure` prints the figures."""

from benchmarks.knowledge.measure import by_frequency, by_relevance, scores


def test_keywords_are_better_than_the_most_frequent_nouns() -> None:
    precision, recall = scores(by_relevance)
    counted_precision, counted_recall = scores(by_frequency)
    assert precision >= 0.7
    assert recall >= 0.7
    assert precision > counted_precision + 0.15
    assert recall > counted_recall + 0.15
