"""How a word sounds, as a short text: words that a listener may take for each other have like texts.

The rules are English ones, with the letters of names from elsewhere (Slavic cz and sz, Indian bh and dh) as
English speakers say them. Metaphone (Philips 1990) has such rules too, but drops the vowels, and with them
how many syllables there are; and Szczepanski begins with its S, S, K.
"""

import re
import unicodedata

_SPELLINGS = (  # in this order
    ("(?<=[^aeiouy])e$", ""),
    ("tsch|szcz|shch|sch|tch|dzh|sz|cz|sh|ch|zh|dj|[st]i(?=[ao])", "S"),
    ("xi(?=[ao])|^x", "z"),
    ("ough(?=t)|augh(?=t)", "o"),
    ("gh(?=[bcdfgklmnpqrstvwz])|gh$", ""),
    ("ph", "f"),
    ("([bdgkrtw])h", r"\1"),
    ("^kn|^gn|^pn", "n"),
    ("^wr", "r"),
    ("^ps", "s"),
    ("mb$", "m"),
    ("ck", "k"),
    ("x", "ks"),
    ("qu", "kw"),
    ("c(?=[eiy])", "s"),
    ("[cq]", "k"),
    ("g(?=[eiy])|j", "S"),
    ("y(?=[aeiou])", "j"),
    ("w(?![aeiouy])|(?<=[aeiou])h", ""),
)
_RULES = tuple((re.compile(spelling), sound) for spelling, sound in _SPELLINGS)
_VOWELS = re.compile("[aeiouy]+")
_DOUBLED = re.compile(r"(.)\1+")
_UNVOICED = str.maketrans("bdgvz", "ptkfs")
_MANNERS = {"ptk": "T", "fsSh": "F", "mn": "N", "lrwj": "L"}  # stops, fricatives, nasals, approximants
_WITH_MANNER = str.maketrans({one: manner + one for ones, manner in _MANNERS.items() for one in ones})


def letters(text: str) -> str:
    """The letters and figures of a text, small ones, without accents, blanks and marks."""
    return "".join(one for one in unicodedata.normalize("NFKD", text.lower()) if one.isalnum())


def sound(text: str) -> str:
    """Two characters for each consonant, its manner and its place, and an `a` for each row of vowels.

    Voiced consonants are written as unvoiced ones (b as p). What is taken for each other most easily, two
    stops or two nasals, so has half in common, and a syllable more or less counts as half a consonant.
    """
    for rule, by in _RULES:
        text = rule.sub(by, text)
    text = _VOWELS.sub("a", text).translate(_UNVOICED)
    return _DOUBLED.sub(r"\1", text).translate(_WITH_MANNER)
