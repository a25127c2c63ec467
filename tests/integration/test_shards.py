"""`--flow-repro-shard`: each session checks a part of the flows, and together they check all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from flow_reports import REPRODUCED, report_of
from recorded_repository import FLOW, record
from recordings import recording

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult
from pytest_flowrepro.report import render_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from conftest import Project

NAMES = [f"F{n}Flow" for n in range(7)]
SETTINGS = """\
[tool.pytest]
[tool.flowrepro]
[tool.flowrepro.flow.F1Flow]
after = ["F0Flow"]
[tool.flowrepro.flow.F2Flow]
after = ["F1Flow"]
[tool.flowrepro.flow.F3Flow.case.small]
parameters = { alpha = 1 }
[tool.flowrepro.flow.F3Flow.case.large]
parameters = { alpha = 2 }
"""
STUB = """\
from pytest_flowrepro.plugin.items import PartItem
from pytest_flowrepro.plugin.results import PartResult

PartItem._evaluate = lambda _: PartResult(verdict="reproduced")
"""


@pytest.fixture
def project(unrun_project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Seven flows, of which one has two more cases, all of whose tests pass without a rerun."""
    monkeypatch.setattr(PartItem, "_evaluate", lambda _: PartResult(verdict="reproduced"))
    for name in NAMES:
        unrun_project.write(f"flows/{name}.py", FLOW.format(name=name))
    unrun_project.write("pyproject.toml", SETTINGS)
    return unrun_project


def shard(project: Project, number: int, count: int, *args: str) -> dict[str, Any]:
    return project.report(f"--flow-repro-shard={number}/{count}", *args)


def titles(flows: Iterable[dict[str, Any]]) -> list[str]:
    return [f"{flow['flow']}@{flow['case'] or ''}".removesuffix("@") for flow in flows]


ALL = [*NAMES[:4], "F3Flow@large", "F3Flow@small", *NAMES[4:]]


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_the_shards_together_check_each_flow_once(project: Project, count: int) -> None:
    reports = [shard(project, n + 1, count) for n in range(count)]
    assert sorted(name for report in reports for name in titles(report["flows"])) == ALL
    for number, report in enumerate(reports, 1):
        split = report["shard"]["flows"]
        assert (report["shard"]["number"], report["shard"]["count"]) == (number, count)
        assert split == reports[0]["shard"]["flows"]
        own = [flow for flow in split if flow["shard"] == number]
        assert titles(own) == titles(report["flows"])


def test_flows_that_run_after_one_another_are_in_one_shard(project: Project) -> None:
    for number in range(1, 8):
        names = titles(shard(project, number, 7)["flows"])
        assert len({"F0Flow", "F1Flow", "F2Flow"} & set(names)) in {0, 3}


def test_the_other_flows_are_counted_as_deselected(project: Project) -> None:
    result = project.check("--flow-repro-shard=1/3")
    result.assert_outcomes(passed=12, deselected=24)
    result.stdout.fnmatch_lines(["shard 1 of 3: 3 of 9 flows, split evenly"])
    listed = project.check("--flow-repro-shard=1/3", "--collect-only", "-q")
    listed.stdout.fnmatch_lines(["*12/36 tests collected (24 deselected)*"])


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-k", "code")], ids=["all", "code"])
def test_under_xdist_a_shard_has_the_same_flows_and_counts(
    project: Project, options: tuple[str, ...]
) -> None:
    project.write("conftest.py", STUB)
    alone = shard(project, 2, 3, *options)
    args = ("--flow-repro-shard=2/3", "--flow-repro-json=report.json", *options)
    result = project.check_apart("-n", "2", *args)
    result.assert_outcomes(
        **({"passed": 3, "deselected": 33} if options else {"passed": 12, "deselected": 24})
    )
    report = json.loads((project.path / "report.json").read_text())
    assert titles(report["flows"]) == titles(alone["flows"])
    assert report["shard"] == alone["shard"]
    result.stdout.fnmatch_lines(["shard 2 of 3: 3 of 9 flows, split evenly"])


@pytest.mark.slow
def test_an_empty_shard_passes_with_and_without_xdist(project: Project) -> None:
    project.write("conftest.py", STUB)
    empty = next(n for n in range(1, 13) if not shard(project, n, 12)["flows"])
    args = (f"--flow-repro-shard={empty}/12",)
    for workers in ((), ("-n", "2")):
        result = project.check_apart(*workers, *args)
        assert result.ret == pytest.ExitCode.OK
        result.assert_outcomes(deselected=36)
        result.stdout.fnmatch_lines([f"shard {empty} of 12: 0 of 9 flows, split evenly"])


def test_a_shard_of_nothing_does_not_pass(project: Project) -> None:
    result = project.check("--flow-repro-shard=1/2", "-k", "nothing")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


