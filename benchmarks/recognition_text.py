"""Text as it is said, so that "$89.50" and "eighty nine dollars and fifty cents" count as the same words."""

import re

_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
_UNITS += ["twelve", *(f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine"))]
_TENS = ["", "", "twenty", *(f"{stem}ty" for stem in ("thir", "for", "fif", "six", "seven", "eigh", "nine"))]
_ORDINALS = {
    "1st": "first",
    "2nd": "second",
    "3rd": "third",
    "5th": "fifth",
    "8th": "eighth",
    "12th": "twelfth",
}
_SHORT = {"i'm": "i am", "you're": "you are", "that's": "that is", "it's": "it is"}


def spoken(text: str) -> str:
    """Lower case, no punctuation, numbers in words: amounts as amounts, longer strings digit by digit."""
    text = re.sub(r"\$(\d+)\.(\d\d)", r"\1 dollars and \2 cents", text.lower())
    text = re.sub(r"\$(\d+)", r"\1 dollars", text)
    text = re.sub(r"(\d)[-,. ](?=\d)", r"\1", text)
    words = re.findall(r"[a-z']+|\d+[a-z]*", text)
    return " ".join(_one(word) for word in words)


def _one(word: str) -> str:
    if word in _ORDINALS or word in _SHORT:
        return _ORDINALS.get(word) or _SHORT[word]
    if not word.isdigit():
        return word
    number = int(word)
    if len(word) > 2:
        return " ".join(_UNITS[int(digit)] for digit in word)
    if number < len(_UNITS):
        return _UNITS[number]
    return f"{_TENS[number // 10]} {_UNITS[number % 10] if number % 10 else ''}".strip()
