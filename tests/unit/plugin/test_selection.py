from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.plugin.selection import selecting_options, selection

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ([], ()),
        (["-x", "-v"], ()),
        (["-k", "train and not code"], ("-k train and not code",)),
        (["-m", "flowrepro"], ("-m flowrepro",)),
        (["--lf"], ("--last-failed",)),
        (["--deselect", "a.py", "--deselect=b.py"], ("--deselect a.py", "--deselect b.py")),
    ],
)
def test_options_that_leave_out_tests_are_named(
    pytester: pytest.Pytester, args: Sequence[str], options: tuple[str, ...]
) -> None:
    config = pytester.parseconfig(*args)
    assert selecting_options(config) == options
    assert selection(config) == options


def test_arguments_come_first_as_they_were_given(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(flow="")
    config = pytester.parseconfig("flow.py", "-k", "x")
    assert selection(config) == ("flow.py", "-k x")
    assert selecting_options(config) == ("-k x",)
