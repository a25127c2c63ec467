"""The check of one flow, made once for all of its tests."""

from __future__ import annotations

import contextlib
import posixpath
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.baseline import (
    baseline_folder,
    read_baseline,
    recording_name,
    write_baseline,
)
from pytest_flowrepro.diff import (
    Limits,
    causes_of,
    diff,
    diff_baselines,
    mark_loaded,
    with_pictures,
    without_duplicates,
)
from pytest_flowrepro.diff.verdict import (
    PatternsUsed,
    no_longer_compared,
    part_of,
    patterns_used,
    policy_part,
)
from pytest_flowrepro.pipeline import (
    Environments,
    Upstream,
    environments,
    observe,
    record,
    resolved_environments,
)
from pytest_flowrepro.plugin.baseline_edits import refuse_baseline_edits
from pytest_flowrepro.plugin.internal_error import internal_error
from pytest_flowrepro.plugin.observation_json import observation_from_json, observation_to_json
from pytest_flowrepro.plugin.pattern_checks import check_expired, check_unmatched
from pytest_flowrepro.review.decisions import change_digest, rejections
from pytest_flowrepro.review.last_check import LastCheck, forget_check, keep_check
from pytest_flowrepro.review.proposals import propose
from pytest_flowrepro.support.disk import naming_full_disk
from pytest_flowrepro.support.errors import BaselineError, RerunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_flowrepro.model import Cause, Change, Gate, RecordedAs, Recording
    from pytest_flowrepro.pipeline import Job, Observation
    from pytest_flowrepro.plugin.options import SessionOptions
    from pytest_flowrepro.plugin.worker_store import SessionFolder
    from pytest_flowrepro.support.errors import InternalError

_OF_A_MERGE: frozenset[Gate] = frozenset({"environment", "artifacts", "policy", "code"})
"""The gates that always apply to a merged baseline: all that do not depend on the machine."""


