"""The state of one pytest session: its settings, its folder, and the results of each flow's run."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pytest_flowrepro.baseline import (
    FOLDER,
    baseline_folder,
    fingerprint,
    read_baseline,
    write_baseline,
)
from pytest_flowrepro.diff import Limits, diff, told_once, unmatched
from pytest_flowrepro.diff.verdict import (
    PatternsUsed,
    artifacts,
    part_of,
    patterns_used,
    policy_part,
)
from pytest_flowrepro.model import TaskLog
from pytest_flowrepro.pipeline import (
    Environments,
    Job,
    Observation,
    Upstream,
    environments,
    observe,
    record,
    resolved_environments,
    steps_of,
    written_in,
)
from pytest_flowrepro.pipeline.upstream import flows_before
from pytest_flowrepro.plugin.internal_error import internal_error
from pytest_flowrepro.plugin.worker_store import (
    SessionFolder,
    decode_observation,
    encode_observation,
)
from pytest_flowrepro.support.disk import naming_full_disk
from pytest_flowrepro.support.errors import BaselineError, RerunError, SettingsError
from pytest_flowrepro.support.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from pytest_flowrepro.discover.flows import NoFlow
    from pytest_flowrepro.model import Change, FlowSource, Gate, Recording
    from pytest_flowrepro.settings.settings import Settings
    from pytest_flowrepro.support.errors import InternalError

Update = Literal["no", "new", "all"]
"""no: check every flow. new: record those without a baseline. all: record every flow."""

_OF_A_MERGE: frozenset[Gate] = frozenset({"environment", "artifacts", "policy", "code"})
"""The gates that always apply to a merged baseline: all that do not depend on the machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    root: Path
    settings: Settings
    folder: SessionFolder
    today: date
    """The day in UTC, which may be past the last day of a pattern."""
    update: Update = "no"
    installer: Literal["uv", "pip-tools"] = "uv"
    timeout: float | None = None
    """The timeout of the command line, which has precedence over the configuration's."""
    as_of: date | None = None
    fresh: bool = False
    """True to check in a resolution of today's declared requirements: packages may move."""
    flow_files: frozenset[Path] | None = None
    """The files that the configuration's `flows` names; None: every file that starts a flow."""
    progress: Callable[[str], None] = lambda _: None
    details: bool = False
    """True to report details that do not affect a check: files that a flow leaves behind."""
    collected: list[FlowSource] = field(default_factory=list)
    """The flows that were found, in the order of the collection."""
    suspects: list[NoFlow] = field(default_factory=list)
    """Files that seem to start a flow, but in which none was found."""
    selected: dict[Path, list[str]] = field(default_factory=dict)
    """The selected tests in their order, by the folder of their job."""
    _baselines: dict[str, Recording | None] = field(default_factory=dict)
    _changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    _patterns_used: dict[str, PatternsUsed] = field(default_factory=dict)
    _reported: set[tuple[str, str]] = field(default_factory=set)
    _internal_errors: dict[tuple[str, str], InternalError] = field(default_factory=dict)

    def job(self, flow: FlowSource, case: str | None) -> Job:
        settings = self.settings.for_flow(flow.name, case)
        if self.timeout is not None:
            settings = replace(settings, timeout=self.timeout)
        return Job(
            flow=flow,
            case=case,
            settings=settings,
            # A file named on the command line may be outside the root: its folder is its project.
            root=self.root if flow.file.is_relative_to(self.root) else flow.file.parent,
            folder=self.folder.of(str(flow.file), case or "", flow.name),
            environments=self.folder.environments,
            temporary=self.folder.temporary,
            installer=self.installer,
            as_of=self.as_of,
            fresh=self.fresh,
            progress=self.progress,
        )

    def records(self, job: Job) -> bool:
        """Return whether this session records the flow; the answer is the same for all tests."""
        if self.update != "new":
            return self.update == "all"
        # Decided once, because the recording itself would change the answer.
        missing = self.folder.once(
            job.folder,
            "without-baseline",
            lambda: self._read(job) is None,
            encode=bool,
            decode=bool,
        )
        return bool(missing)

    def check_expired(self, job: Job) -> None:
        """Raise `SettingsError` for a pattern whose last day is past."""
        expired = job.settings.patterns.expired(self.today)
        if expired:
            problems = "\n".join(
                f"{terms.place}: `{terms.pattern}` was valid until {terms.until}"
                + (f": {terms.reason}" if terms.reason else "")
                for terms in expired
            )
            raise SettingsError(
                f"{self.settings.file}: {problems}",
                hint="remove it, or give it a later day, and record again with --flow-repro-update",
            )

    def baseline(self, job: Job) -> Recording | None:
        """Return the baseline, or None without one; raise `BaselineError` for a damaged one."""
        key = job.folder.name
        if key not in self._baselines:
            self._baselines[key] = self._read(job)
        return self._baselines[key]

    def recorded(self, job: Job) -> Observation:
        """Record the flow, once per session; a flow that failed leaves its baseline alone."""
        return self._once(job, "record", lambda: self._record(job))

    def observed(self, job: Job, baseline: Recording) -> Observation:
        """Rebuild and rerun the flow, once per session."""
        return self._once(job, "check", lambda: self._observe(job, baseline))

    def changes(self, job: Job, baseline: Recording) -> tuple[Change, ...]:
        """Return all differences between the flow as observed and its baseline."""
        key = job.folder.name
        if key not in self._changes:
            changes = diff(
                baseline,
                self.observed(job, baseline).recording,
                gates=self.gates(job, baseline),
                patterns=job.settings.patterns,
                limits=Limits.of_flow(details=self.details),
            )
            tests = self.selected.get(job.folder, ())
            self._changes[key] = told_once(
                changes, is_shown=lambda change: part_of(change, job.flow.steps) in tests
            )
        return self._changes[key]

    def policy_part(self, job: Job) -> str:
        """Return the test of the flow that reports changes of its policy."""
        return policy_part(self.selected.get(job.folder, ()))

    def patterns_used(self, job: Job, baseline: Recording | None) -> PatternsUsed:
        """Return how the patterns were used in a check, or, without a baseline, in a recording."""
        key = job.folder.name
        if key not in self._patterns_used:
            seen = self.observed(job, baseline) if baseline else self.recorded(job)
            self._patterns_used[key] = (
                patterns_used(
                    baseline, seen.recording, job.settings.patterns, self.settings.project.patterns
                )
                if seen.failure is None
                else PatternsUsed()
            )
        return self._patterns_used[key]

    def environments(self, job: Job, baseline: Recording) -> Environments:
        """Return the environments without a rerun: rebuilt, or resolved again without a build."""
        if self.fresh:
            return Environments(manifests=resolved_environments(job, baseline))
        return environments(job, baseline)

    def gates(self, job: Job, baseline: Recording) -> frozenset[Gate]:
        """Return the gates; a fresh resolution does not gate packages, which may move.

        No rerun gave a merged baseline as a whole, so a check passes only if all of it agrees.
        """
        if baseline.merged:
            return job.settings.fail_on | _OF_A_MERGE
        return job.settings.fail_on - {"environment"} if self.fresh else job.settings.fail_on

    def report_once(self, job: Job, text: str) -> bool:
        """Return True the first time that this process reports `text` about a flow."""
        before = len(self._reported)
        self._reported.add((job.folder.name, text))
        return len(self._reported) > before

    def internal_error(self, job: Job, error: Exception) -> InternalError:
        """Return the error that reports an exception; the same one each time for a flow."""
        key = (job.folder.name, f"{type(error)} {error}")
        if key not in self._internal_errors:
            self._internal_errors[key] = internal_error(error, doing=f"checking {job.title}")
        return self._internal_errors[key]

    def _record(self, job: Job) -> Observation:
        after = self._after_others(job)
        with self._check_edits(job) as logs:
            observation = record(after)
            logs.extend(observation.logs)
        if observation.failure is None:
            self._check_unmatched(job, observation.recording)
            write_baseline(self._folder(job), observation.recording, root=job.root)
        return observation

    def _observe(self, job: Job, baseline: Recording) -> Observation:
        after = self._after_others(job)
        with self._check_edits(job) as logs:
            observation = observe(after, baseline)
            logs.extend(observation.logs)
        if observation.failure is None:
            self._check_unmatched(job, baseline, observation.recording)
        return observation

    @contextmanager
    def _check_edits(self, job: Job) -> Iterator[list[TaskLog]]:
        """Raise `BaselineError` if the run of the flow changed a baseline.

        That is the flow's own, or another one that a task wrote to. The block adds the tasks' logs
        to the list.
        """
        folder, logs = self._folder(job), list[TaskLog]()
        before = fingerprint(folder)
        yield logs
        now = fingerprint(folder)
        writers = written_in(job.root, logs)
        edited = {path for path in writers if FOLDER in Path(path).parts}
        for name in before.keys() | now.keys():
            if before.get(name) != now.get(name):
                edited.add((folder / name).relative_to(job.root).as_posix())
        if edited:
            path = min(edited)
            more = f" (and {len(edited) - 1} more)" if len(edited) > 1 else ""
            who = f": {steps_of(writers[path])} wrote it" if path in writers else ""
            raise BaselineError(
                f"{path}{more} changed while {job.title} ran{who}; flows only read baselines",
                hint=f"restore it (`git checkout -- {path}`) and let the flow write elsewhere, or "
                "run again if something other than the flow changed it",
            )

    def _after_others(self, job: Job) -> Job:
        """Return the job with the flows that run before it; record those that are selected."""
        after = []
        for flow in flows_before(job, self.collected, self.settings):
            upstream = self.job(flow, None)
            # Only selected flows are recorded, and before the flows that read their runs.
            recorded = upstream.folder in self.selected and self.records(upstream)
            if recorded and self.recorded(upstream).failure is not None:
                raise RerunError(
                    f"{job.title} runs after {flow.name}, which could not be recorded",
                    hint=f"see the tests of {flow.name}",
                )
            baseline = self._read(upstream)
            if baseline is None and not self.records(job):
                raise BaselineError(
                    f"{job.title} runs after {flow.name}, which has no baseline yet",
                    hint=f"record one with `pytest --flow-repro --flow-repro-update-new "
                    f"{flow.file.relative_to(upstream.root).as_posix()}`, and commit it",
                )
            folder = job.folder / "before" / flow.name
            after.append(Upstream(job=replace(upstream, folder=folder), baseline=baseline))
        return replace(job, after=tuple(after))

    def _check_unmatched(self, job: Job, *recordings: Recording) -> None:
        """Raise `SettingsError` for a pattern of this flow's own that matches nothing."""
        own = set(job.settings.patterns) - set(self.settings.project.patterns)
        for key, pattern in unmatched(recordings, job.settings.patterns):
            if (key, pattern) in own:
                known = (
                    label
                    for recording in recordings
                    for step, artifact in artifacts(recording)
                    for label in (f"{step}.{artifact.name}", step)
                )
                raise SettingsError(
                    f"{self.settings.file}: {job.table}.{key}: `{pattern}` matches no artifact"
                    f"{did_you_mean(pattern, known)}",
                    hint=f"correct it (`flowrepro show {job.flow.name}` lists them as "
                    "`step.artifact`), or remove it",
                )

    def _once(self, job: Job, name: str, make: Callable[[], Observation]) -> Observation:
        def named() -> Observation:
            wheelhouse = job.settings.wheelhouse
            stored = (Path(wheelhouse),) if wheelhouse and "://" not in wheelhouse else ()
            with naming_full_disk(job.folder, job.flow.file.parent, *stored):
                return make()

        return self.folder.once(
            job.folder, name, named, encode=encode_observation, decode=decode_observation
        )

    def _folder(self, job: Job) -> Path:
        return baseline_folder(job.flow.file, job.flow.name, job.case)

    def _read(self, job: Job) -> Recording | None:
        return read_baseline(self._folder(job), root=job.root)
