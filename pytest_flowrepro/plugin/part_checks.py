"""The checks of the parts of a flow: its code, its environments, and each step."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from pytest_flowrepro.diff import (
    causes_of,
    compared_graph,
    diff_environments,
    diff_policy,
    diff_system,
    uncompared_graph,
)
from pytest_flowrepro.diff.verdict import (
    changes_of,
    determinism_notes,
    merge_notes,
    nondeterministic,
    uncompared_notes,
    verdict_of,
)
from pytest_flowrepro.environment import system_of
from pytest_flowrepro.pipeline import policy_of, upload_days_of, with_upload_days
from pytest_flowrepro.plugin.failures import log_of, reporting_step, step_failure
from pytest_flowrepro.plugin.results import PartResult
from pytest_flowrepro.report import cause_line, changes_lines, started_at
from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.errors import BaselineError, RerunError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_flowrepro.diff.verdict import PatternsUsed
    from pytest_flowrepro.model import Cause, Change, Gate, GraphStep, Recording, Verdict
    from pytest_flowrepro.pipeline import Environments, Job, Observation
    from pytest_flowrepro.plugin.options import SessionOptions


class CheckedFlow(Protocol):
    """The check of a whole flow (`FlowCheck`), as far as its parts need it."""

    @property
    def job(self) -> Job: ...
    @property
    def options(self) -> SessionOptions: ...
    @property
    def file(self) -> str: ...
    @property
    def selected(self) -> Sequence[str]: ...
    @property
    def selected_steps(self) -> tuple[str, ...]: ...
    @property
    def is_recorded(self) -> bool: ...
    @property
    def baseline(self) -> Recording | None: ...
    @property
    def observation(self) -> Observation: ...
    @property
    def changes(self) -> tuple[Change, ...]: ...
    @property
    def rejection_notes(self) -> tuple[str, ...]: ...
    @property
    def after(self) -> tuple[str, ...]: ...
    @property
    def causes(self) -> tuple[Cause, ...]: ...
    @property
    def policy_part(self) -> str: ...
    @property
    def patterns_used(self) -> PatternsUsed: ...
    @property
    def gates(self) -> frozenset[Gate]: ...
    def environments(self) -> Environments: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PartCheck(ABC):
    """The check of one part of a flow."""

    flow: CheckedFlow
    part: str
    """`code`, `environment` or `step[NAME]`."""
    accept: Callable[[tuple[Change, ...]], tuple[Change, ...]]
    """Return the changes with those not gated that the project's hooks accept."""

    def run(self) -> PartResult:
        """Return the result of the test; raise `FlowReproError` if the part cannot be checked."""
        if self.flow.is_recorded:
            return self.report_recording()
        baseline = self.flow.baseline
        return self.report_missing_baseline() if baseline is None else self.compare(baseline)

    def report_recording(self) -> PartResult:
        """Return the result of a test whose flow was recorded; raise if the recording failed."""
        flow = self.flow
        observation, patterns = flow.observation, flow.job.settings.patterns
        if observation.failure is not None:
            return self._report_unrecorded(observation)
        recording = observation.recording
        return PartResult(
            verdict="recorded",
            # The whole flow was recorded, also if one of its tests was selected.
            changes=observation.changes if self.part == flow.policy_part else (),
            recorded=observation.recorded,
            seconds=observation.seconds,
            nondeterministic=nondeterministic(recording, patterns).total(),
            notes=(*determinism_notes(recording, patterns), *self._notes(observation)),
            idle=flow.patterns_used.idle,
            after=flow.after,
            causes=observation.causes,
            graph=self._graph(observation.changes),
        )

    def _report_unrecorded(self, observation: Observation) -> PartResult:
        """Skip a test whose flow was not recorded; raise if no test of a step says why."""
        flow = self.flow
        what = f"{flow.job.title} was not recorded: it ended with {observation.failure}"
        if reporting_step(observation, flow.selected_steps, flow.job) is not None:
            return PartResult(verdict="error", skipped=what)
        raise BaselineError(
            what, hint="run the tests of its steps as well; the existing baseline was not changed"
        )

    def report_missing_baseline(self) -> PartResult:
        """Return the result of a test whose flow has no baseline: the first one fails."""
        first = next(iter(self.flow.selected), self.part)
        if self.part != first:
            return PartResult(verdict="no baseline", skipped=f"no baseline yet: see {first}")
        failure = (
            f"{self.flow.job.title} has no baseline yet\nWhat to do: record one with "
            f"`pytest --flow-repro --flow-repro-update-new {self.flow.file}`, and commit it"
        )
        return PartResult(verdict="no baseline", failure=failure)

    @abstractmethod
    def compare(self, baseline: Recording) -> PartResult:
        """Return the result of comparing the part with the baseline."""

    def compare_rerun(self, baseline: Recording) -> PartResult:
        """Return the result of comparing the part, as it was in the rerun, with the baseline."""
        flow = self.flow
        observation, used = flow.observation, flow.patterns_used
        return replace(
            self.assess(flow.changes, flow.causes),
            seconds=observation.seconds,
            nondeterministic=nondeterministic(baseline, flow.job.settings.patterns).total(),
            notes=(
                *merge_notes(baseline),
                *uncompared_notes(baseline, flow.job.settings.patterns),
                *flow.rejection_notes,
                *self._notes(observation),
                *used.notes,
            ),
            idle=used.idle,
            after=flow.after,
            causes=flow.causes,
            graph=self._graph(flow.changes),
        )

    def assess(self, changes: tuple[Change, ...], causes: tuple[Cause, ...]) -> PartResult:
        """Return the verdict on those changes of a flow that belong to this part."""
        steps = self.flow.job.flow.steps
        own_changes = self.accept(changes_of(self.part, changes, steps, self.flow.policy_part))
        verdict = verdict_of(own_changes)
        failed = verdict in {"drifted", "error"}
        failure = self._failure(own_changes, started_at(changes), causes) if failed else None
        return PartResult(verdict=verdict, changes=own_changes, failure=failure)

    def _failure(
        self, changes: tuple[Change, ...], start: str | None, causes: tuple[Cause, ...]
    ) -> str:
        """Return the text of a test that fails for its changes; the drift began at `start`."""
        gated = [change for change in changes if change.gated]
        is_policy = all(change.kind == "policy" for change in gated)
        ended = "drifted" if verdict_of(changes) == "drifted" else "could not be compared"
        what = f"{self.flow.job.title} {'policy' if is_policy else self.part} {ended}"
        if start and all(change.origin == "derived" for change in gated):
            what += f"; it started at {start}"
        steps = {change.step for change in gated if change.origin == "first"}
        own_causes = (cause for cause in causes if steps.intersection(cause.steps))
        lines = [
            *map(cause_line, own_causes),
            *changes_lines(changes, details=self.flow.options.details),
        ]
        if any(change.kind == "policy" for change in gated):
            lines.append(
                "What to do: undo the change of the settings, or record again with "
                "--flow-repro-update or accept it with `flowrepro review`, so that the baseline "
                "shows it; see "
                f"{docs('reference/configuration#the-policy')}"
            )
        return "\n".join([what, *lines])

    def _graph(self, changes: tuple[Change, ...]) -> tuple[GraphStep, ...]:
        """Return the graph of the flow that was rerun."""
        observation = self.flow.observation
        if observation.recorded == "created":
            return uncompared_graph(observation.recording.steps)
        return compared_graph(
            observation.recording.steps,
            changes,
            observation.logs,
            failed=observation.failure is not None,
        )

    def _notes(self, observation: Observation) -> tuple[str, ...]:
        return observation.notes + (observation.details if self.flow.options.details else ())


