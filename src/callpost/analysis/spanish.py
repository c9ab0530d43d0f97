"""Numbers in Spanish speech, and the words around them: what the detectors -Spanish look at.

As `numbers`, for "cuatro cinco", "treinta y dos", "veintidós", "quinientos", "dos mil veintisiete", "doble
cuatro". Words are compared without accents: recognisers leave them out, and callers' accents differ.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from callpost.analysis import numbers
from callpost.analysis.cue_phrases import Subject
from callpost.analysis.lexicon import words
from callpost.analysis.numbers import Kind, Numeral

_UNITS = {word: value for value, word in enumerate(
    ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"))
}  # fmt: skip
_ARTICLES = {"un": 1, "una": 1}
_TEENS = {word: value for value, word in enumerate(
    ("diez", "once", "doce", "trece", "catorce", "quince", "dieciseis", "diecisiete", "dieciocho",
     "diecinueve", "veinte", "veintiuno", "veintidos", "veintitres", "veinticuatro", "veinticinco",
     "veintiseis", "veintisiete", "veintiocho", "veintinueve"), start=10)
} | {"veintiun": 21, "veintiuna": 21}  # fmt: skip
_TENS = {"diez": 10, "veinte": 20} | {word: 10 * value for value, word in enumerate(
    ("treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"), start=3)
}  # fmt: skip
_HUNDREDS = {"cien": 100, "ciento": 100, "quinientos": 500, "setecientos": 700, "novecientos": 900} | {
    f"{unit}cientos": 100 * value
    for unit, value in (("dos", 2), ("tres", 3), ("cuatro", 4), ("seis", 6), ("ocho", 8))
}
_SCALES = {"mil": 1_000, "millon": 1_000_000, "millones": 1_000_000}
_REPEATS = {"doble": 2, "triple": 3, "cuadruple": 4}
_MONEY = words("dolar dolares peso pesos euro euros centavo centavos centimo centimos sol soles libras")
_MEASURES = words(
    """por dias dia semanas semana meses mes anos ano horas hora minutos minuto segundos veces vez personas
    digitos digito cuotas pagos kilometros metros kilos gigas megas puntos grados ciento"""
) - {"por", "ciento"}

MONTHS = words(
    "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"
)

TOLERATED = words(
    """eh em este mm mhm aja uh um si ok okay bueno claro perfecto listo gracias vale correcto bien muy dale
    exacto entiendo adelante luego despues y entonces guion espacio punto coma diagonal no perdon perdone
    espere espera espereme digo disculpe mejor dicho otra vez repito es el la los las siguiente siguientes
    ultimos primeros digitos numeros cuatro a ver de nuevo continue continua son me equivoque que lo tengo
    anotado"""
)

CUE_PHRASES = {
    Subject.CARD: [
        r"(?:numero de (?:la |su |mi )?)?tarjetas?(?: de (?:credito|debito))?|plastico",
        r"visa|mastercard|american express|amex|maestro|diners|debito|numero largo",
        r"(?:dieciseis|16) (?:digitos|numeros)",
    ],
    Subject.EXPIRY: [
        r"(?:fecha de )?(?:vencimiento|expiracion|caducidad)|vence|caduca|expira",
        r"valid[ao] hasta|mes y ano",
    ],
    Subject.SOCIAL: [r"(?:numero de )?(?:seguro|seguridad) social|seguro|social|ssn"],
    Subject.CVV: [
        r"cvv\w?|cvc\w?|c v v|c v c",
        r"(?:tres|3|cuatro|4) (?:digitos|numeros)(?: \w+){0,3} (?:atras|reverso|detras|dorso|tarjeta)",
        r"(?:codigo|numero) de seguridad de (?:la|su) tarjeta",
        r"(?:parte de atras|reverso) de (?:la|su) tarjeta",
    ],
    Subject.CODE: [
        r"(?:codigo|numero|clave) de (?:seguridad|verificacion)|los (?:tres|cuatro) (?:digitos|numeros)"
    ],
    Subject.PHONE: [
        r"telefono|telefonico|celular|movil|whatsapp|fijo|fax|extension|codigo de area",
        r"llamar(?:me|le|lo|la|te|nos)?|llameme|llamo (?:de|del|desde)|marcar(?:me|le)?",
    ],
    Subject.BIRTH: [r"nacimiento|nacio|naci|cumpleanos"],
    Subject.OTHER: [
        r"pedido|orden|referencia|confirmacion|factura|poliza|reclamo|siniestro|rastreo|seguimiento|guia|folio",
        r"cuenta|cliente|reserva|reservacion|boleto|vuelo|ticket|caso|expediente|contrato|serie|medidor",
        r"(?:codigo )?postal|pasaporte|licencia|matricula|placa|cedula|dni|clabe|iban|recibo|paquete",
        r"transaccion|envio|cupon|promocion|empleado|estudiante|paciente|receta|producto|modelo|pin|afiliado|socio",
        r"membresia",
    ],
}


def normalize(text: str) -> str:
    """A word in lower case, without accents and the punctuation around it."""
    plain = unicodedata.normalize("NFD", numbers.normalize(text).strip("¿¡"))
    return "".join(character for character in plain if not unicodedata.combining(character))


def numerals(said: Sequence[str]) -> list[Numeral]:
    """All numerals of a turn's words, in order and apart; see `numbers.numerals`."""
    spoken = [normalize(word) for word in said]
    closed = numbers.closed(said)
    return list(numbers.confirmed(_scan(spoken, closed, said), closed))


