from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._io import TerminalWriter
from _pytest.terminal import TerminalReporter
from flow_reports import SCORE

from pytest_flowrepro.model import Cause, Change, FlowReport, Uncollected
from pytest_flowrepro.plugin.terminal import (
    Line,
    flow_lines,
    kept_locks,
    summary_lines,
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


def test_a_file_that_could_not_be_collected_is_counted_in_red() -> None:
    file = Uncollected(file="flows/\x1b[1mbad.py", error="not valid Python 3.11")

    *_, line = summary_lines([REPORT], unfinished=(), uncollected=(file,))

    assert line == ("1 file not collected: flows/\\u001b[1mbad.py", "red")


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


def test_files_that_the_rerun_did_not_load_are_only_counted() -> None:
    code = Change(kind="code", change="changed", name="b.py", old="1", new="2", gated=False)
    report = replace(REPORT, changes=(replace(code, loaded=False),))
    (line,) = flow_lines(report, is_unfinished=False, details=False)
    assert line.text.endswith("1 unloaded file changed")
    _, line = flow_lines(report, is_unfinished=False, details=True)
    assert line.text.startswith("    b.py  changed: 1 -> 2")


def many(number: int, **more: Any) -> list[FlowReport]:
    return [replace(REPORT, file=f"flows/f{at:03}.py", **more) for at in range(number)]


def texts(flows: list[FlowReport], *, is_full: bool = False) -> list[str]:
    return [line.text for line in summary_lines(flows, unfinished=(), is_full=is_full)]


def test_the_only_flow_is_not_counted_and_several_are() -> None:
    assert texts([REPORT]) == ["reproduced  flow.py::HelloFlow"]
    assert texts([*many(2), replace(REPORT, verdict="drifted")])[-1] == "1 drifted, 2 reproduced"
    lines = list(summary_lines([*many(1), replace(REPORT, verdict="error")], unfinished=()))
    assert lines[-1].color == "red"


def test_the_summary_of_two_hundred_flows_fits_on_a_screen() -> None:
    cause = Cause(kind="code", text="code of step train changed", steps=("train",))
    drifted = many(60, verdict="drifted", causes=(cause,), notes=("a note",), changes=(SCORE,))
    lines = texts([*many(140, notes=("another",)), *drifted])
    assert len(lines) <= 40
    assert lines[0] == "drifted     flows/f000.py::HelloFlow  1 artifact changed"
    assert lines[1] == "    cause: code of step train changed"
    assert "and 45 more flows: flows/f015.py::HelloFlow, " in lines[30]
    assert lines[-2:] == [
        "60 drifted, 140 reproduced",
        "-v shows every flow with its changes and notes",
    ]
    full = texts([*many(140), *drifted], is_full=True)
    assert sum(line.startswith(("drifted", "reproduced")) for line in full) == 200


def test_what_several_flows_share_is_said_once() -> None:
    cause = Cause(kind="environment", text="1 package changed: numpy 2.4.5 -> 2.5.0")
    own = Cause(kind="input", text="parameter alpha 1 -> 2")
    first, second = many(2, verdict="drifted", causes=(cause,), notes=("shared",))
    assert texts([replace(first, causes=(cause, own), notes=("shared", "own")), second]) == [
        "drifted     flows/f000.py::HelloFlow",
        "    cause: parameter alpha 1 -> 2",
        "    own",
        "drifted     flows/f001.py::HelloFlow",
        "cause of 2 flows: 1 package changed: numpy 2.4.5 -> 2.5.0",
        "note: shared",
        "2 drifted",
    ]


def test_additions_and_removals_have_a_color() -> None:
    numpy = Change(kind="package", change="added", name="numpy", old=None, new="2", gated=False)
    six = replace(numpy, change="removed", name="six", old="1", new=None)
    report = replace(REPORT, changes=(numpy, six, replace(numpy, change="changed", old="1")))
    lines = list(flow_lines(report, is_unfinished=False, details=False))
    assert [line.color for line in lines] == ["green", "green", "red", None]
