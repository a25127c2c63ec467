"""The collectors and items of flows: a file, its flows, and one test for each part of a flow."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.diff import diff_environments, diff_policy, diff_system
from pytest_flowrepro.diff.verdict import (
    changes_of,
    determinism_notes,
    merge_notes,
    nondeterministic,
    verdict_of,
)
from pytest_flowrepro.discover.flows import explain_no_flow, find_flows, suspect_no_flow
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.pipeline import policy_of, upload_days_of, with_origins
from pytest_flowrepro.plugin.change_filter import Acceptance
from pytest_flowrepro.plugin.failures import log_of, step_failure
from pytest_flowrepro.plugin.results import PartId, PartResult
from pytest_flowrepro.report import changes_lines, started_at
from pytest_flowrepro.report.text import inert
from pytest_flowrepro.support.disk import naming_full_disk
from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.errors import BaselineError, DiscoverError, FlowReproError, RerunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_flowrepro.model import Change, FlowSource, Recording
    from pytest_flowrepro.pipeline import Job, Observation
    from pytest_flowrepro.plugin.session import Session

SESSION: pytest.StashKey[Session] = pytest.StashKey()


class NotReproducedError(Exception):
    """Raised by a test that fails; its text is shown as it is, without a traceback."""


class FlowFile(pytest.File):
    """A Python file that starts one flow or several, or could not be read."""

    flows: tuple[FlowSource, ...] | FlowReproError

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, *, named: bool) -> FlowFile | None:
        """Return the collector of a file, or None if it starts no flow.

        `named`: the file is an argument of pytest; then it is an error if it only seems to have a
        flow.
        """
        session = parent.config.stash[SESSION]
        flows: tuple[FlowSource, ...] | DiscoverError
        try:
            flows = find_flows(path, root=session.root)
            if not flows:
                flows = _error_without_flows(path, session, named=named) or ()
        except DiscoverError as error:
            flows = error
        if flows == ():
            return None
        file: FlowFile = cls.from_parent(parent, path=path)
        file.flows = flows
        return file

    def collect(self) -> Iterator[FlowNode]:
        if isinstance(self.flows, FlowReproError):
            raise self.flows
        session = self.config.stash[SESSION]
        for flow in self.flows:
            session.collected.append(flow)
            for case in session.settings.cases(flow.name):
                yield FlowNode.of(self, session.job(flow, case))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *args: Any) -> Any:
        if isinstance(excinfo.value, FlowReproError):
            return _escape_lines(str(excinfo.value))
        return super().repr_failure(excinfo, *args)


def _error_without_flows(path: Path, session: Session, *, named: bool) -> DiscoverError | None:
    """Return the error for a file that should have a flow; remember any other suspect."""
    literal = path in session.settings.literal_flow_files
    if literal or named:
        reason = explain_no_flow(path, root=session.root)
        return reason.error() if literal or reason.looks_like_one else None
    if suspect := suspect_no_flow(path, root=session.root):
        session.suspects.append(suspect)
    return None


class FlowNode(pytest.Collector):
    """One flow, or one case of it: `TrainFlow[small]`."""

    job: Job

    @classmethod
    def of(cls, parent: FlowFile, job: Job) -> FlowNode:
        # The id is passed as text: pytest parses `[...]` in it as in an id from its cache.
        nodeid = f"{parent.nodeid}::{job.title}"
        node: FlowNode = cls.from_parent(parent, name=job.title, nodeid=nodeid)
        node.job = job
        if parent.config.pluginmanager.hasplugin("xdist"):
            # Under --dist loadgroup, one worker runs all tests of a flow.
            node.add_marker(pytest.mark.xdist_group(str(node.nodeid)))
        return node

    def collect(self) -> Iterator[PartItem]:
        yield CodeItem.of(self, "code", position=0)
        yield EnvironmentItem.of(self, "environment", position=1)
        for position, step in enumerate(self.job.flow.steps, 2):
            yield StepItem.of(self, f"step[{step}]", position=position)


class PartItem(pytest.Item):
    """One part of a flow. `setup` observes it: a problem there is an error, not a failure."""

    job: Job
    flow_session: Session
    position: int
    """The position among the tests of its flow."""
    result: PartResult | None = None

    @classmethod
    def of(cls, parent: FlowNode, part: str, *, position: int) -> PartItem:
        item: PartItem = cls.from_parent(parent, name=part, nodeid=f"{parent.nodeid}::{part}")
        item.job = parent.job
        item.position = position
        item.flow_session = parent.config.stash[SESSION]
        item.add_marker("flowrepro")
        return item

    def listchain(self) -> list[Any]:
        """Return the nodes above, without packages: pytest would import their `__init__.py`."""
        return [node for node in super().listchain() if not isinstance(node, pytest.Package)]

    def setup(self) -> None:
        self.result = self._evaluate_safely()
        self.user_properties.extend(self._properties(self.result))
        if self.result.failure is not None and not self.result.in_call:
            # pytest calls `repr_failure` only in the call phase; here it shows the text alone.
            failure = self._first_or_short(self.result.failure)
            pytest.fail(_escape_lines(failure), pytrace=False)

    def _first_or_short(self, failure: str) -> str:
        """Return the whole failure for the first test of a flow, and its first line for others."""
        if self.flow_session.report_once(self.job, failure):
            return failure
        return f"{failure.splitlines()[0]}\n(as above)"

    def _evaluate_safely(self) -> PartResult:
        """Return the result of this test, also for unexpected errors; interrupts propagate."""
        try:
            return self._evaluate()
        except pytest.exit.Exception:
            raise
        except Exception as error:  # noqa: BLE001  never reproduced by a fault of ours
            return self.broken(error)

    def broken(self, error: Exception) -> PartResult:
        """Return the result of a test that an unexpected exception stopped."""
        reported = self.flow_session.internal_error(self.job, error)
        return PartResult(verdict="error", failure=str(reported), in_call=False)

    def _evaluate(self) -> PartResult:
        try:
            with naming_full_disk(self.flow_session.folder.path, self.job.flow.file.parent):
                self.flow_session.check_expired(self.job)
                if self.flow_session.records(self.job):
                    return self.record_result(self.flow_session.recorded(self.job))
                return self.check_result(self.flow_session.baseline(self.job))
        except FlowReproError as error:
            return PartResult(verdict="error", failure=str(error), in_call=False)

    def runtest(self) -> None:
        assert self.result is not None
        if self.result.failure is not None:
            raise NotReproducedError(self.result.failure)

    def record_result(self, observation: Observation) -> PartResult:
        """Return the result of a test whose flow was recorded; raise if the recording failed."""
        if observation.failure is not None:
            raise BaselineError(
                f"{self.job.title} was not recorded: it ended with {observation.failure}",
                hint="see the failing step's test; the existing baseline was not changed",
            )
        recording, patterns = observation.recording, self.job.settings.patterns
        return PartResult(
            verdict="recorded",
            seconds=observation.seconds,
            nondeterministic=nondeterministic(recording, patterns).total(),
            notes=(*determinism_notes(recording, patterns), *self._notes(observation)),
            idle=self.flow_session.patterns_used(self.job, None).idle,
        )

    def check_result(self, baseline: Recording | None) -> PartResult:
        """Return the result of comparing this part with the baseline."""
        if baseline is None:
            return PartResult(verdict="no baseline", failure=self._no_baseline())
        observation = self.flow_session.observed(self.job, baseline)
        patterns = self.job.settings.patterns
        used = self.flow_session.patterns_used(self.job, baseline)
        return replace(
            self.compare_part(self.flow_session.changes(self.job, baseline)),
            seconds=observation.seconds,
            nondeterministic=nondeterministic(baseline, patterns).total(),
            notes=(*merge_notes(baseline), *self._notes(observation), *used.notes),
            idle=used.idle,
        )

    def _notes(self, observation: Observation) -> tuple[str, ...]:
        return observation.notes + (observation.details if self.flow_session.details else ())

    def compare_part(self, changes: tuple[Change, ...]) -> PartResult:
        policy = self.flow_session.policy_part(self.job)
        own = self._acceptance.of(changes_of(self.name, changes, self.job.flow.steps, policy))
        verdict = verdict_of(own)
        failure = None
        if verdict in {"drifted", "error"}:
            ended = "drifted" if verdict == "drifted" else "could not be compared"
            gated = [change for change in own if change.gated]
            is_policy = all(change.kind == "policy" for change in gated)
            what = f"{self.job.title} {'policy' if is_policy else self.name} {ended}"
            start = started_at(changes)
            if start and all(change.origin == "derived" for change in gated):
                what += f"; it started at {start}"
            lines = changes_lines(own, details=self.flow_session.details)
            if any(change.kind == "policy" for change in gated):
                lines.append(
                    "What to do: undo the change of the settings, or record again with "
                    "--flow-repro-update, so that the review of the baseline shows it; see "
                    f"{docs('reference/configuration#the-policy')}"
                )
            failure = "\n".join([what, *lines])
        return PartResult(verdict=verdict, changes=own, failure=failure)

    @property
    def _acceptance(self) -> Acceptance:
        """The plugins that pytest calls for this test: of conftest.py files, those above it."""
        return Acceptance(
            hook=self.ihook.pytest_flowrepro_accept_change,
            manager=self.config.pluginmanager,
            given={"flow": self.job.title, "config": self.config},
            root=self.flow_session.root,
        )

    def _no_baseline(self) -> str:
        return (
            f"{self.job.title} has no baseline yet\nWhat to do: record one with "
            f"`pytest --flow-repro --flow-repro-update-new {self._file}`, and commit it"
        )

    @property
    def _file(self) -> str:
        """The path relative to the project, with `/`."""
        return self.path.relative_to(self.job.root).as_posix()

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
            yield f"flowrepro.seconds.{stage}", spent

    @property
    def identity(self) -> PartId:
        return PartId(
            file=self._file,
            flow=self.job.flow.name,
            case=self.job.case,
            part=self.name,
            position=self.position,
            nodeid=self.nodeid,
        )


class CodeItem(PartItem):
    """The code package, parameters aside."""


class EnvironmentItem(PartItem):
    """Interpreter and packages: rebuilt and compared without a rerun."""

    def check_result(self, baseline: Recording | None) -> PartResult:
        if baseline is None:
            return super().check_result(baseline)
        gates = self.flow_session.gates(self.job, baseline)
        started = time.monotonic()
        environments = self.flow_session.environments(self.job, baseline)
        systems = baseline.system, system_of()
        policy = diff_policy(baseline.policy, policy_of(self.job), gates=gates)
        changes = diff_environments(
            baseline.environments, environments.manifests, gates=gates, systems=systems
        )
        if self.flow_session.fresh:
            days = upload_days_of(self.job, environments.manifests)
            changes = with_origins(changes, environments.manifests, days)
        spent = round(time.monotonic() - started, 3)
        system = diff_system(*systems, gates=gates)
        result = self.compare_part((*policy, *changes, *system))
        notes = (*merge_notes(baseline), *environments.notes)
        return replace(result, seconds=(("environment", spent),), notes=notes)


class StepItem(PartItem):
    """The artifacts of one step's tasks."""

    @property
    def step(self) -> str:
        return self.name.removeprefix("step[").removesuffix("]")

    def record_result(self, observation: Observation) -> PartResult:
        return self._failure(observation) or super().record_result(observation)

    def check_result(self, baseline: Recording | None) -> PartResult:
        if baseline is not None:
            failed = self._failure(self.flow_session.observed(self.job, baseline), baseline)
            if failed is not None:
                return failed
        return super().check_result(baseline)

    def _failure(
        self, observation: Observation, baseline: Recording | None = None
    ) -> PartResult | None:
        """Return a failed result if this step failed; raise if it was not reached or finished."""
        for stream in ("stdout", "stderr"):
            if text := log_of(observation.logs, self.step, stream):
                self.add_report_section("call", stream, text)
        failure = step_failure(observation, self.step, self.job, baseline)
        if failure is None:
            return None
        if failure.reached:
            seconds = observation.seconds
            return PartResult(verdict="error", failure=failure.text, seconds=seconds)
        what, _, detail = failure.text.partition("\n")
        raise RerunError(what, detail=detail, hint="fix the failing step and run again")


def _escape_lines(text: str) -> str:
    """Escape another program's text, so that no terminal or CI system acts upon it."""
    return "\n".join(inert(line) for line in text.splitlines())
