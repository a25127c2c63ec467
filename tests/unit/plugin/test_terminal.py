from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from _pytest._io import TerminalWriter
from _pytest.terminal import TerminalReporter
from flow_reports import SCORE

from pytest_flowrepro.model import FlowReport
from pytest_flowrepro.plugin.terminal import (
    Line,
    flow_lines,
    kept_locks,
    write_lines,
    written_in_ci,
)

if TYPE_CHECKING:
    from pytest_flowrepro.model.report import Verdict

REPORT = FlowReport(
    file="flow.py", flow="HelloFlow", case=None, verdict="reproduced", seconds=(), changes=()
)


@pytest.mark.parametrize(
    ("verdict", "color"),
    [
        ("reproduced", "green"),
        ("recorded", "green"),
        ("drifted", "red"),
        ("no baseline", "red"),
        ("error", "red"),
    ],
)
def test_a_verdict_has_the_color_of_its_test(verdict: Verdict, color: str) -> None:
    report = replace(REPORT, verdict=verdict, notes=("a note",), error="it broke\nWhat to do: x")

    first, *rest = flow_lines(report, is_unfinished=False, details=False)

    assert first == (f"{verdict:<10}  flow.py::HelloFlow", color)
    assert rest == [("    a note", "yellow")]


def test_the_error_of_an_unfinished_flow_is_shown_in_red() -> None:
    report = replace(REPORT, verdict="error", error="it broke\nWhat to do: x")

    _, *rest = flow_lines(report, is_unfinished=True, details=False)

    assert rest == [("    it broke", "red")]


def test_a_session_says_once_that_recordings_kept_their_locks() -> None:
    created, updated, unchanged = (
        replace(REPORT, verdict="recorded", recorded=recorded)
        for recorded in ("created", "updated", "unchanged")
    )
    ((text, _),) = kept_locks([created, updated, unchanged])
    assert text.startswith("recorded locks were kept unless a note says otherwise; ")
    assert list(kept_locks([created, REPORT])) == []


def test_a_recording_in_ci_says_that_it_wrote_files() -> None:
    created, updated, unchanged = (
        replace(REPORT, verdict="recorded", recorded=recorded)
        for recorded in ("created", "updated", "unchanged")
    )
    ((text, color),) = written_in_ci([created, updated, unchanged], {"CI": "true"})
    assert (text.partition(":")[0], color) == (
        "wrote 2 baselines in CI without a comparison",
        "yellow",
    )
    assert list(written_in_ci([unchanged, REPORT], {"CI": "true"})) == []
    assert list(written_in_ci([created], {"CI": ""})) == []


@pytest.mark.parametrize(
    ("has_markup", "written"),
    [(True, "\x1b[32mgood\x1b[0m\nplain\n"), (False, "good\nplain\n")],
)
def test_pytest_decides_whether_there_are_colors(
    pytestconfig: pytest.Config, has_markup: bool, written: str
) -> None:
    file = io.StringIO()
    reporter = TerminalReporter(pytestconfig, file=file)
    writer = TerminalWriter(file)
    writer.hasmarkup = has_markup
    reporter._tw = writer

    write_lines(reporter, [Line("good", "green"), Line("plain")])

    assert file.getvalue() == written


def test_a_note_cannot_change_the_terminal() -> None:
    _, (note, _) = flow_lines(
        replace(REPORT, notes=("a note\x1b[1m",)), is_unfinished=False, details=False
    )
    assert note.startswith("    a note")
    assert "\x1b" not in note


@pytest.mark.parametrize(("gated", "is_shown"), [(True, False), (False, True)])
def test_a_change_is_shown_if_no_test_fails_for_it(*, gated: bool, is_shown: bool) -> None:
    change = replace(SCORE, index=(), gated=gated, origin="first")
    derived = replace(SCORE, name="loss", index=(), gated=True, origin="derived")
    report = replace(REPORT, changes=(change, derived))
    lines = [line.text for line in flow_lines(report, is_unfinished=False, details=False)]
    assert "    started at train.score" in lines
    assert any("0.91 -> 0.93" in line for line in lines) == is_shown
