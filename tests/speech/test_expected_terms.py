"""How many expected terms reach the model: whole ones, the most important first."""

from callpost.model.configuration import ExpectedTerm
from callpost.speech.vocabulary import prompt


def test_all_terms_are_kept_where_there_is_room() -> None:
    assert prompt([ExpectedTerm("Harbour Home"), ExpectedTerm("Emily")], len) == "Harbour Home, Emily"
    assert prompt([], len) == ""


def test_terms_beyond_the_room_are_left_out_whole() -> None:
    kept = prompt([ExpectedTerm(f"name {number:04}") for number in range(500)], len)
    assert kept.startswith("name 0000, name 0001, ")
    assert kept.endswith("name 0019")
    assert len(kept) <= 223
