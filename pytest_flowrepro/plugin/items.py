"""The collectors and items of flows: a file, its flows, and one test for each part of a flow."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.model import flow_title
from pytest_flowrepro.plugin.change_filter import ChangeFilter
from pytest_flowrepro.plugin.results import PartId, PartResult
from pytest_flowrepro.plugin.worker_input import is_worker
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.disk import naming_full_disk
from pytest_flowrepro.support.errors import FlowReproError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.model import Change, FlowSource
    from pytest_flowrepro.pipeline import Job
    from pytest_flowrepro.plugin.flow_check import FlowCheck
    from pytest_flowrepro.plugin.part_checks import (
        CodeCheck,
        EnvironmentCheck,
        PartCheck,
        StepCheck,
    )
    from pytest_flowrepro.plugin.session import SessionState

SESSION: pytest.StashKey[SessionState] = pytest.StashKey()


class NotReproducedError(Exception):
    """Raised by a test that fails; its text is shown as it is, without a traceback."""


class FlowFile(pytest.File):
    """A Python file that starts one flow or several, or could not be read."""

    def __init__(self, *, flows: tuple[FlowSource, ...] | FlowReproError, **more: Any) -> None:
        super().__init__(**more)
        self.flows = flows
        self.add_marker("flowrepro")  # of all tests below it

    def collect(self) -> Iterator[FlowNode]:
        if isinstance(self.flows, FlowReproError):
            raise self.flows
        session = self.config.stash[SESSION]
        for flow in self.flows:
            session.flows.append(flow)
            for case in session.options.settings.cases(flow.name):
                name = flow.name if case is None else _title_of_case(flow.name, case)
                yield FlowNode.from_parent(self, name=name, flow=flow, case=case)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        if isinstance(excinfo.value, FlowReproError):
            return _escape_lines(str(excinfo.value))
        return super().repr_failure(excinfo, *args)


class FlowNode(pytest.Collector):
    """One flow, or one case of it: `TrainFlow@small`."""

    def __init__(self, *, flow: FlowSource, case: str | None, **more: Any) -> None:
        super().__init__(**more)
        self.flow = flow
        self.case = case
        if is_worker(self.config):
            # Under --dist loadgroup, one worker runs all tests of a flow.
            self.add_marker(pytest.mark.xdist_group(str(self.nodeid)))

    @cached_property
    def flow_check(self) -> FlowCheck:
        """The check of this flow; its first use loads most of this plugin."""
        return self.config.stash[SESSION].flow_check(self.flow, self.case)

    def collect(self) -> Iterator[PartItem]:
        yield self._item(CodeItem, "code", position=0)
        yield self._item(EnvironmentItem, "environment", position=1)
        for position, step in enumerate(self.flow.steps, 2):
            yield self._item(StepItem, f"step[{step}]", position=position, step=step)

    def _item(self, kind: type[PartItem], part: str, **more: Any) -> PartItem:
        # The id is passed as text: pytest parses `[...]` in it as in an id from its cache.
        nodeid = f"{self.nodeid}::{part}"
        return kind.from_parent(self, name=part, nodeid=nodeid, **more)


class PartItem(pytest.Item):
    """One part of a flow. `setup` checks it: a problem there is an error, not a failure."""

    result: PartResult | None = None

    def __init__(self, *, position: int, **more: Any) -> None:
        super().__init__(**more)
        self.position = position
        """The position among the tests of its flow."""

    @property
    def flow_check(self) -> FlowCheck:
        assert isinstance(self.parent, FlowNode)
        return self.parent.flow_check

    @property
    def job(self) -> Job:
        return self.flow_check.job

    @property
    def identity(self) -> PartId:
        return PartId(
            file=self.flow_check.file,
            flow=self.job.flow.name,
            case=self.job.case,
            part=self.name,
            position=self.position,
            tests=len(self.job.flow.steps) + 2,
            nodeid=self.nodeid,
        )

    @abstractmethod
    def part_check(self) -> PartCheck:
        """Return the check of this part."""

    def accept(self, changes: tuple[Change, ...]) -> tuple[Change, ...]:
        """Apply the plugins that pytest calls for this test: of conftest.py files, those above."""
        return ChangeFilter(
            hook=self.ihook.pytest_flowrepro_accept_change,
            flow=self.job.title,
            config=self.config,
            root=self.flow_check.options.root,
        ).apply(changes)

    def listchain(self) -> list[Any]:
        """Return the nodes above, without packages: pytest would import their `__init__.py`."""
        return [node for node in super().listchain() if not isinstance(node, pytest.Package)]

    def setup(self) -> None:
        self.result = self._evaluate_safely()
        self.user_properties.extend(self._properties(self.result))
        if self.result.skipped is not None:
            pytest.skip(inert(self.result.skipped))
        if self.result.failure is not None and not self.result.in_call:
            # pytest calls `repr_failure` only in the call phase; here it shows the text alone.
            failure = self._first_or_short(self.result.failure)
            pytest.fail(_escape_lines(failure), pytrace=False)

    def runtest(self) -> None:
        assert self.result is not None
        if self.result.failure is not None:
            raise NotReproducedError(self.result.failure)

    def broken(self, error: Exception) -> PartResult:
        """Return the result of a test that an unexpected exception stopped."""
        reported = self.flow_check.internal_error(error)
        return PartResult(verdict="error", failure=str(reported), in_call=False)

    @property
    def skip_place(self) -> tuple[str, int, str] | None:
        """The place and the reason of a test that was skipped, as in a report of pytest."""
        if self.result is None or self.result.skipped is None:
            return None
        path, line, _ = self.reportinfo()
        return str(path), line + 1, f"Skipped: {inert(self.result.skipped)}"

    def _evaluate_safely(self) -> PartResult:
        """Return the result of this test, also for unexpected errors; interrupts propagate."""
        try:
            return self._evaluate()
        except pytest.exit.Exception:
            raise
        except Exception as error:  # noqa: BLE001  never reproduced by a fault of ours
            return self.broken(error)

    def _evaluate(self) -> PartResult:
        try:
            with naming_full_disk(self.flow_check.folder.path, self.job.flow.file.parent):
                self.flow_check.check_expired()
                return self.part_check().run()
        except FlowReproError as error:
            return PartResult(verdict="error", failure=str(error), in_call=False)

    def _first_or_short(self, failure: str) -> str:
        """Return the whole failure for the first test of a flow, and its first line for others."""
        if self.flow_check.report_once(failure):
            return failure
        return f"{failure.splitlines()[0]}\n(as above)"

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.job.flow.lineno - 1, f"{self.job.title}::{self.name}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        if isinstance(excinfo.value, NotReproducedError):
            return _escape_lines(str(excinfo.value))
        return super().repr_failure(excinfo, *args)

    def _properties(self, result: PartResult) -> Iterator[tuple[str, object]]:
        """Yield properties for JUnit: `flowrepro.flow`, `.part`, `.seconds.<stage>`, ..."""
        yield "flowrepro.flow", self.job.title
        yield "flowrepro.part", self.name
        yield "flowrepro.verdict", result.verdict
        yield "flowrepro.changes", len(result.changes)
        yield "flowrepro.nondeterministic", result.nondeterministic
        for stage, spent in result.seconds:
            # All tests of a flow have the seconds of its rerun, which the first of them spent.
            if self.flow_check.report_once(f"{stage} took {spent} s"):
                yield f"flowrepro.seconds.{stage}", spent
        for note in filter(self.flow_check.report_once, result.notes):
            yield "flowrepro.note", inert(note)


class CodeItem(PartItem):
    def part_check(self) -> CodeCheck:
        from pytest_flowrepro.plugin.part_checks import CodeCheck  # noqa: PLC0415  see FlowNode

        return CodeCheck(flow=self.flow_check, part=self.name, accept=self.accept)


class EnvironmentItem(PartItem):
    def part_check(self) -> EnvironmentCheck:
        from pytest_flowrepro.plugin.part_checks import EnvironmentCheck  # noqa: PLC0415

        return EnvironmentCheck(flow=self.flow_check, part=self.name, accept=self.accept)


class StepItem(PartItem):
    def __init__(self, *, step: str, **more: Any) -> None:
        super().__init__(**more)
        self.step = step

    def part_check(self) -> StepCheck:
        from pytest_flowrepro.plugin.part_checks import StepCheck  # noqa: PLC0415

        return StepCheck(
            flow=self.flow_check,
            part=self.name,
            accept=self.accept,
            step=self.step,
            show_output=self._show_output,
        )

    def _show_output(self, stream: str, text: str) -> None:
        self.add_report_section("call", stream, text)


def _title_of_case(flow: str, case: str) -> str:
    """Return the title as in the folder of the baseline: pytest parses `::` and `[...]` in ids."""
    from pytest_flowrepro.baseline import portable_name  # noqa: PLC0415  few flows have cases

    return flow_title(flow, portable_name(case))


def _escape_lines(text: str) -> str:
    """Escape another program's text, so that no terminal or CI system acts upon it."""
    return "\n".join(inert(line) for line in text.splitlines())