@dataclass(kw_only=True, eq=False)
class FlowCheck:
    """The check, or the recording, of one case of a flow.

    It remembers its results; the processes of a session share the observation by `folder`.
    `record` and `observe` are those of the pipeline.
    """

    job: Job
    options: SessionOptions
    folder: SessionFolder
    upstreams: Callable[[], Iterable[FlowCheck]]
    """The checks of the flows that run before this one."""
    record: Callable[[Job, Recording | None], Observation] = record
    observe: Callable[[Job, Recording], Observation] = observe
    selected: list[str] = field(default_factory=list)
    """The names of the selected tests of this flow, in their order."""
    _reported: set[str] = field(default_factory=set)
    _internal_errors: dict[str, InternalError] = field(default_factory=dict)

    @property
    def selected_steps(self) -> tuple[str, ...]:
        """The steps with a selected test."""
        return tuple(step for step in self.job.flow.steps if f"step[{step}]" in self.selected)

    @property
    def file(self) -> str:
        """The flow's file relative to the project, with `/`."""
        return self.job.file

    @property
    def after(self) -> tuple[str, ...]:
        """The flows that run before this one, by file and name."""
        return tuple(f"{check.file}::{check.job.title}" for check in self.upstreams())

    @cached_property
    def is_recorded(self) -> bool:
        """True if this session records the flow; the answer is the same for all tests."""
        if self.options.update != "new":
            return self.options.update == "all"
        # Decided once, because the recording itself would change the answer.
        missing = self.folder.once(
            self.job.folder,
            "without-baseline",
            lambda: self._read_baseline() is None,
            encode=bool,
            decode=bool,
        )
        return bool(missing)

    def check_expired(self) -> None:
        """Raise `SettingsError` for a pattern whose last day is past."""
        check_expired(self.job, self.options.settings, today=self.options.today)

    @cached_property
    def baseline(self) -> Recording | None:
        """The baseline, None without one; raises `BaselineError` for a damaged one."""
        return self._read_baseline()

    @property
    def observation(self) -> Observation:
        """The recording of the flow, or its rerun for a check, made once per session."""
        if self.is_recorded:
            return self._once("record", self._record)
        return self._once("check", self._observe)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """All differences between the flow as observed and its baseline."""
        changes = self._differences
        drifted = any(change.gated and change.change != "unread" for change in changes)
        if drifted or (self.options.fresh and changes):
            self.folder.once(self.job.folder, "kept", self._keep, encode=bool, decode=bool)
        steps = self.job.flow.steps
        return without_duplicates(
            changes, is_shown=lambda change: part_of(change, steps) in self.selected
        )

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """The causes of the differences, as far as they are known."""
        return causes_of(self._required_baseline(), self.observation.recording, self._differences)

    @cached_property
    def _differences(self) -> tuple[Change, ...]:
        baseline, recording = self._required_baseline(), self.observation.recording
        changes = diff(
            baseline,
            recording,
            gates=self.gates,
            patterns=self.job.settings.patterns,
            limits=Limits.of_flow(details=self.options.details),
        )
        changes = mark_loaded(changes, frozenset(self._loaded_files()))
        return self._drawn(changes, baseline, recording)

    def _drawn(
        self, changes: tuple[Change, ...], old: Recording, new: Recording
    ) -> tuple[Change, ...]:
        return with_pictures(changes, old, new) if self.options.draws else changes

    def _loaded_files(self) -> Iterator[str]:
        """Yield the files that the rerun loaded, relative to the flow's folder as in a package."""
        folder = posixpath.dirname(self.file)
        yield posixpath.basename(self.file)
        for log in self.observation.logs:
            yield from (posixpath.relpath(path, folder or ".") for path in log.sources)

    @cached_property
    def rejection_notes(self) -> tuple[str, ...]:
        """Notes on the changes that were rejected in a review."""
        rejected = rejections(self._baseline_folder, root=self.job.root)
        if not rejected:
            return ()
        check, baseline = self._last_check(), self._required_baseline()
        proposals = propose(self._differences, baseline, check)
        digests = {change_digest(p, check.observed): p.title for p in proposals}
        return tuple(
            f"{title}: {rejected[digest].rejection}"
            for digest, title in digests.items()
            if digest in rejected
        )

    @property
    def policy_part(self) -> str:
        """The test of the flow that reports changes of its policy."""
        return policy_part(self.selected)

    @cached_property
    def patterns_used(self) -> PatternsUsed:
        """The use of the patterns in the check; for a recording, only whether they match."""
        observation = self.observation
        if observation.failure is not None:
            return PatternsUsed()
        return patterns_used(
            None if self.is_recorded else self.baseline,
            observation.recording,
            self.job.settings.patterns,
            self.options.settings.project.patterns,
        )

    def environments(self) -> Environments:
        """Return the environments without a rerun: rebuilt, or resolved again without a build."""
        baseline = self._required_baseline()
        if self.options.fresh:
            return Environments(manifests=resolved_environments(self.job, baseline))
        return environments(self.job, baseline)

    @property
    def gates(self) -> frozenset[Gate]:
        """The gates. A fresh resolution does not gate packages, which may change.

        No rerun produced a merged baseline as a whole, so a check passes only if all of it agrees.
        """
        fail_on = self.job.settings.fail_on
        if self._required_baseline().merged:
            return fail_on | _OF_A_MERGE
        return fail_on - {"environment"} if self.options.fresh else fail_on

    def report_once(self, text: str) -> bool:
        """Return True the first time that this process reports `text` about the flow."""
        is_new = text not in self._reported
        self._reported.add(text)
        return is_new

    def internal_error(self, error: Exception) -> InternalError:
        """Return the error that reports an exception, the same one each time."""
        key = f"{type(error)} {error}"
        if key not in self._internal_errors:
            doing = f"checking {self.job.title}"
            self._internal_errors[key] = internal_error(error, doing=doing)
        return self._internal_errors[key]

    def _record(self) -> Observation:
        """Record the flow; one that fails leaves its baseline alone."""
        job, previous = self._job_after_upstreams(), self._previous()
        baseline = None if isinstance(previous, BaselineError) else previous
        with refuse_baseline_edits(job) as logs:
            observation = self.record(job, baseline)
            logs.extend(observation.logs)
        if observation.failure is None:
            check_unmatched(job, self.options.settings, observation.recording)
            observation = self._write(observation, previous)
        return observation

    def _write(
        self, observation: Observation, previous: Recording | BaselineError | None
    ) -> Observation:
        """Write the baseline; return the observation with what changed in it."""
        recording, notes = observation.recording, observation.notes
        changes: tuple[Change, ...] = ()
        causes: tuple[Cause, ...] = ()
        recorded: RecordedAs = "updated"
        match previous:
            case None:
                recorded = "created"
            case BaselineError():
                text = "the replaced baseline could not be read, so no lock was kept"
                notes = (*notes, f"{text}: {previous.what}")
            case _:
                # Before the new values replace those that the old recording refers to.
                changes = self._drawn(diff_baselines(previous, recording), previous, recording)
                causes = causes_of(previous, recording, changes)
                lost = no_longer_compared(previous, recording, self.job.settings.patterns)
                notes = (*lost, *notes)
        files = write_baseline(self._baseline_folder, recording, root=self.job.root)
        self._forget()
        return replace(
            observation,
            recorded=recorded if files else "unchanged",
            changes=changes,
            causes=causes,
            notes=notes,
        )

    def _previous(self) -> Recording | BaselineError | None:
        """Return the baseline that a recording replaces, or the error of a damaged one."""
        try:
            return self._read_baseline()
        except BaselineError as error:
            return error

    def _observe(self) -> Observation:
        """Rebuild and rerun the flow."""
        job, baseline = self._job_after_upstreams(), self._required_baseline()
        self._forget()
        with refuse_baseline_edits(job) as logs:
            observation = self.observe(job, baseline)
            logs.extend(observation.logs)
        if observation.failure is None:
            check_unmatched(job, self.options.settings, baseline, observation.recording)
        return observation

    def _keep(self) -> bool:
        """Keep the observation for a review; return whether it was possible."""
        if self.observation.failure is not None:
            return False
        try:
            keep_check(self._last_check(), root=self.job.root)
        except (BaselineError, OSError):  # a full disk, or a project that cannot be written
            return False
        return True

    def _last_check(self) -> LastCheck:
        return LastCheck(
            baseline=self._baseline_folder,
            observed=self.observation.recording,
            against=recording_name(self._required_baseline()),
            fresh=self.options.fresh,
            wheelhouse=self.job.settings.wheelhouse is not None,
            when=datetime.now(UTC),
        )

    def _forget(self) -> None:
        """Remove the observation of an earlier check, which is not the last one any more."""
        with contextlib.suppress(BaselineError, OSError):
            forget_check(self._baseline_folder, root=self.job.root)

    def _job_after_upstreams(self) -> Job:
        """Return the job with the flows that run before it; record those that are selected."""
        upstreams = tuple(self._upstream(check) for check in self.upstreams())
        return replace(self.job, after=upstreams)

    def _upstream(self, check: FlowCheck) -> Upstream:
        name = check.job.flow.name
        # Only selected flows are recorded, and before the flows that read their runs.
        is_recorded = bool(check.selected) and check.is_recorded
        if is_recorded and check.observation.failure is not None:
            raise RerunError(
                f"{self.job.title} runs after {name}, which could not be recorded",
                hint=f"see the tests of {name}",
            )
        baseline = check._read_baseline()
        if baseline is None and not self.is_recorded:
            raise BaselineError(
                f"{self.job.title} runs after {name}, which has no baseline yet",
                hint="record one with `pytest --flow-repro --flow-repro-update-new "
                f"{check.file}`, and commit it",
            )
        return Upstream(
            job=replace(check.job, folder=self.job.folder / "before" / name), baseline=baseline
        )

    def _once(self, name: str, make: Callable[[], Observation]) -> Observation:
        job = self.job
        is_made_here = False

        def named() -> Observation:
            nonlocal is_made_here
            is_made_here = True
            wheelhouse = job.settings.wheelhouse
            stored = (Path(wheelhouse),) if wheelhouse and "://" not in wheelhouse else ()
            with naming_full_disk(job.folder, job.flow.file.parent, *stored):
                return make()

        def decode(fields: Any) -> Observation:
            observation = observation_from_json(fields)
            # Else it is a test of another process that took the time.
            return observation if is_made_here else replace(observation, seconds=())

        return self.folder.once(job.folder, name, named, encode=observation_to_json, decode=decode)

    def _required_baseline(self) -> Recording:
        assert self.baseline is not None, "a flow without a baseline is not compared"
        return self.baseline

    @property
    def _baseline_folder(self) -> Path:
        return baseline_folder(self.job.flow.file, self.job.flow.name, self.job.case)

    def _read_baseline(self) -> Recording | None:
        return read_baseline(self._baseline_folder, root=self.job.root)
