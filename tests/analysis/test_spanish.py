"""The detectors for Spanish: digits in all the forms in which they are said."""

from dataclasses import replace

import pytest
from benchmarks.detection.labelled import SENSITIVE
from benchmarks.detection.labelled_spanish import made_spanish
from benchmarks.detection.measure import measure
from spoken_calls import Say

from callpost.analysis import spanish
from callpost.analysis.analyze import analyze
from callpost.analysis.detection import Scene, detect
from callpost.analysis.numbers import Kind
from callpost.model.configuration import Configuration, DetectionLevel, DetectorRequest, Redactor
from callpost.model.transcript import Transcript

DIGITS = [
    ("cuatro cinco tres nueve", "4539"),
    ("cuarenta y cinco, treinta y nueve", "4539"),
    ("veintidós dieciséis once", "221611"),
    ("cero ocho veintisiete", "0827"),
    ("doble cuatro triple cero", "44000"),
    ("cuatro mil quinientos treinta y nueve", "4539"),
    ("dos mil veintisiete", "2027"),
    ("mil novecientos ochenta", "1980"),
    ("quinientos cincuenta y uno", "551"),
    ("ciento veinte", "120"),
    ("treinta y cuarenta", "3040"),
    ("cuatro-cinco-tres", "453"),
    ("4539 1488", "45391488"),
    ("uno uno un uno", "1111"),
    ("Veinte y cinco", "25"),
]


@pytest.mark.parametrize(("said", "digits"), DIGITS)
def test_numbers_are_read_in_every_form(said: str, digits: str) -> None:
    assert "".join(numeral.digits for numeral in spanish.numerals(said.split())) == digits


KINDS = [
    ("cuarenta y dos dólares", Kind.MONEY),
    ("tres días", Kind.MEASURE),
    ("diez por ciento", Kind.MEASURE),
    ("quinientos", Kind.CARDINAL),
    ("quince", Kind.DIGITS),
]


@pytest.mark.parametrize(("said", "kind"), KINDS)
def test_amounts_and_quantities_are_told_from_digits(said: str, kind: Kind) -> None:
    [numeral] = spanish.numerals(said.split())
    assert numeral.kind is kind


def test_an_article_is_no_number() -> None:
    assert spanish.numerals(["es", "una", "tarjeta", "y", "un", "momento"]) == []


def in_spanish(transcript: Transcript) -> Transcript:
    return replace(transcript, language="es-MX")


def test_a_card_number_is_redacted_with_its_date_and_code(say: Say) -> None:
    call = in_spanish(
        say(
            ("Agente", "¿Me da el número de su tarjeta?"),
            ("Cliente", "Cuarenta y cinco treinta y nueve, doble uno catorce, eh, ochenta y ocho cero tres,"),
            ("Agente", "Ajá."),
            ("Cliente", "cuatro tres seis cuatro."),
            ("Agente", "¿Y la fecha de vencimiento?"),
            ("Cliente", "Agosto del veintisiete."),
            ("Agente", "¿El código de seguridad?"),
            ("Cliente", "Tres tres uno. Y mi teléfono es el cinco cinco cinco, doce treinta y cuatro."),
        )
    )
    request = DetectorRequest("PCI-Spanish", DetectionLevel.NUMBERS_ONLY, Redactor("[x]", 270))
    results = analyze(call, Configuration(detectors=(request,), knowledge=False)).results
    text = " ".join(turn.text for turn in results.transcript.turns).casefold()
    for gone in ("cuarenta", "catorce", "seis cuatro", "veintisiete", "tres tres uno"):
        assert gone not in text
    assert "doce treinta y cuatro" in text
    assert results.warnings == ()
    assert results.prediction is not None
    [found] = results.prediction.detectors
    assert (found.name, found.detections[0].label) == ("PCI-Spanish", "pci")


def test_a_social_security_number_is_found(say: Say) -> None:
    call = in_spanish(
        say(
            ("Agente", "Su número de seguro social, por favor."),
            ("Cliente", "Es cero siete ocho, cero cinco, mil ciento veinte."),
        )
    )
    [region] = detect(Scene.of(call), "SSN-Spanish", DetectionLevel.PROBABLE_NUMBERS)
    assert region.speaker == "Cliente"


def test_the_labelled_numbers_are_found_and_the_decoys_left_alone() -> None:
    scores = measure(made_spanish(each=25))
    assert sum(scores.total[label] for label in SENSITIVE) >= 150
    assert scores.recall("card") >= 0.98
    assert scores.recall("expiry", "code", "ssn") >= 0.95
    assert scores.precision >= 0.98
