from __future__ import annotations

from dataclasses import replace

from part_results import PARTS, part_id

from pytest_flowrepro.model import Card, Cause, Change, GraphStep, Verdict
from pytest_flowrepro.plugin.flow_reports import flow_reports, has_silent_failure, unused_patterns
from pytest_flowrepro.plugin.results import PartResult


def test_the_parts_of_a_flow_become_one_report() -> None:
    score = Change(
        kind="artifact",
        change="changed",
        name="score",
        old="0.91",
        new="0.93",
        gated=True,
        step="train",
        index=(0,),
        explanation=("moved by 0.02",),
        origin="first",
        tasks=(1, 2),
    )
    (report,) = flow_reports(
        {
            part_id("step[train]"): PartResult(
                verdict="drifted", changes=(score,), nondeterministic=2
            ),
            part_id("environment"): PartResult(
                verdict="reproduced", seconds=(("environment", 0.6),), notes=("one",)
            ),
            part_id("step[end]"): PartResult(
                verdict="reproduced",
                seconds=(("environment", 0.1), ("rerun", 3.1)),
                notes=("one", "two"),
            ),
        }
    )
    assert (report.verdict, report.nondeterministic) == ("drifted", 2)
    assert report.changes == (score,)
    assert report.seconds == (("environment", 0.6), ("rerun", 3.1))
    assert report.notes == ("one", "two")
    assert report.error is None
    assert (report.selected, report.tests) == (("environment", "step[train]", "step[end]"), 5)


def test_a_flow_has_the_cards_of_its_steps() -> None:
    first, second = (
        Card(step=name, index=(), type="default", id=None, state="rendered")
        for name in ("train", "end")
    )
    (report,) = flow_reports(
        {
            part_id("step[end]"): PartResult(verdict="reproduced", cards=(second,)),
            part_id("step[train]"): PartResult(verdict="reproduced", cards=(first,)),
        }
    )
    assert report.cards == (first, second)


def test_the_graph_of_a_rerun_is_reported_before_one_without() -> None:
    step = GraphStep(name="start", type="start", next=(), state="not compared")
    compared = replace(step, state="unchanged")
    results = {
        part_id("code"): PartResult(verdict="error"),
        part_id("environment"): PartResult(verdict="environment reproduced", graph=(step,)),
    }
    (report,) = flow_reports(results)
    assert report.graph == (step,)
    results[part_id("step[end]")] = PartResult(verdict="reproduced", graph=(compared,))
    (report,) = flow_reports(results)
    assert report.graph == (compared,)


def test_changes_are_in_the_order_of_the_flow_whichever_worker_ends_first() -> None:
    def changed(name: str) -> PartResult:
        one = Change(kind="artifact", change="changed", name=name, old="1", new="2", gated=True)
        return PartResult(verdict="reproduced", changes=(one,))

    (report,) = flow_reports({part_id(part): changed(part) for part in reversed(PARTS)})
    assert [change.name for change in report.changes] == [*PARTS]


def test_flows_and_cases_are_reported_apart_and_in_order() -> None:
    parts = (part_id("code", case="small"), part_id("code", file="flows/a.py"), part_id("code"))
    reports = flow_reports(dict.fromkeys(parts, PartResult(verdict="reproduced")))
    assert [(report.file, report.case) for report in reports] == [
        ("flows/a.py", None),
        ("flows/train.py", None),
        ("flows/train.py", "small"),
    ]


def test_an_error_is_not_a_drift_and_keeps_its_message() -> None:
    (report,) = flow_reports(
        {
            part_id("code"): PartResult(verdict="drifted", failure="TrainFlow code drifted"),
            part_id("step[start]"): PartResult(
                verdict="error", failure="the index cannot be reached"
            ),
        }
    )
    assert (report.verdict, report.error) == ("error", "the index cannot be reached")


def test_an_artifact_that_could_not_be_read_is_reported_by_its_change_alone() -> None:
    change = Change(kind="artifact", change="unread", name="m", old="1", new="?", gated=True)
    failure = "TrainFlow step[train] could not be compared"
    result = PartResult(verdict="error", changes=(change,), failure=failure)
    (report,) = flow_reports({part_id("step[train]"): result})
    assert (report.verdict, report.changes, report.error) == ("error", (change,), None)


