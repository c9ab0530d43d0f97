"""Text as it is said, so that "$89.50" and "eighty nine dollars and fifty cents" count as the same words.

Whether a number was meant as an amount, a year or a row of digits is guessed from its look.
Plurals of "dollar", ordinals ("March 3" for "March third") and British spelling make no difference.
"""

import re

_UNITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
_UNITS += ["twelve", *(f"{stem}teen" for stem in ("thir", "four", "fif", "six", "seven", "eigh", "nine"))]
_TENS = ["", "", "twenty", *(f"{stem}ty" for stem in ("thir", "for", "fif", "six", "seven", "eigh", "nine"))]
_IRREGULAR = {"first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight"}
_IRREGULAR |= {"ninth": "nine", "twelfth": "twelve", "twentieth": "twenty", "thirtieth": "thirty"}
_CARDINALS = _IRREGULAR | {f"{word}th": word for word in _UNITS}
_ALIKE = {
    "i'm": "i am",
    "you're": "you are",
    "that's": "that is",
    "it's": "it is",
    "dollars": "dollar",
    "cents": "cent",
    "cancelling": "canceling",
}


def spoken(text: str) -> str:
    """Lower case, no punctuation, numbers in words: amounts as amounts, longer strings digit by digit."""
    text = re.sub(r"\$(\d+)(?:\.(\d\d))?", _amount, text.lower())
    text = re.sub(r"(?<![\d-])(\d)-(\d)(?![\d-])", r"\1 to \2", text)
    text = re.sub(r"(\d)[-,. ](?=\d)", r"\1", text)
    words = re.findall(r"[a-z']+|\d+", re.sub(r"(\d)(?:st|nd|rd|th)\b", r"\1", text))
    return " ".join(_one(word) for word in words)


def _amount(found: re.Match[str]) -> str:
    cents = f" and {_number(int(found[2]))} cents" if found[2] else ""
    return f" {_number(int(found[1]))} dollars{cents} "


def _one(word: str) -> str:
    if not word.isdigit():
        return _ALIKE.get(word) or _CARDINALS.get(word, word)
    if re.fullmatch(r"19[1-9]\d|20[1-9]\d", word):
        return f"{_number(int(word[:2]))} {_number(int(word[2:]))}"
    if len(word) > 2:
        return " ".join(_UNITS[int(digit)] for digit in word)
    return _number(int(word))


def _number(number: int) -> str:
    """0 to 99,999 in words."""
    if number < len(_UNITS):
        return _UNITS[number]
    for size, name in ((1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = _number(number % size) if number % size else ""
            return f"{_number(number // size)} {name} {rest}".strip()
    return f"{_TENS[number // 10]} {_UNITS[number % 10] if number % 10 else ''}".strip()
