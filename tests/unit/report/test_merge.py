from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from drawn_reports import EXAMPLES, reports
from flow_reports import DRIFTED, FAILED, REPRODUCED, RUN, report_of
from hypothesis import given
from hypothesis import strategies as st
from sample_report import sample_report

from pytest_flowrepro.model import (
    FlowReport,
    Obsolete,
    Report,
    RunInfo,
    Shard,
    SplitFlow,
    Uncollected,
)
from pytest_flowrepro.report import (
    render_gitlab,
    render_html,
    render_json,
    render_markdown,
    render_sarif,
    render_text,
)
from pytest_flowrepro.report.json_reader import read_report
from pytest_flowrepro.report.merge import NamedReport, merge_reports, missing_shards
from pytest_flowrepro.support.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMATS = (render_text, render_markdown, render_json, render_html, render_sarif, render_gitlab)


def sorted_flows(report: Report) -> Report:
    flows = sorted(report.flows, key=lambda flow: (flow.file, flow.flow, flow.case or ""))
    files = sorted(report.uncollected, key=lambda file: (file.file, file.error))
    return replace(report, flows=tuple(flows), uncollected=tuple(files))


def shards_of(report: Report, numbers: Sequence[int], count: int) -> list[Report]:
    """Return the reports of `count` shards, which give the complete one; `numbers` splits it."""
    split = tuple(
        SplitFlow(file=flow.file, flow=flow.flow, case=flow.case, shard=number)
        for flow, number in zip(report.flows, numbers, strict=True)
    )

    def unused_by(number: int) -> tuple[str, ...]:
        if not report.flows:
            return report.unused_patterns
        others = (f"ignore: {number}",) if set(numbers) - {number} else ()
        return (*report.unused_patterns, *others) if number in numbers else ()

    return [
        Report(
            flows=tuple(flow for flow, n in zip(report.flows, numbers, strict=True) if n == number),
            run=replace(
                report.run,
                selection=(*report.run.selection, f"--flow-repro-shard {number}/{count}"),
            ),
            uncollected=report.uncollected,
            shard=Shard(
                number=number,
                count=count,
                flows=split,
                obsolete=report.obsolete,
                unused_patterns=unused_by(number),
            ),
        )
        for number in range(1, count + 1)
    ]


def named(*found: Report) -> list[NamedReport]:
    return [NamedReport(name=f"{n}.json", report=report) for n, report in enumerate(found)]


def read_again(folder: Path, report: Report) -> Report:
    (folder / "report.json").write_text(render_json(report), encoding="utf-8")
    return read_report(folder / "report.json")


@pytest.mark.slow
@EXAMPLES
@given(data=st.data(), report=reports())
def test_a_report_in_parts_is_merged_into_the_same_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, report: Report
) -> None:
    report = sorted_flows(report)
    count = data.draw(st.integers(2, 4))
    numbers = [data.draw(st.integers(1, count)) for _ in report.flows]
    parts = data.draw(st.permutations(shards_of(report, numbers, count)))
    folder = tmp_path_factory.getbasetemp()
    merged = merge_reports(named(*(read_again(folder, part) for part in parts)))
    assert merged == report
    for render in FORMATS:
        assert render(merged) == render(report)


@EXAMPLES
@given(data=st.data())
def test_a_merge_is_never_green_where_a_shard_is_missing(data: st.DataObject) -> None:
    flows = tuple(replace(REPRODUCED, flow=f"F{n}Flow") for n in range(4))
    numbers = [data.draw(st.integers(1, 3)) for _ in flows]
    parts = shards_of(report_of(*flows), numbers, 3)
    given_parts = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=5))
    merged = merge_reports(named(*given_parts))
    checked = {part.shard.number for part in given_parts if part.shard}
    assert missing_shards(given_parts) == tuple(n for n in (1, 2, 3) if n not in checked)
    assert [flow.flow for flow in merged.flows] == [flow.flow for flow in flows]
    for flow, number in zip(merged.flows, numbers, strict=True):
        assert flow.verdict == ("reproduced" if number in checked else "error")


def two_shards(**changes: Any) -> tuple[Report, Report]:
    first, second = shards_of(report_of(DRIFTED, REPRODUCED), [1, 2], 2)
    return first, replace(second, **changes)


def test_a_missing_shard_is_an_error_of_its_flows() -> None:
    _, second = two_shards()
    merged = merge_reports(named(second))
    failed = {flow.flow: flow.error for flow in merged.flows if flow.verdict == "error"}
    assert failed == {
        "TrainFlow": "Not checked: the report of shard 1 of 2 is missing\n"
        "What to do: run it again, and pass its report, too"
    }
    assert merged.run.selection == (*RUN.selection, "--flow-repro-shard 2/2")