def test_changes_do_not_hide_why_a_test_broke() -> None:
    change = Change(kind="code", change="changed", name="a.py", old="1", new="2", gated=True)
    failure = "its teardown failed: no more disk"
    result = PartResult(verdict="error", changes=(change,), failure=failure, is_broken=True)
    (report,) = flow_reports({part_id("code"): result})
    assert (report.changes, report.error) == ((change,), failure)


def test_a_pattern_is_unused_if_no_flow_needs_it() -> None:
    results = {
        part_id("code"): PartResult(verdict="reproduced", idle=("ignore: `a`", "rtol: `b`")),
        part_id("environment"): PartResult(verdict="reproduced"),
        part_id("code", flow="OtherFlow"): PartResult(
            verdict="reproduced", idle=("rtol: `b`", "rtol: `c`")
        ),
    }
    assert unused_patterns(results) == ("rtol: `b`",)
    results[part_id("code", case="small")] = PartResult(verdict="reproduced", idle=())
    assert unused_patterns(results) == ()


def test_no_pattern_is_called_unused_if_a_flow_could_not_be_checked() -> None:
    checked = {part_id("code"): PartResult(verdict="reproduced", idle=("ignore: `a`",))}
    failed = {part_id("environment", flow="OtherFlow"): PartResult(verdict="error")}
    assert unused_patterns(checked | failed) == ()
    assert unused_patterns({}) == ()


def test_a_drift_may_come_from_a_flow_that_ran_before() -> None:
    unexplained = Cause(kind="unexplained", text="nothing explains it", steps=("start",))
    own = Cause(kind="code", text="code of step end changed", steps=("end",))
    ingest = "flows/ingest.py::IngestFlow"
    ran_before = part_id("code", file="flows/ingest.py", flow="IngestFlow")

    def causes(verdict: Verdict, upstream: Verdict) -> tuple[Cause, ...]:
        result = PartResult(verdict=verdict, causes=(own, unexplained), after=(ingest,))
        results = {part_id("code"): result, ran_before: PartResult(verdict=upstream)}
        _, report = flow_reports(results)
        assert report.after == (ingest,)
        return report.causes

    text = f"{ingest}, which ran before it, drifted"
    assert causes("drifted", "drifted") == (own, Cause(kind="input", text=text, steps=("start",)))
    assert causes("drifted", "reproduced") == (own, unexplained)
    assert causes("reproduced", "drifted") == (own, unexplained)


def test_a_fresh_resolution_says_what_stayed() -> None:
    toolz = Change(kind="package", change="changed", name="toolz", old="1", new="2", gated=False)
    score = replace(toolz, kind="artifact", name="score", step="end", gated=True)
    rerun = PartResult(verdict="reproduced", seconds=(("rerun", 1.0),))
    results = {part_id("environment"): rerun, part_id("step[end]"): rerun}
    (report,) = flow_reports(results, fresh=True)
    assert report.notes == ("packages unchanged", "artifacts unchanged")
    results[part_id("environment")] = replace(rerun, changes=(toolz,))
    (report,) = flow_reports(results, fresh=True)
    assert report.notes == ("artifacts unchanged",)
    results[part_id("step[end]")] = replace(rerun, changes=(score,))
    (report,) = flow_reports(results, fresh=True)
    assert report.notes == ()  # the summary counts both


def test_a_failure_that_was_left_to_another_test_is_silent_if_that_reports_none() -> None:
    skipped = PartResult(verdict="no baseline", skipped="no baseline yet: see code")
    failed = PartResult(verdict="no baseline", failure="no baseline yet")
    assert has_silent_failure({part_id("environment"): skipped})
    other = part_id("code", flow="OtherFlow")
    assert has_silent_failure({part_id("environment"): skipped, other: failed})
    assert not has_silent_failure({part_id("environment"): skipped, part_id("code"): failed})
    assert not has_silent_failure({part_id("code"): PartResult(verdict="reproduced")})
