"""One case of one flow as input of the pipeline, and its result."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pytest_flowrepro.advice.advice import Situation
from pytest_flowrepro.lock import search_hint
from pytest_flowrepro.model import flow_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.model import (
        Card,
        Cause,
        Change,
        FlowSource,
        RecordedAs,
        Recording,
        TaskLog,
    )
    from pytest_flowrepro.settings.settings import FlowSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Doing:
    """A stage that begins."""

    file: str
    """The flow's file relative to the project, with `/`."""
    title: str
    """The flow and its case."""
    stage: str
    """A phrase: `rebuilding the environment`."""
    timing: str
    """The name of its seconds in a report: `environment`."""
    spent: float = 0.0
    """The seconds that earlier stages of the same timing took."""
    observed: Path | None = None
    """For a rerun, the folder in which the extension leaves a file for each task."""
    tasks: int | None = None
    """The number of tasks that it will have, if that is known from the baseline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One case of one flow, and the folders in which it is observed."""

    flow: FlowSource
    case: str | None
    settings: FlowSettings
    root: Path
    """The project."""
    folder: Path
    """A folder of the session for this job alone; created by the pipeline."""
    environments: Path
    """A folder of the session that all its jobs share."""
    resolutions: Path
    """Another such folder, for the answers of resolvers and indexes."""
    temporary: Path | None = None
    """A folder of the session for TMPDIR of the reruns; None: in the reruns' own folders."""
    after: tuple[Upstream, ...] = ()
    """Flows whose runs this one reads, in the order in which they are rerun."""
    installer: Literal["uv", "pip-tools"] = "uv"
    as_of: date | None = None
    fresh: bool = False
    """Resolve the requirements of today, even if there is a recorded lock for them."""
    recording: bool = False
    """Make a new recording: it keeps recorded locks that still apply, and saves wheels."""
    cards: bool = False
    """Return the pages of cards, for a report that shows them."""
    progress: Callable[[Doing], None] = lambda _: None
    """Called when a stage begins."""

    @property
    def file(self) -> str:
        """The flow's file relative to the project, with `/`."""
        return self.flow.file.relative_to(self.root).as_posix()

    @property
    def title(self) -> str:
        return flow_title(self.flow.name, self.case)

    @property
    def table(self) -> str:
        """The flow's table in the configuration."""
        return f"tool.flowrepro.flow.{self.flow.name}"

    @property
    def cwd(self) -> Path:
        """Return the folder in the user's tree from which the flow is started."""
        flow_folder, configured = self.flow.file.parent, self.settings.cwd
        return flow_folder if configured is None else self.root / configured

    def situation(self, *, in_copy: bool = True, declared_by: str | None = None) -> Situation:
        """Return the situation in which a failure is to be explained.

        `declared_by` names the declaration of the packages of the failed step, unless these are the
        flow's requirements.
        """

        def requirements(wanted: str) -> str:
            if declared_by is not None:
                return f"; this step runs with the packages of {declared_by}, so add it there"
            return search_hint(
                self.flow.file,
                self.flow.name,
                root=self.root,
                setting=self.settings.requirements,
                wanted=wanted,
            )

        return Situation(
            flow=self.flow,
            root=self.root,
            cwd=self.cwd,
            copies=self.folder if in_copy else None,
            requirements=requirements,
            environ=os.environ,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """A flow that is rerun first, into the same datastore."""

    job: Job
    baseline: Recording | None
    """The baseline whose lock its environment is rebuilt from; None, when recording: from its
    requirements."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """The result of one job's reruns, whether or not the flow succeeded."""

    recording: Recording
    logs: tuple[TaskLog, ...]
    failure: str | None
    """The end of a flow that failed: `exit code 1`, `stopped after 600 s`."""
    output: str
    """Metaflow's output, for a failure."""
    seconds: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]
    timed_out: bool = False
    """The flow was stopped by its timeout."""
    ended: tuple[str, ...] = ()
    """Command lines of the processes that were killed with a flow that was stopped."""
    details: tuple[str, ...] = ()
    """Sentences for the detailed report: files that the flow left in its working directory."""
    recorded: RecordedAs | None = None
    """The effect on the baseline's files; None if nothing was written."""
    changes: tuple[Change, ...] = ()
    """For a recording, the differences from the baseline that it replaced."""
    causes: tuple[Cause, ...] = ()
    """Their causes."""
    cards: tuple[Card, ...] = ()
    """The cards of the rerun that `recording` is of."""


@dataclass(slots=True)
class Clock:
    """Report each stage as it begins, and measure its duration."""

    job: Job
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(
        self, name: str, doing: str, *, observed: Path | None = None, tasks: int | None = None
    ) -> Iterator[None]:
        spent = self.seconds.get(name, 0.0)
        self.job.progress(
            Doing(
                file=self.job.file,
                title=self.job.title,
                stage=doing,
                timing=name,
                spent=spent,
                observed=observed,
                tasks=tasks,
            )
        )
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(spent + time.monotonic() - started, 3)

    def read(self) -> tuple[tuple[str, float], ...]:
        return tuple(self.seconds.items())