SELECTIONS = [
    (("-k", "F4Flow or F5Flow or F6Flow"), ["F4Flow", "F5Flow", "F6Flow"]),
    (("flows/F6Flow.py", "flows/F2Flow.py"), ["F2Flow", "F6Flow"]),
    (("--deselect=flows/F6Flow.py", "-k", "F4 or F6 or F5"), ["F4Flow", "F5Flow"]),
]


@pytest.mark.parametrize(("selection", "expected"), SELECTIONS)
def test_what_is_selected_is_split(
    project: Project, selection: tuple[str, ...], expected: list[str]
) -> None:
    reports = [shard(project, n, 2, *selection) for n in (1, 2)]
    parts = [titles(report["flows"]) for report in reports]
    assert sorted(parts[0] + parts[1]) == expected
    assert abs(len(parts[0]) - len(parts[1])) <= 1
    assert titles(reports[0]["shard"]["flows"]) == expected


def test_what_failed_last_is_split(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(item: PartItem) -> PartResult:
        fails = item.job.flow.name in NAMES[4:]
        return PartResult(verdict="drifted", failure="x" if fails else None)

    monkeypatch.setattr(PartItem, "_evaluate", fails)
    project.check()
    report = shard(project, 1, 3, "--lf")
    assert titles(report["shard"]["flows"]) == NAMES[4:]
    assert len(report["flows"]) == 1


def times(project: Project, **seconds: float) -> None:
    flows = (
        replace(REPRODUCED, file=f"flows/{name}.py", flow=name, seconds=(("rerun", spent),))
        for name, spent in seconds.items()
    )
    project.write("times.json", render_json(report_of(*flows)))


def test_flows_are_split_by_the_times_of_a_report(project: Project) -> None:
    args = ("--flow-repro-shard-times=times.json",)
    times(project, **dict.fromkeys(NAMES, 1.0) | {"F6Flow": 100.0}, GoneFlow=50.0)
    # The two cases without a time are expected to take the mean.
    parts = [titles(shard(project, n, 2, *args)["flows"]) for n in (1, 2)]
    assert ["F6Flow"] in parts
    result = project.check("--flow-repro-shard=1/2", *args)
    result.stdout.fnmatch_lines(["shard 1 of 2: * of 9 flows, split by the times in times.json"])


def test_a_report_that_does_not_exist_yet_has_no_times(project: Project) -> None:
    result = project.check("--flow-repro-shard=1/3", "--flow-repro-shard-times=times.json")
    assert result.ret == pytest.ExitCode.OK
    line = "shard 1 of 3: 3 of 9 flows, split evenly: times.json does not exist"
    result.stdout.fnmatch_lines([line])


def test_a_report_that_is_none_is_a_usage_error(project: Project) -> None:
    project.write("times.json", "{}")
    result = project.check("--flow-repro-shard=1/3", "--flow-repro-shard-times=times.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--flow-repro-shard-times: times.json: schema is missing*"])


def test_an_invalid_shard_is_a_usage_error(project: Project) -> None:
    result = project.check("--flow-repro-shard=4/3")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--flow-repro-shard: '4/3' is not a shard; pass 1/3, 2/3 or*"])


def test_obsolete_baselines_are_for_the_merged_report(project: Project) -> None:
    record(project.path, replace(recording(), flow="GoneFlow"), file="flows/gone.py")
    reason = "flows/gone.py does not exist"
    expected = [{"folder": "flows/__flowrepro__/gone/GoneFlow", "reason": reason}]
    result = project.record("--flow-repro-shard=1/3", "--flow-repro-strict")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("obsolete baseline*")
    report = shard(project, 1, 3, "--flow-repro-strict")
    assert (report["obsolete"], report["shard"]["obsolete"]) == ([], expected)
    assert report["shard"]["strict"]
    assert report["run"]["selection"] == ["--flow-repro-shard 1/3"]
    assert shard(project, 1, 3, "-k", "code")["shard"]["obsolete"] == []
    assert shard(project, 1, 3, "flows")["shard"]["obsolete"] == []


def test_the_merged_report_of_all_shards_is_that_of_one_session(project: Project) -> None:
    record(project.path, replace(recording(), flow="GoneFlow"), file="flows/gone.py")
    for number in (1, 2, 3):
        project.check(f"--flow-repro-shard={number}/3", f"--flow-repro-json={number}.json")
    whole = project.report()
    assert whole["obsolete"] != []
    names = [str(project.path / f"{number}.json") for number in (3, 1, 2)]
    merged = project.path / "merged.json"
    assert main(["merge-reports", *names, "--format=json", f"--output={merged}"]) == 0
    report = json.loads(merged.read_text())
    report["run"]["date"] = whole["run"]["date"]
    assert report == whole
    assert main(["merge-reports", *names[:2]]) == 1


def test_other_tests_are_in_each_shard(project: Project) -> None:
    project.write("tests/test_other.py", "def test_it(): pass\n")
    for number in (1, 2, 3):
        project.check(f"--flow-repro-shard={number}/3").assert_outcomes(passed=13, deselected=24)
