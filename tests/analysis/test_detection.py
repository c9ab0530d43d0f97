import pytest
from benchmarks.detection.labelled import hand_written
from hypothesis import given
from hypothesis import strategies as st
from spoken_calls import Say, spoken

from callpost.analysis.detection import Scene, detect, luhn
from callpost.model.configuration import DetectionLevel
from callpost.model.transcript import Transcript, Turn, Word

ASKED = ("Agent", "Could I have the card number, please?")
NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def found(
    transcript: Transcript, detector: str = "PCI", level: DetectionLevel = DetectionLevel.NUMBERS_ONLY
) -> str:
    """All covered words, in order."""
    places = sorted(
        place for region in detect(Scene.of(transcript), detector, level) for place in region.places
    )
    return " ".join(transcript.turns[turn].words[word].text for turn, word in places)


def spelled(number: str) -> str:
    return " ".join(NAMES[int(digit)] for digit in number)


@pytest.mark.parametrize(
    "number",
    [
        "four one one one one one one one one one one one one one one one",
        "forty one eleven eleven eleven eleven eleven eleven eleven",
        "4111-1111-1111-1111.",
        "4111, 1111, 1111, 1111",
        "4111 1111 1111 1111",
        "41 11 11 11 11 11 11 11",
        "four triple one, one triple one, double one double one, one one one one",
        "3782 822463 10005",
        "five five oh oh, oh oh oh oh, oh oh oh oh, oh oh oh four",
        "41111-1111-1111-11111-111",
        "4111 1111 1111 11",
    ],
)
def test_a_card_number_is_found_however_it_is_said(number: str, say: Say) -> None:
    assert found(say(ASKED, ("Caller", f"Sure, it's {number} okay"))) == number


def test_hesitations_and_corrections_do_not_break_a_number(say: Say) -> None:
    said = "four one one two um no sorry one one one one one um one one one one one one one one"
    covered = found(say(ASKED, ("Caller", said)))
    assert covered.split().count("one") == said.split().count("one")


def test_digits_split_over_turns_by_an_echo_are_one_number(say: Say) -> None:
    call = say(
        ASKED,
        ("Caller", "It's four nine one seven"),
        ("Agent", "four nine one seven"),
        ("Caller", "six one oh eight"),
        ("Agent", "mhm, go ahead"),
        ("Caller", "two two oh three"),
        ("Agent", "two two oh three okay"),
        ("Caller", "nine nine one five"),
    )
    assert found(call) == (
        "four nine one seven four nine one seven six one oh eight two two oh three two two oh three "
        "nine nine one five"
    )


def test_nods_over_the_number_do_not_break_it() -> None:
    def turn(speaker: str, channel: int, start: int, text: str) -> Turn:
        words = (
            Word(word, start + 400 * n, start + 400 * n + 350, 0.9) for n, word in enumerate(text.split())
        )
        return Turn(speaker, channel, tuple(words))

    number = "four nine two nine eight eight one two seven seven three one five five six six"
    call = Transcript(
        (
            turn("Agent", 0, 0, "Could I have the card number?"),
            turn("Caller", 1, 4000, number),
            turn("Agent", 0, 6000, "mhm okay"),
            turn("Agent", 0, 9000, "yes"),
        )
    )
    assert found(call) == number


def test_expiry_and_security_code_belong_to_the_card(say: Say) -> None:
    call = say(
        ASKED,
        ("Caller", "4111 1111 1111 1111"),
        ("Agent", "And the expiration date?"),
        ("Caller", "oh eight twenty seven"),
        ("Agent", "And the three digits on the back?"),
        ("Caller", "one two three"),
    )
    assert found(call) == "4111 1111 1111 1111 oh eight twenty seven one two three"


def test_the_name_of_the_month_goes_only_with_the_entire_region(say: Say) -> None:
    call = say(ASKED, ("Caller", "4111111111111111"), ("Agent", "Which expires?"), ("Caller", "August 2027"))
    assert found(call) == "4111111111111111 2027"
    assert found(call, level=DetectionLevel.PROBABLE_NUMBERS) == "4111111111111111 2027"
    assert "August 2027" in found(call, level=DetectionLevel.ENTIRE_REGION)


