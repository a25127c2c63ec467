"""The progress of a session without a terminal: one line for each flow as it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult

if TYPE_CHECKING:
    from conftest import Project

END = "a.py::AFlow  no baseline  (1 of 2)"
ENDS = [END, "b.py::BFlow  no baseline  (2 of 2)"]


@pytest.fixture
def flows(unrun_project: Project) -> Project:
    """Two flows without a baseline, and a test that is not of a flow."""
    for name in ("A", "B"):
        unrun_project.write(f"{name.lower()}.py", HELLO.replace("HelloFlow", f"{name}Flow"))
    unrun_project.write("test_c.py", "def test_c(): print('of its own')")
    return unrun_project


def progress(result: pytest.RunResult) -> list[str]:
    """Return the lines before those of failures, without spaces at their end."""
    shown, _, _ = result.stdout.str().partition("= ERRORS =")
    return [line.rstrip() for line in shown.splitlines()]


def after_header(result: pytest.RunResult) -> str:
    _, _, shown = "\n".join(progress(result)).partition("collected 11 items\n\n")
    return shown


@pytest.mark.parametrize("options", [(), ("-v",), ("-q",)])
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_each_flow_has_a_line_of_its_own_as_it_ends(
    flows: Project, options: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    result = flows.check_apart(*options, *workers)
    lines = [line for line in progress(result) if "Flow  " in line]
    starts = sorted(line.partition("   ")[0] for line in lines)
    if workers:  # either may end first
        starts = [line[: line.index("(")] for line in starts]
        assert starts == [line[: line.index("(")] for line in ENDS]
    else:
        assert starts == ENDS
    assert all(line.startswith(("a.py::AFlow  ", "b.py::BFlow  ")) for line in lines)


def test_the_letters_of_pytest_are_on_lines_of_their_own(flows: Project) -> None:
    lines = after_header(flows.check_apart()).splitlines()[:5]
    assert [line.partition("   ")[0] for line in lines] == [
        "a.py Fssss",
        ENDS[0],
        "b.py Fssss",
        ENDS[1],
        "test_c.py .",
    ]
    assert lines[4].endswith("[100%]")


def test_a_quiet_session_has_its_letters_on_lines_of_their_own(flows: Project) -> None:
    lines = progress(flows.check_apart("-q"))[:4]
    assert [line.partition("   ")[0] for line in lines] == ["Fssss", ENDS[0], "Fssss", ENDS[1]]


@pytest.mark.parametrize("options", [("-qq",), ("--collect-only",), ("-p", "no:terminal")])
def test_there_are_no_lines_where_nothing_runs_or_nobody_wants_them(
    flows: Project, options: tuple[str, ...]
) -> None:
    assert "of 2)" not in flows.check_apart(*options).stdout.str()


def test_the_lines_are_there_without_capture(flows: Project) -> None:
    shown = after_header(flows.check_apart("-s"))
    assert shown.startswith(
        f"a.py Fssss\n{ENDS[0]}\nb.py Fssss\n{ENDS[1]}\ntest_c.py of its own\n."
    )


def test_a_line_has_the_verdict_in_its_color_and_the_time_of_the_flow(
    flows: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = PartResult(verdict="reproduced", seconds=(("environment", 2.2), ("rerun", 10.14)))
    monkeypatch.setattr(PartItem, "_evaluate", lambda _: result)
    shown = flows.check("--color=yes").stdout.str()
    assert "\na.py::AFlow  \x1b[32mreproduced\x1b[0m  12.3 s (1 of 2)" in shown


def test_only_selected_tests_count_and_a_stopped_flow_has_no_line(flows: Project) -> None:
    assert END in flows.check_apart("-k", "AFlow and code or BFlow").stdout.str()
    assert "of 2)" not in flows.check_apart("-x").stdout.str()