def _scan(spoken: Sequence[str], closed: Sequence[bool], said: Sequence[str]) -> Iterator[Numeral]:
    place = 0
    while place < len(spoken):
        found = numbers.literal(spoken, place, said) or _read(spoken, closed, place)
        if found is None:
            place += 1
            continue
        yield _with_unit(found, spoken)
        place = found.last + 1


def _read(spoken: Sequence[str], closed: Sequence[bool], place: int) -> Numeral | None:
    word, following = spoken[place], spoken[place + 1] if place + 1 < len(spoken) else ""
    if word in _REPEATS and (following in _UNITS or (following.isdecimal() and len(following) == 1)):
        digit = str(_UNITS.get(following, following))
        return Numeral(place, place + 1, digit * _REPEATS[word], Kind.DIGITS)
    if word in _ARTICLES and following not in _SCALES:
        return Numeral(place, place, "1", Kind.DIGITS, 1.0, sure=False)
    if "-" in word:
        return _hyphenated(word, place)
    if word == "ciento" and place and spoken[place - 1] == "por":
        return None
    return _Cardinal(spoken, closed, place).read()


def _hyphenated(word: str, place: int) -> Numeral | None:
    """cuatro-cinco-tres: digits of their own, joined."""
    digits = [_UNITS.get(part, -1) for part in word.split("-") if part]
    if len(digits) < 2 or min(digits) < 0:
        return None
    return Numeral(place, place, "".join(map(str, digits)), Kind.DIGITS)


class _Cardinal:
    """Reads one number in words from `place` on: units, tens with "y", hundreds, thousands."""

    def __init__(self, spoken: Sequence[str], closed: Sequence[bool], place: int) -> None:
        self.spoken = spoken
        self.closed = closed
        self.first = self.place = place

    def read(self) -> Numeral | None:
        total, group = 0, self._below_thousand()
        if group is None and self._next() != "mil":
            return None
        while (scale := _SCALES.get(self._next())) is not None:
            self.place += 1
            total, group = total + (group or 1) * scale, self._below_thousand() or 0
        total += group or 0
        kind = Kind.DIGITS if total < 100 else Kind.CARDINAL
        return Numeral(self.first, self.place - 1, str(total), kind, float(total))

    def _next(self, ahead: int = 0) -> str:
        """The word to read next; a comma or a full stop before it ends the number."""
        place = self.place + ahead
        ended = any(self.closed[before] for before in range(max(self.first, self.place - 1), place))
        return "" if ended or place >= len(self.spoken) else self.spoken[place]

    def _below_thousand(self) -> int | None:
        hundreds = _HUNDREDS.get(self._next())
        if hundreds is None:
            return self._below_hundred()
        self.place += 1
        if self._next() in _UNITS and self._next(1) in {*_UNITS, *_ARTICLES}:
            return hundreds  # digits read out one by one
        return hundreds + (self._below_hundred() or 0)

    def _below_hundred(self) -> int | None:
        word = self._next()
        if word in _TENS and self._next(1) == "y" and _UNITS.get(self._next(2), 0) > 0:
            value = _TENS[word] + _UNITS[self._next(2)]
            self.place += 3
            return value
        found = _UNITS.get(word, _TEENS.get(word, _TENS.get(word)))
        self.place += found is not None
        return found


def _with_unit(numeral: Numeral, spoken: Sequence[str]) -> Numeral:
    """What follows tells an amount or a quantity from digits read out."""
    following = spoken[numeral.last + 1] if numeral.last + 1 < len(spoken) else ""
    if numeral.kind not in {Kind.DIGITS, Kind.CARDINAL} or not numeral.sure:
        return numeral
    if following in _MONEY:
        return replace(numeral, kind=Kind.MONEY)
    percent = spoken[numeral.last + 1 : numeral.last + 3] == ["por", "ciento"]
    return replace(numeral, kind=Kind.MEASURE) if percent or following in _MEASURES else numeral