def test_the_entire_region_is_one_passage_with_what_both_say_in_it(say: Say) -> None:
    call = say(
        ASKED,
        ("Caller", "four one one one one one one one"),
        ("Agent", "Yes?"),
        ("Caller", "one one one one one one one one"),
    )
    (region,) = detect(Scene.of(call), "PCI", DetectionLevel.ENTIRE_REGION)
    assert region.speaker == "Caller"
    assert (1, 0) in region.places
    assert (2, 0) in region.places
    assert region.start_ms < call.turns[1].start_ms
    assert region.end_ms > call.turns[3].end_ms


def test_probable_numbers_take_what_stands_between_and_numbers_only_do_not(say: Say) -> None:
    call = say(ASKED, ("Caller", "4111 1111 um 1111 1111"))
    assert "um" in found(call, level=DetectionLevel.PROBABLE_NUMBERS)
    assert "um" not in found(call, level=DetectionLevel.NUMBERS_ONLY)


@pytest.mark.parametrize(
    "line",
    [
        "My phone number is six five zero eight nine seven five one seven zero",
        "The tracking number is 9400 1000 0000 0000 0000 00",
        "My order number is 1129 4417 8830 4121",
        "That comes to one hundred thirty eight dollars and sixty five cents",
        "The account number is 0045 8812 7731",
        "It was $1,234.50 in 2024 and 2025",
        "We have four apps for you, one for each of the three kids",
    ],
)
def test_other_numbers_are_no_cards(line: str, say: Say) -> None:
    assert found(say(("Agent", "How can I help?"), ("Caller", line))) == ""


def test_a_code_that_is_no_cards_is_left_alone(say: Say) -> None:
    call = say(("Agent", "What is the security code of the gate?"), ("Caller", "four four eight two"))
    assert found(call) == ""


def test_a_date_that_is_no_cards_is_left_alone(say: Say) -> None:
    call = say(("Caller", "When does my contract expire?"), ("Agent", "On 08/27."))
    assert found(call) == ""


@pytest.mark.parametrize(
    "number", ["123-45-6789", "one two three four five six seven eight nine", "123 45 6789"]
)
def test_a_social_security_number_is_found(number: str, say: Say) -> None:
    call = say(("Agent", "And your social security number?"), ("Caller", f"That's {number}"))
    assert found(call, "SSN") == number
    assert found(call, "PCI") == ""


def test_the_last_four_of_a_social_are_found_and_a_phone_number_is_not(say: Say) -> None:
    call = say(
        ("Agent", "The last four of your social, please."),
        ("Caller", "six seven eight nine"),
        ("Agent", "And your phone number?"),
        ("Caller", "five five five one two one two"),
    )
    assert found(call, "SSN") == "six seven eight nine"


def test_the_number_detector_finds_every_number_but_a_pronoun(say: Say) -> None:
    call = say(
        ("Caller", "That one costs twenty dollars, I have three of them since the 15th, the first one broke.")
    )
    assert found(call, "Number") == "twenty three 15th,"


def test_a_transcript_without_words_has_nothing() -> None:
    for detector in ("PCI", "SSN", "Number"):
        assert detect(Scene.of(Transcript()), detector, DetectionLevel.ENTIRE_REGION) == ()


@pytest.mark.parametrize(
    ("number", "right"),
    [("4111111111111111", True), ("378282246310005", True), ("4111111111111112", False), ("0", True)],
)
def test_the_check_digit(number: str, right: bool) -> None:
    assert luhn(number) is right


@given(st.text("0123456789", min_size=12, max_size=22), st.sampled_from(list(DetectionLevel)))
def test_any_long_number_asked_for_as_a_card_is_found(number: str, level: DetectionLevel) -> None:
    call = spoken(ASKED, ("Caller", spelled(number)))
    covered = {place for region in detect(Scene.of(call), "PCI", level) for place in region.places}
    assert {(1, word) for word in range(len(number))} <= covered


def test_each_level_covers_less_than_the_one_before() -> None:
    """On labelled calls: the numbers alone, what lies between them too, the passage around them too."""
    everywhere = {level: set[tuple[int, int, int]]() for level in DetectionLevel}
    for number, dialogue in enumerate(hand_written()):
        for level, places in everywhere.items():
            regions = detect(Scene.of(dialogue.transcript), "PCI", level)
            places |= {(number, *place) for region in regions for place in region.places}
    entire, probable, only = (everywhere[level] for level in DetectionLevel)
    assert only < probable < entire
    assert len(probable) > 1.02 * len(only)
    assert len(entire) > 1.2 * len(probable)
