"""Spanish dialogues with labelled numbers, made with a fixed seed; see `labelled`."""

import random
from collections.abc import Callable, Iterator

from benchmarks.detection.labelled import Dialogue, Talk, read

_UNITS = ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
_TEENS = (
    *("diez", "once", "doce", "trece", "catorce", "quince", "dieciséis", "diecisiete", "dieciocho"),
    *("diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés", "veinticuatro", "veinticinco"),
    *("veintiséis", "veintisiete", "veintiocho", "veintinueve"),
)
_TENS = ("treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa")
SPANISH_WORDS = frozenset((*_UNITS, *_TEENS, *_TENS))
_MONTHS = ("enero", "agosto", "diciembre")

_LINES = {
    "card": (
        "¿Me puede dar el número de la tarjeta?",
        "¿Cuál es el número que aparece al frente de la tarjeta?",
        "Dígame el número de su tarjeta de crédito cuando quiera.",
        "Estoy lista para los dieciséis dígitos.",
        "Y el número de la tarjeta de débito, por favor.",
    ),
    "price": ("Serían cuarenta y dos dólares.", "Puedo tomar el pago ahora.", "Vamos a actualizar su pago."),
    "wallet": ("Permítame buscar mi cartera.", "Un momento.", "Claro."),
    "expiry": ("¿Y la fecha de vencimiento?", "¿Cuándo vence?", "¿Y la fecha de expiración?"),
    "code": (
        "¿Y el código de seguridad?",
        "¿Y los tres dígitos de atrás?",
        "¿El CVV?",
        "¿Cuál es el código de seguridad de la tarjeta?",
    ),
    "social": (
        "¿Me da su número de seguro social?",
        "Su número de seguridad social, por favor.",
        "Por seguridad, ¿cuál es su número de seguro social?",
    ),
    "spoken of": (
        "¿Va a pagar con tarjeta hoy?",
        "Veo que tiene una Visa en su perfil.",
        "Su tarjeta fue rechazada.",
    ),
    "not now": ("Sí, está bien.", "No, voy a pagar de otra manera.", "Déjeme pensarlo un momento."),
    "nod": ("ajá", "sí", "okay", "adelante", "perfecto"),
    "slip": ("no perdón", "eh espere", "digo"),
}
_DECOYS = {
    "phone": ("¿A qué teléfono lo puedo llamar?", 10),
    "order": ("¿Cuál es el número de pedido?", 8),
    "account": ("¿Me da el número de cuenta?", 10),
    "confirmation": ("¿Tiene el número de confirmación?", 6),
    "tracking": ("¿Cuál es el número de rastreo?", 12),
    "policy": ("Necesito el número de póliza.", 9),
    "zip": ("¿Su código postal?", 5),
    "birth": ("¿Cuál es su fecha de nacimiento?", 8),
    "serial": ("¿Y el número de serie del equipo?", 11),
}


def made_spanish(seed: int = 20261122, each: int = 60) -> list[Dialogue]:
    """`each` dialogues of every kind: 300 numbers and 360 decoys where it is 60."""
    maker = _Maker(random.Random(seed))  # noqa: S311 - dialogues, not keys
    makers: tuple[Callable[[], Iterator[str]], ...] = (
        maker.card,
        maker.card_in_pieces,
        maker.whole_payment,
        maker.social,
        maker.decoys,
        maker.paid_decoys,
    )
    return [
        read(f"{make.__name__} {number}", "\n".join(make()), "es-US")
        for make in makers
        for number in range(each)
    ]