def test_shards_that_were_not_split_alike_leave_errors() -> None:
    first, second = two_shards(flows=())
    errors = [flow.error for flow in merge_reports(named(first, second)).flows if flow.error]
    assert len(errors) == 1
    assert errors[0].startswith("Not checked by any shard: the shards did not select or split")


@pytest.mark.parametrize("lost", ["obsolete", "unused_patterns"])
def test_only_what_all_shards_say_of_the_project_is_said(lost: str) -> None:
    whole = sample_report()
    parts = shards_of(whole, [1 + n % 2 for n in range(len(whole.flows))], 2)
    assert getattr(merge_reports(named(*parts)), lost) == getattr(whole, lost) != ()
    shard = parts[1].shard
    assert shard is not None
    less: dict[str, Any] = {lost: ()}
    parts[1] = replace(parts[1], shard=replace(shard, **less))
    assert getattr(merge_reports(named(*parts)), lost) == ()
    assert getattr(merge_reports(named(parts[0])), lost) == ()


def with_run(flow: FlowReport, **facts: Any) -> Report:
    return Report(flows=(flow,), run=replace(RUN, **facts))


def merged_run(**facts: Any) -> RunInfo:
    return merge_reports(named(with_run(DRIFTED), with_run(FAILED, **facts))).run


@pytest.mark.parametrize(
    ("facts", "merged"),
    [
        ({}, {}),
        ({"date": "2026-11-30T00:00:00Z"}, {"date": "2026-11-30T00:00:00Z"}),
        ({"date": "2026-11-01T00:00:00Z"}, {}),
        ({"platform": "Darwin"}, {"platform": f"Darwin, {RUN.platform}"}),
        ({"python": "CPython 3.12.1"}, {"python": "CPython 3.11.7, CPython 3.12.1"}),
        ({"version": "1.2.4"}, {"version": "1.2.3, 1.2.4"}),
        ({"branch": None}, {"branch": None}),
        ({"is_modified": False}, {}),
        ({"selection": ("-k score",)}, {"selection": ("flows", "-k train", "-k score")}),
    ],
)
def test_circumstances_that_differ_are_joined(
    facts: dict[str, Any], merged: dict[str, Any]
) -> None:
    assert merged_run(**facts) == replace(RUN, **merged)


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"commit": "f" * 40}, f"1.json: its commit is {'f' * 40}, and that of 0.json is 0123"),
        ({"commit": None}, "1.json: its commit is unknown, and that of 0.json is 0123"),
        ({"command": "record"}, "1.json: its command is record, and that of 0.json is check"),
        ({"resolution": "fresh"}, "1.json: its resolution of packages is fresh, and"),
        ({"folder": "x"}, "1.json: its folder in the repository is x, and that of 0.json is ."),
        ({"command": "diff"}, "1.json: the report of `flowrepro diff`, which cannot be merged"),
    ],
)
def test_reports_that_do_not_belong_together_are_refused(facts: dict[str, Any], what: str) -> None:
    with pytest.raises(ReportError) as caught:
        merged_run(**facts)
    assert caught.value.what.startswith(what)


def test_a_flow_in_two_reports_is_refused() -> None:
    other = with_run(DRIFTED, platform="Darwin")
    with pytest.raises(ReportError, match=r"^0\.json and 1\.json both have flows/train\.py::Train"):
        merge_reports(named(with_run(DRIFTED), other))


def test_an_equal_report_counts_once() -> None:
    first, second = two_shards()
    assert merge_reports(named(first, second, first)) == merge_reports(named(first, second))


def test_two_runs_of_a_shard_are_refused() -> None:
    first, second = two_shards()
    again = replace(first, uncollected=(Uncollected(file="a.py", error="broken"),))
    with pytest.raises(ReportError, match="different reports of shard 1 of 2"):
        merge_reports(named(first, second, again))


def test_shards_of_another_number_are_refused() -> None:
    first, _ = two_shards()
    other = shards_of(report_of(FAILED), [3], 3)[2]
    for report, count in ((other, "3"), (report_of(FAILED), "not given")):
        with pytest.raises(ReportError, match="its number of shards is") as caught:
            merge_reports(named(first, report))
        assert count in caught.value.what


def test_each_obsolete_baseline_is_a_fact_of_its_own() -> None:
    gone = Obsolete(folder="a: b", reason="c: d")
    parts = shards_of(replace(report_of(DRIFTED), obsolete=(gone,)), [1], 2)
    assert merge_reports(named(*parts)).obsolete == (gone,)
