from __future__ import annotations

import pytest

from pytest_flowrepro.support.amounts import age_text, parse_age, parse_size, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("500", 500), ("5GB", 5 * 10**9), ("1.5 mb", 1_500_000), ("2TB", 2 * 10**12)],
)
def test_sizes_have_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hours"), [("30", 720), ("30d", 720), ("12h", 12), ("2 w", 336), ("0", 0), ("0.5", 12)]
)
def test_ages_have_units_and_are_days_without(text: str, hours: float) -> None:
    assert parse_age(text) == hours * 3600


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "soon", "5 G B", "1e9", "10years", "٣"])
def test_other_texts_are_refused(text: str) -> None:
    for parse in (parse_age, parse_size):
        with pytest.raises(ValueError, match=r"^"):
            parse(text)


def test_amounts_are_shown_in_their_largest_unit() -> None:
    sizes = (0, 40, 999, 1000, 12_345_678, 5 * 10**12)
    assert [size_text(size) for size in sizes] == [
        *("0 B", "40 B", "999 B", "1.0 kB", "12.3 MB", "5000.0 GB")
    ]
    assert [age_text(age) for age in (-1, 59, 3600, 90_000, 3e6)] == [
        *("0 min", "1 min", "1 h", "1 d", "35 d")
    ]
