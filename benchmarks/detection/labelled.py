"""Dialogues with labelled numbers: written by hand in calls.txt, and made with a fixed seed.

Markup: `{card 4111 1111}` is a number of the label "card"; `{card1 …} … {card1 …}` are pieces of one number.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from callpost.analysis.detection import luhn
from callpost.model.transcript import Transcript, Turn, Word

SENSITIVE = {"card": "PCI", "expiry": "PCI", "code": "PCI", "ssn": "SSN"}

_HAND_WRITTEN = Path(__file__).with_name("calls.txt")
_PIECE = re.compile(r"\{(\w+) ([^}]*)\}([.,?]?)|(\S+)")
_NOT_A_NUMBER = {"um", "uh", "and", "then", "slash", "january", "august", "december"} | {
    *("eh", "este", "luego", "diagonal", "de", "del", "enero", "agosto", "diciembre")
}
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = [
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

Place = tuple[int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Number:
    """A labelled number and its words."""

    label: str
    places: frozenset[Place]


@dataclass(frozen=True)
class Dialogue:
    name: str
    transcript: Transcript
    numbers: tuple[Number, ...]


def hand_written() -> list[Dialogue]:
    text = re.sub(r"^#.*$", "", _HAND_WRITTEN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    parts = re.split(r"^== (.*)$", text, flags=re.MULTILINE)[1:]
    return [read(name, lines) for name, lines in zip(parts[::2], parts[1::2], strict=True)]


def read(name: str, text: str, language: str = "en-US") -> Dialogue:
    turns: list[Turn] = []
    places: dict[str, set[Place]] = {}
    clock = 0
    for line in filter(None, map(str.strip, text.splitlines())):
        speaker, _, said = line.partition(": ")
        words: list[Word] = []
        for label, inner, tail, plain in _PIECE.findall(said):
            for word in (f"{inner}{tail}" if label else plain).split():
                if label and word.strip(".,").casefold() not in _NOT_A_NUMBER:
                    places.setdefault(label, set()).add((len(turns), len(words)))
                words.append(Word(word, clock, clock + 300, 0.9))
                clock += 350
        turns.append(Turn(speaker, int(speaker == "Caller"), tuple(words)))
        clock += 700
    numbers = tuple(Number(label.rstrip("0123456789"), frozenset(found)) for label, found in places.items())
    return Dialogue(name, Transcript(tuple(turns), language), numbers)


def made(seed: int = 20261122, each: int = 60) -> list[Dialogue]:
    """`each` dialogues of every kind below, by a fixed seed."""
    maker = _Maker(random.Random(seed))  # noqa: S311 - dialogues, not keys
    makers = (
        maker.card,
        maker.card_in_pieces,
        maker.card_without_its_name,
        maker.whole_payment,
        maker.social,
        maker.decoys,
        maker.paid_decoys,
    )
    return [read(f"{make.__name__} {number}", "\n".join(make())) for make in makers for number in range(each)]


_LINES = {
    "price": (
        "That will be forty two dollars.",
        "I can take the payment now.",
        "Let us update your payment.",
    ),
    "wallet": ("Okay, I have it here.", "One moment, let me get my wallet.", "Sure."),
    "card": (
        "Can I have the card number?",
        "What is the number on the front of the card?",
        "Please read me the long card number.",
        "Go ahead with the credit card number whenever you are ready.",
        "Which card would you like to use, and what is the number?",
        "I am ready for the sixteen digits.",
        "And the debit card, please.",
    ),
    "method": ("How would you like to pay for that?", "Which payment method?"),
    "network": ("With my Visa.", "Mastercard, please.", "On my credit card.", "Amex."),
    "wait": ("Perfect. Let me open the form, that takes a second.", "All right, one moment."),
    "waiting": ("No problem at all, take your time.", "Sure, the kids are loud today, sorry."),
    "ready": ("Okay, I am ready.", "Go ahead with the number.", "Please read me the number."),
    "expiry": (
        "And the expiration date?",
        "When does it expire?",
        "Expiry?",
        "And what is the expiration on that?",
    ),
    "code": (
        "And the security code?",
        "And the three digits on the back?",
        "CVV?",
        "What is the three digit code on the back of the card?",
    ),
    "social": (
        "Can I have your social security number?",
        "Your social, please.",
        "For security, what is your social security number?",
        "I need the SSN of the account holder.",
    ),
    "spoken of": ("Will you pay by card today?", "I see you have a Visa on file.", "Your card was declined."),
    "not now": ("Yes, that is fine.", "Okay, I will use another way.", "Let me think about it for a moment."),
}


_DECOYS = {
    "phone": ("What is the best phone number to reach you?", 10),
    "callback": ("Can I call you back at this number?", 10),
    "order": ("What is your order number?", 12),
    "longorder": ("What is the order number?", 16),
    "tracking": ("Do you have the tracking number?", 20),
    "account": ("And your account number?", 10),
    "longaccount": ("Could I have the account number?", 14),
    "confirmation": ("What was the confirmation number?", 8),
    "zip": ("And the zip code?", 5),
    "policy": ("Your policy number, please.", 13),
    "serial": ("Please read me the serial number of the device.", 15),
    "member": ("And your member number?", 16),
    "reference": ("What is the reference number on the letter?", 12),
    "invoice": ("Which invoice number is it?", 9),
    "birth": ("And your date of birth?", 8),
    "meter": ("Can you read me the meter?", 6),
    "case": ("Do you have a case number?", 9),
    "pin": ("Which pin code did you choose?", 4),
}


class Talk:
    """Lines of dialogues around numbers, in whatever language. networks: how cards begin, and their lengths.

    lines: what is said, by kind. questions: those that ask for numbers of no card, and their lengths.
    """

    lines: Mapping[str, Sequence[str]]
    questions: Mapping[str, tuple[str, int]]
    networks: Sequence[tuple[str, int]]

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def answer(self, label: str, said: str) -> str:
        raise NotImplementedError

    def said(self, number: str) -> str:
        """In one of the ways people say digits and recognisers write them."""
        raise NotImplementedError

    def digits(self, length: int) -> str:
        raise NotImplementedError

    def line(self, speaker: str, kind: str) -> str:
        return f"{speaker}: {self.pick(*self.lines[kind])}"

    def asked(self, kind: str, before: str = "") -> Iterator[str]:
        """One of the numbers of no card."""
        question, length = self.questions[kind]
        yield f"Agent: {before}{question}"
        yield self.answer(kind, self.said(self.digits(length)))

    def decoys(self) -> Iterator[str]:
        """Two numbers of no card."""
        for kind in self.chance.sample(sorted(self.questions), 2):
            yield from self.asked(kind)

    def pan(self) -> str:
        """A number with a right check digit, of one of the networks."""
        prefix, length = self.pick(*self.networks)
        body = prefix + self.digits(length - len(prefix) - 1)
        return next(body + digit for digit in "0123456789" if luhn(body + digit))

    def pick(self, *values: T) -> T:
        return self.chance.choice(values)


class _Maker(Talk):
    """In English, said in many ways."""

    lines = _LINES
    questions = _DECOYS
    networks = (("4", 16), ("5412", 16), ("3782", 15), ("6011", 16), ("2221", 16))

    def answer(self, label: str, said: str) -> str:
        lead = self.pick("", "", "It's ", "Sure, it's ", "Okay so it is ", "Um, ", "Yeah, ", "Let me see, ")
        return f"Caller: {lead}{{{label} {said}}}{self.pick('', '', ' okay', ' got that', ' and that is it')}"

    def card(self) -> Iterator[str]:
        """A card number in one turn, sometimes as a recogniser garbles it."""
        if self.chance.random() < 0.5:
            yield self.line("Agent", "price")
            yield self.line("Caller", "wallet")
        yield self.line("Agent", "card")
        yield self.answer("card1", self.said(self.garbled(self.pan())))
        yield "Agent: Thank you."

    def card_in_pieces(self) -> Iterator[str]:
        """A card number over several turns, with echoes, nods and corrections."""
        yield self.line("Agent", "card")
        number = self.pan()
        for group in (number[place : place + 4] for place in range(0, len(number), 4)):
            slip = ""
            if self.chance.random() < 0.2:
                slip = f"{{card1 {self.said(group[:2])}}} {self.pick('no sorry', 'um wait', 'uh')} "
            yield f"Caller: {slip}{{card1 {self.said(group)}}}"
            echo = f"{{card1 {self.said(group)}}}"
            yield f"Agent: {self.pick('okay', 'mhm', 'yes', 'go ahead', echo, 'uh-huh next')}"

    def card_without_its_name(self) -> Iterator[str]:
        """The number is asked for long after the card was named, with other talk between."""
        yield self.line("Agent", "method")
        yield self.line("Caller", "network")
        yield self.line("Agent", "wait")
        yield self.line("Caller", "waiting")
        yield self.line("Agent", "ready")
        yield self.answer("card1", self.said(self.garbled(self.pan())))

    def whole_payment(self) -> Iterator[str]:
        """A card with its date and code, then a number of something else."""
        yield self.line("Agent", "card")
        yield self.answer("card1", self.said(self.pan()))
        yield self.line("Agent", "expiry")
        yield self.answer("expiry1", self.date(self.chance.randint(1, 12), self.chance.randint(26, 34)))
        yield self.line("Agent", "code")
        yield self.answer("code1", self.said(self.digits(3)))
        yield from self.asked(
            self.pick("phone", "confirmation", "zip", "order"), "Thanks, that went through. "
        )

    def social(self) -> Iterator[str]:
        yield self.line("Agent", "social")
        number = self.digits(9)
        parts = (number[:3], number[3:5], number[5:])
        spelled = " ".join(self.spell(part) for part in parts)
        yield self.answer("ssn1", self.pick("-".join(parts), spelled, self.said(number)))

    def paid_decoys(self) -> Iterator[str]:
        """Numbers of no card in a call in which a card is spoken of."""
        yield self.line("Agent", "spoken of")
        yield self.line("Caller", "not now")
        dollars, cents = self.chance.randint(2, 99), self.chance.randint(2, 99)
        yield f"Agent: That comes to {{amount {dollars} dollars and {cents} cents}}."
        yield from self.asked(self.pick(*sorted(_DECOYS)), "Before we go on, ")

    def garbled(self, number: str) -> str:
        """One number in three as a recogniser gets it wrong: a digit twice, one lost, a group repeated."""
        if self.chance.random() > 1 / 3:
            return number
        place = self.chance.randrange(1, len(number) - 1)
        return self.pick(
            number[:place] + number[place] + number[place:],
            number[:place] + number[place + 1 :],
            number[:place] + number[max(place - 4, 0) : place] + number[place:],
        )

    def said(self, number: str) -> str:
        groups = [number[place : place + 4] for place in range(0, len(number), 4)]
        ways = (
            lambda: self.spell(number),
            lambda: ", ".join(self.spell(group) for group in groups),
            lambda: " ".join(groups),
            lambda: "-".join(groups),
            lambda: number,
            lambda: self.in_pairs(number),
            lambda: self.with_repeats(number),
            lambda: f" {self.pick('um', 'uh', 'and then')} ".join(self.spell(group) for group in groups),
        )
        return self.chance.choice(ways)()

    def spell(self, number: str) -> str:
        oh = self.chance.random() < 0.5
        return " ".join("oh" if digit == "0" and oh else _DIGITS[int(digit)] for digit in number)

    def in_pairs(self, number: str) -> str:
        """forty one eleven oh five"""
        return " ".join(self.pair(number[place : place + 2]) for place in range(0, len(number), 2))

    def pair(self, digits: str) -> str:
        if len(digits) == 1 or digits[0] == "0":
            return " ".join(_DIGITS[int(digit)] for digit in digits)
        if digits[0] == "1":
            return _TEENS[int(digits[1])]
        return f"{_TENS[int(digits[0])]} {_DIGITS[int(digits[1])] if digits[1] != '0' else ''}".strip()

    def with_repeats(self, number: str) -> str:
        """double five, triple one"""
        runs = re.findall(r"((\d)\2{0,2})", number)
        names = {1: "", 2: "double ", 3: "triple "}
        return " ".join(f"{names[len(run)]}{_DIGITS[int(digit)]}" for run, digit in runs)

    def date(self, month: int, year: int) -> str:
        return self.pick(
            f"{month:02}/{year}",
            f"{month:02} {year}",
            f"{month:02}/20{year}",
            f"{self.spell(f'{month:02}')} {self.pair(str(year))}",
            f"{self.pair(f'{month:02}')} twenty {self.pair(str(year))}",
            f"{self.spell(f'{month:02}')} slash {self.spell(str(year))}",
        )

    def digits(self, length: int) -> str:
        return str(self.chance.randint(1, 9)) + "".join(
            str(self.chance.randint(0, 9)) for _ in range(length - 1)
        )
