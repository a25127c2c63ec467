from __future__ import annotations

from pytest_flowrepro.support.text import counted, some_of


def test_a_number_and_what_it_counts() -> None:
    said = [counted(number, "package") for number in (0, 1, 2000)]
    assert said == ["0 packages", "1 package", "2,000 packages"]


def test_a_long_list_is_cut_and_says_so() -> None:
    assert some_of([]) == ""
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"