class _Maker(Talk):
    """In Spanish, said in many ways."""

    lines = _LINES
    questions = _DECOYS
    networks = (("4", 16), ("5412", 16), ("3782", 15), ("6011", 16))

    def answer(self, label: str, said: str) -> str:
        lead = self.pick("", "", "Es ", "Sí, es ", "Claro, es el ", "Eh, ", "A ver, ")
        return (
            f"Caller: {lead}{{{label} {said}}}{self.pick('', '', ' okay', ' ¿lo tiene?', ' y eso es todo')}"
        )

    def card(self) -> Iterator[str]:
        if self.chance.random() < 0.5:
            yield self.line("Agent", "price")
            yield self.line("Caller", "wallet")
        yield self.line("Agent", "card")
        yield self.answer("card1", self.said(self.pan()))
        yield "Agent: Gracias."

    def card_in_pieces(self) -> Iterator[str]:
        yield self.line("Agent", "card")
        number = self.pan()
        for group in (number[place : place + 4] for place in range(0, len(number), 4)):
            slip = (
                f"{{card1 {self.said(group[:2])}}} {self.pick(*_LINES['slip'])} "
                if self.chance.random() < 0.2
                else ""
            )
            yield f"Caller: {slip}{{card1 {self.said(group)}}}"
            echo = f"{{card1 {self.said(group)}}}"
            yield f"Agent: {self.pick(*_LINES['nod'], echo)}"

    def whole_payment(self) -> Iterator[str]:
        yield self.line("Agent", "card")
        yield self.answer("card1", self.said(self.pan()))
        yield self.line("Agent", "expiry")
        yield self.answer("expiry1", self.date(self.chance.randint(1, 12), self.chance.randint(26, 34)))
        yield self.line("Agent", "code")
        yield self.answer("code1", self.spell(self.digits(3)))
        yield from self.asked(self.pick("phone", "confirmation", "zip", "order"), "Gracias, ya pasó. ")

    def social(self) -> Iterator[str]:
        yield self.line("Agent", "social")
        number = self.digits(9)
        parts = (number[:3], number[3:5], number[5:])
        yield self.answer("ssn1", self.pick("-".join(parts), " ".join(self.spell(part) for part in parts)))

    def paid_decoys(self) -> Iterator[str]:
        yield self.line("Agent", "spoken of")
        yield self.line("Caller", "not now")
        dollars, cents = self.chance.randint(2, 99), self.chance.randint(2, 99)
        yield f"Agent: Son {{amount {self.small(dollars)} dólares con {self.small(cents)} centavos}}."
        yield from self.asked(self.pick(*sorted(_DECOYS)), "Antes de seguir, ")

    def said(self, number: str) -> str:
        groups = [number[place : place + 4] for place in range(0, len(number), 4)]
        ways = (
            lambda: self.spell(number),
            lambda: ", ".join(self.spell(group) for group in groups),
            lambda: " ".join(groups),
            lambda: "-".join(groups),
            lambda: self.pairs(number),
            lambda: self.pairs(number),
            lambda: self.doubled(number),
            lambda: " eh ".join(self.spell(group) for group in groups),
        )
        return self.pick(*ways)()

    def spell(self, number: str) -> str:
        return " ".join(_UNITS[int(digit)] for digit in number)

    def pairs(self, number: str) -> str:
        """cuarenta y cinco treinta y nueve; a zero is said by itself."""
        said, place = [], 0
        while place < len(number):
            pair = number[place : place + 2]
            if len(pair) == 2 and pair[0] != "0":
                said.append(self.small(int(pair)))
                place += 2
            else:
                said.append(_UNITS[int(pair[0])])
                place += 1
        return " ".join(said)

    def small(self, value: int) -> str:
        """Below a hundred."""
        if value < 10:
            return _UNITS[value]
        if value < 30:
            return _TEENS[value - 10]
        tens, unit = divmod(value, 10)
        return _TENS[tens - 3] + (f" y {_UNITS[unit]}" if unit else "")

    def doubled(self, number: str) -> str:
        said, place = [], 0
        while place < len(number):
            if number[place : place + 2] == 2 * number[place]:
                said.append(f"doble {_UNITS[int(number[place])]}")
                place += 2
            else:
                said.append(_UNITS[int(number[place])])
                place += 1
        return " ".join(said)

    def date(self, month: int, year: int) -> str:
        return self.pick(
            f"{month:02}/{year}",
            f"{self.spell(f'{month:02}')} {self.small(year)}",
            f"{self.pick(*_MONTHS)} de dos mil {self.small(year)}",
            f"{self.pick(*_MONTHS)} del {self.small(year)}",
            f"{self.small(month)} diagonal {self.small(year)}",
        )

    def digits(self, length: int) -> str:
        return "".join(self.chance.choices("0123456789", k=length))
