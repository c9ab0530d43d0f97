"""What the word error rate counts as the same words."""

import pytest
from benchmarks.recognition_text import spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("a charge for $138.65.", "a charge for one hundred thirty eight dollars and sixty five cents"),
        ("A $20 credit", "a twenty dollar credit"),
        ("born on March 3, 1962", "born on march third nineteen sixty two"),
        ("within 5-7 days", "within five to seven days"),
        ("4539-1488", "four five three nine one four eight eight"),
        ("the 12th of May", "the twelfth of May"),
        ("in 2027", "in twenty twenty seven"),
    ],
)
def test_figures_and_words_are_the_same_text(written: str, said: str) -> None:
    assert spoken(written) == spoken(said)


def test_other_numbers_are_other_text() -> None:
    assert spoken("$15") != spoken("fifty dollars")
    assert spoken("8249") != spoken("eight two four")
