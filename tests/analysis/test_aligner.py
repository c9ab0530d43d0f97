"""A corrected text takes the place of what was recognised, and keeps its times."""

import random
from itertools import pairwise

import pytest

from callpost.analysis.aligner import align
from callpost.model.transcript import Activity, Transcript, Turn, Word


def turn(speaker: str, channel: int, words: str, start_ms: int) -> Turn:
    """A word every 300 ms, 250 ms long."""
    starts = range(start_ms, start_ms + 300 * len(words.split()), 300)
    said = zip(words.split(), starts, strict=True)
    return Turn(speaker, channel, tuple(Word(word, start, start + 250, 0.9) for word, start in said))


def text(transcript: Transcript) -> str:
    """As the API gives it to be corrected."""
    return " ".join(f"{turn.speaker}: {turn.text}" for turn in transcript.turns)


HEARD = Transcript(
    (
        turn("Agent", 0, "Thank you for calling Harper Home Service, how can I help you?", 0),
        turn("Customer", 1, "This is M Le Parker I was charged eighty nine dollars twice.", 6000),
        turn("Agent", 0, "I am sorry.", 11_000),
    )
)


def times(transcript: Transcript, word: str) -> tuple[int, int, float]:
    found = next(one for one in transcript.words() if one.text == word)
    return found.start_ms, found.end_ms, found.confidence


def test_the_text_as_it_was_delivered_changes_nothing() -> None:
    assert align(HEARD, text(HEARD)) == HEARD
    assert align(HEARD, " ".join(word.text for word in HEARD.words())) == HEARD


def test_case_and_punctuation_are_taken_over_with_the_times_of_the_word() -> None:
    aligned = align(HEARD, text(HEARD).replace("Thank you for", "THANK you, for").replace("sorry.", "sorry!"))
    assert times(aligned, "THANK") == (0, 250, 0.9)
    assert times(aligned, "sorry!") == (11_600, 11_850, 0.9)
    assert [turn.speaker for turn in aligned.turns] == ["Agent", "Customer", "Agent"]


def test_a_corrected_word_has_the_time_of_the_one_it_stands_for_and_is_certain() -> None:
    aligned = align(HEARD, text(HEARD).replace("Harper", "Harbor"))
    assert times(aligned, "Harbor") == (1200, 1450, 1.0)


def test_one_word_for_several_has_the_time_of_all_of_them() -> None:
    changed = text(HEARD).replace("M Le", "Emily").replace("eighty nine dollars", "$89")
    aligned = align(HEARD, changed)
    assert times(aligned, "Emily") == (6600, 7150, 1.0)
    assert times(aligned, "$89") == (8400, 9250, 1.0)


def test_several_words_for_one_share_its_time() -> None:
    aligned = align(HEARD, text(HEARD).replace("charged", "really charged"))
    assert times(aligned, "really")[0] >= 7850
    start, end, _ = times(aligned, "charged")
    assert start == times(aligned, "really")[1]
    assert end == 8350


def test_a_deleted_word_is_gone_and_the_others_stay_where_they_were() -> None:
    aligned = align(HEARD, text(HEARD).replace("Home ", ""))
    assert "Home" not in text(aligned)
    assert times(aligned, "Service,") == (1800, 2050, 0.9)


def test_what_was_not_heard_lies_where_a_voice_was_found_in_the_pause() -> None:
    activity = (Activity("Customer", 1, 5000, 5600), Activity("Customer", 1, 6000, 9550))
    heard = Transcript(HEARD.turns, activity=activity)
    aligned = align(heard, text(heard).replace("Customer: This", "Customer: Hello Daniel. This"))
    assert times(aligned, "Hello")[0] == 5000
    assert times(aligned, "Daniel.")[1] == 5600


def test_speakers_are_taken_from_the_text_where_it_names_them() -> None:
    heard = Transcript((turn("unknown", 0, "Hello how can I help you I was charged twice", 0),))
    aligned = align(heard, "Agent: Hello, how can I help you?\n\n[00:02] Mrs. Parker: I was\ncharged twice.")
    assert [(turn.speaker, turn.text) for turn in aligned.turns] == [
        ("Agent", "Hello, how can I help you?"),
        ("Mrs. Parker", "I was charged twice."),
    ]
    assert aligned.turns[1].start_ms == 1800


def test_words_can_be_given_to_the_other_speaker() -> None:
    changed = text(HEARD).replace("Agent: I am sorry.", "I am sorry.")
    aligned = align(HEARD, changed)
    assert [(turn.speaker, turn.channel) for turn in aligned.turns] == [("Agent", 0), ("Customer", 1)]
    assert aligned.turns[1].text.endswith("twice. I am sorry.")


def test_what_only_looks_like_a_name_stays_a_word() -> None:
    changed = text(HEARD).replace("I am sorry.", "note: it is 2:30 - see https://example.org and so: sorry.")
    assert "note: it is 2:30 - see https://example.org and so: sorry." in text(align(HEARD, changed))


def test_a_recording_in_which_nothing_was_recognised_can_be_given_words() -> None:
    aligned = align(Transcript(), "Agent: Hello there.\nGoodbye.")
    assert [(turn.speaker, turn.text) for turn in aligned.turns] == [("Agent", "Hello there. Goodbye.")]


@pytest.mark.parametrize("seed", range(20))
def test_every_word_of_the_text_is_there_once_and_in_order_of_time(seed: int) -> None:
    chance = random.Random(seed)
    heard = Transcript(
        tuple(
            turn(
                "AB"[place % 2],
                place % 2,
                " ".join(chance.choices("abcdefgh", k=chance.randrange(1, 9))),
                place * 2000,
            )
            for place in range(12)
        )
    )
    written = [word for word in text(heard).split() if chance.random() > 0.2]
    for _ in range(15):
        place = chance.randrange(len(written) + 1)
        written[place:place] = chance.choices("abxyz", k=chance.randrange(4))
    aligned = align(heard, " ".join(written))
    expected = [word for word in written if word not in ("A:", "B:")]
    assert sorted(word.text for word in aligned.words()) == sorted(expected)
    for one in aligned.turns:
        assert all(left.start_ms <= right.start_ms for left, right in pairwise(one.words))
        assert all(0 <= word.start_ms <= word.end_ms for word in one.words)
