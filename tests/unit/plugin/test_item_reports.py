from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pytest
from part_results import part_id

from pytest_flowrepro.plugin.item_reports import (
    attach_result,
    attached_result,
    failed_reports,
    failure_reason,
    final_result,
)
from pytest_flowrepro.plugin.results import PartResult

if TYPE_CHECKING:
    from collections.abc import Callable

CODE = part_id("code", case="small")
REPRODUCED = PartResult(verdict="reproduced", notes=("a note",))
DRIFTED = PartResult(verdict="drifted", failure="TrainFlow@small code drifted")


def report(
    when: Literal["setup", "call", "teardown"], outcome: Literal["passed", "failed"] = "passed"
) -> pytest.TestReport:
    longrepr = "boom\nand more" if outcome == "failed" else None
    return pytest.TestReport(CODE.nodeid, ("a.py", 1, "code"), {}, outcome, longrepr, when)


def test_a_result_crosses_to_the_controller_in_a_report(
    pytestconfig: pytest.Config,
) -> None:
    sent = report("call")
    attach_result(sent, CODE, REPRODUCED)
    data = pytestconfig.hook.pytest_report_to_serializable(config=pytestconfig, report=sent)
    received = pytestconfig.hook.pytest_report_from_serializable(
        config=pytestconfig, data=json.loads(json.dumps(data))
    )
    assert attached_result(received) == (CODE, REPRODUCED)


def test_a_report_without_a_result_has_none() -> None:
    assert attached_result(report("setup")) is None


@pytest.mark.parametrize(
    ("ended", "result", "final"),
    [
        (report("setup"), REPRODUCED, None),
        (report("call"), REPRODUCED, REPRODUCED),
        (report("teardown"), REPRODUCED, None),
        (report("call", "failed"), DRIFTED, DRIFTED),
        (report("setup", "failed"), DRIFTED, DRIFTED),
        (report("call"), None, None),
    ],
)
def test_the_report_that_ends_a_test_has_its_result(
    ended: pytest.TestReport, result: PartResult | None, final: PartResult | None
) -> None:
    assert final_result(ended, result) == final


@pytest.mark.parametrize(
    ("ended", "result"),
    [
        (report("setup", "failed"), None),
        (report("call", "failed"), REPRODUCED),
        (report("teardown", "failed"), REPRODUCED),
        (report("teardown", "failed"), DRIFTED),
    ],
)
def test_a_hook_of_the_project_that_fails_is_an_error(
    ended: pytest.TestReport, result: PartResult | None
) -> None:
    final = final_result(ended, result)
    assert final is not None
    assert (final.verdict, final.is_broken) == ("error", True)
    assert final.failure == f"its {ended.when} failed: boom"
    assert final.notes == (result.notes if result else ())


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (lambda: report("call", "failed"), "its call failed: boom"),
        (
            lambda: pytest.TestReport("a", ("a", 1, "a"), {}, "failed", "\n", "setup"),
            "its setup failed: no message",
        ),
        (
            lambda: pytest.TestReport(
                "a",
                ("a", 1, "a"),
                {},
                "failed",
                "worker 'gw0' crashed",
                "???",  # type: ignore[arg-type]
            ),
            "did not run to the end: worker 'gw0' crashed",
        ),
    ],
)
def test_a_failure_is_one_sentence(ended: Callable[[], pytest.TestReport], reason: str) -> None:
    assert failure_reason(ended()) == reason


def test_a_test_that_did_not_run_is_reported_as_failed_in_its_setup() -> None:
    result = PartResult(verdict="error", failure="TrainFlow: code did not run\x1b[1m\nmore")
    setup, teardown = failed_reports(CODE, result)
    assert (setup.nodeid, setup.outcome, setup.when) == (CODE.nodeid, "failed", "setup")
    assert str(setup.longrepr).startswith("TrainFlow: code did not run")
    assert "\x1b" not in str(setup.longrepr)
    assert setup.location == ("flows/train.py", None, "TrainFlow@small::code")
    assert (teardown.outcome, teardown.when) == ("passed", "teardown")
    assert dict(teardown.user_properties) == {
        "flowrepro.flow": "TrainFlow@small",
        "flowrepro.part": "code",
        "flowrepro.verdict": "error",
    }
