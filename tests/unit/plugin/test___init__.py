from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from pytest_flowrepro.plugin import pytest_addoption, pytest_configure

if TYPE_CHECKING:
    from collections.abc import Sequence


def parsed(options: Sequence[str]) -> pytest.Config:
    """Return the configuration of a session with only these options."""
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    return cast("pytest.Config", SimpleNamespace(option=parser.parse(options)))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--flow-repro-update"], "--flow-repro-update has"),
        (["--flow-repro-installer=uv"], "--flow-repro-installer has"),
        (["--flow-repro-timeout=0"], "--flow-repro-timeout has"),
        (["--flow-repro-json", "report.json"], "--flow-repro-json has"),
        (
            ["--flow-repro-keep", "--flow-repro-md=report.md"],
            "--flow-repro-keep, --flow-repro-md have",
        ),
    ],
)
def test_an_option_without_the_switch_is_a_usage_error(options: list[str], names: str) -> None:
    with pytest.raises(pytest.UsageError) as caught:
        pytest_configure(parsed(options))
    what, hint = str(caught.value).splitlines()
    assert what == f"{names} no effect without --flow-repro: no flow is checked"
    assert hint == f"What to do: add --flow-repro, or leave out {options[0].partition('=')[0]}"


def test_without_options_there_is_nothing_to_say() -> None:
    pytest_configure(parsed([]))
