"""The reports of pytest that carry results of ours, also from an xdist worker."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import Uncollected
from pytest_flowrepro.plugin.results import PartId, PartResult
from pytest_flowrepro.report.text import inert

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATTRIBUTE = "flowrepro"
"""The attribute of a report that has the identity and result of a test, or the file that could not
be collected."""


def attach_result(report: pytest.TestReport, part: PartId, result: PartResult) -> None:
    # As JSON: pytest, xdist and plugins that log reports serialize a report's attributes.
    vars(report)[_ATTRIBUTE] = {"part": part.to_json(), "result": result.to_json()}


def attached_result(report: pytest.TestReport) -> tuple[PartId, PartResult] | None:
    """Return the result that `attach_result` attached, here or in a worker; None without one."""
    attached = vars(report).get(_ATTRIBUTE)
    if attached is None:
        return None
    return PartId.from_json(attached["part"]), PartResult.from_json(attached["result"])


def attach_uncollected(report: pytest.CollectReport, file: str) -> None:
    """Attach a file that could not be collected to the report of its error."""
    vars(report)[_ATTRIBUTE] = asdict(Uncollected(file=file, error=report.longreprtext.strip()))


def attached_uncollected(report: pytest.CollectReport) -> Uncollected | None:
    """Return the file that could not be collected; None for other reports."""
    attached = vars(report).get(_ATTRIBUTE)
    return None if attached is None else Uncollected(**attached)


def final_result(report: pytest.TestReport, result: PartResult | None) -> PartResult | None:
    """Return the result of a test as its report has it, None if another report ends the test.

    `result` is that of the check, None if there was none.
    """
    if report.failed and (result is None or result.failure is None or report.when == "teardown"):
        # The error is in a hook of the project or in another plugin, not in a test of ours.
        earlier = result or PartResult(verdict="error")
        return replace(earlier, verdict="error", failure=failure_reason(report), is_broken=True)
    is_end = report.when == "call" or (report.when == "setup" and not report.passed)
    return result if is_end else None


def failure_reason(report: pytest.TestReport) -> str:
    """Return one sentence about why a test without a result of ours failed."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash is not None else str(report.longrepr)
    lines = [line for line in message.splitlines() if line.strip()] or ["no message"]
    if report.when not in {"setup", "call", "teardown"}:  # xdist has no phase for it
        return f"did not run to the end: {lines[0]}"
    return f"its {report.when} failed: {lines[0]}"


def failed_reports(part: PartId, result: PartResult) -> Iterator[pytest.TestReport]:
    """Yield the reports of a test that did not run, as if it had run and failed in its setup."""
    assert result.failure is not None
    location = (part.file, None, f"{part.title}::{part.part}")
    properties: list[tuple[str, object]] = [
        ("flowrepro.flow", part.title),
        ("flowrepro.part", part.part),
        ("flowrepro.verdict", result.verdict),
    ]
    failure = inert(result.failure.splitlines()[0])
    yield pytest.TestReport(part.nodeid, location, {}, "failed", failure, "setup")
    yield pytest.TestReport(
        part.nodeid, location, {}, "passed", None, "teardown", user_properties=properties
    )
