"""How sentences feel, -1 to 1: VADER (Hutto and Gilbert, 2014), with the words of the trade set right.

VADER was made for social media: there "help", "please" or "like" are praise, and "frustrated" is next to
nothing.
"""

import re
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

_TRADE = {
    -2.5: "frustrated frustrating frustration unacceptable ridiculous outrageous incompetent scam rude",
    -1.9: "overcharged overcharge complaint complain unhelpful defective wrong broken",
    -1.3: "outage disconnected slow late error errors lawyer",
    -0.7: "issue issues cancel cancelling canceling cancelled dropped nobody waiting supervisor fed blocked",
    -0.3: "sorry apologize charge charged charges cut refund again still stop block debt",
    0.0: """like well pretty kind security care no yeah share interest dear account number number's hand
        certain matter confirm active want hold join pay please yes okay ok sure alright important""",
    0.3: "help credit free value save clear agree friend fine interested",
    0.8: "thank thanks welcome quick",
    1.4: "good perfect fixed solved resolved painless",
    1.9: "great appreciate helpful satisfied",
    2.5: "wonderful fantastic awesome brilliant",
}

_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def sentences(text: str) -> list[str]:
    """A turn's sentences, by the punctuation of the recogniser."""
    return [sentence for sentence in _SENTENCE.split(text) if sentence]


def score(sentence: str) -> float:
    """-1 very negative, 0 neutral, 1 very positive. English."""
    return float(_analyzer().polarity_scores(sentence)["compound"])


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    analyzer = SentimentIntensityAnalyzer()
    analyzer.lexicon.update({word: value for value, words in _TRADE.items() for word in words.split()})
    return analyzer