class CodeCheck(PartCheck):
    """The check of the code package, without parameters."""

    __slots__ = ()

    def compare(self, baseline: Recording) -> PartResult:
        result = self.compare_rerun(baseline)
        return replace(result, verdict=_if_reproduced(result.verdict, "code compared"))


class EnvironmentCheck(PartCheck):
    """The check of interpreters and packages, which are rebuilt and compared without a rerun."""

    __slots__ = ()

    def compare(self, baseline: Recording) -> PartResult:
        flow, gates = self.flow, self.flow.gates
        started = time.monotonic()
        environments = flow.environments()
        systems = baseline.system, system_of()
        policy = diff_policy(baseline.policy, policy_of(flow.job), gates=gates)
        changes = diff_environments(
            baseline.environments, environments.manifests, gates=gates, systems=systems
        )
        if flow.options.fresh:
            days = upload_days_of(flow.job, environments.manifests)
            changes = with_upload_days(changes, days)
        spent = round(time.monotonic() - started, 3)
        system = diff_system(*systems, gates=gates)
        changes = (*policy, *changes, *system)
        now = replace(baseline, environments=environments.manifests, system=systems[1])
        causes = causes_of(baseline, now, changes)
        result = self.assess(changes, causes)
        return replace(
            result,
            verdict=_if_reproduced(
                result.verdict, "resolved" if flow.options.fresh else "environment reproduced"
            ),
            seconds=(("environment", spent),),
            notes=(*merge_notes(baseline), *environments.notes),
            causes=causes,
            graph=uncompared_graph(baseline.steps),
        )


def _if_reproduced(verdict: Verdict, better: Verdict) -> Verdict:
    """Return the verdict of a test that compares no artifacts: it does not say `reproduced`."""
    return better if verdict == "reproduced" else verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class StepCheck(PartCheck):
    """The check of the artifacts of one step's tasks."""

    step: str
    show_output: Callable[[str, str], None]
    """Called with `stdout` or `stderr`, and the output of the step there."""

    def report_recording(self) -> PartResult:
        return self._with_cards(self._failed_step(None) or PartCheck.report_recording(self))

    def compare(self, baseline: Recording) -> PartResult:
        return self._with_cards(self._failed_step(baseline) or self.compare_rerun(baseline))

    def _with_cards(self, result: PartResult) -> PartResult:
        cards = self.flow.observation.cards
        return replace(result, cards=tuple(card for card in cards if card.step == self.step))

    def _failed_step(self, baseline: Recording | None) -> PartResult | None:
        """Return the error of a step that failed; None for one that can be compared.

        A step that was not reached or finished is skipped if the test of another one says why;
        raise `RerunError` if none is selected that does.
        """
        flow, observation = self.flow, self.flow.observation
        failure = step_failure(observation, self.step, flow.job, baseline)
        has_stderr = failure is not None and failure.reached and not flow.options.details
        for stream in ("stdout",) if has_stderr else ("stdout", "stderr"):
            if text := log_of(observation.logs, self.step, stream):
                self.show_output(stream, text)
        if failure is None:
            return None
        if failure.reached:
            seconds = observation.seconds
            graph = self._graph(() if self.flow.is_recorded or not baseline else self.flow.changes)
            return PartResult(verdict="error", failure=failure.text, seconds=seconds, graph=graph)
        if reporting_step(observation, flow.selected_steps, flow.job, baseline) != self.step:
            return PartResult(verdict="error", skipped=failure.what)
        hint = "fix the failing step and run again"
        raise RerunError(failure.what, detail=failure.detail, hint=hint)
