"""A flow that was checked, as far as the checks of its parts need it: no pytest, no Metaflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from recordings import recording

from pytest_flowrepro.diff.verdict import PatternsUsed
from pytest_flowrepro.model import FlowSource, Gate, TaskLog
from pytest_flowrepro.pipeline import Environments, Job, Observation
from pytest_flowrepro.plugin.options import SessionOptions
from pytest_flowrepro.settings.settings import FlowSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_flowrepro.model import Cause, Change, Recording

TODAY = date(2026, 3, 1)


def job(root: Path, *, case: str | None = None, settings: FlowSettings | None = None) -> Job:
    """Return the job of TrainFlow, with the steps `start` and `train`."""
    flow = FlowSource(
        file=root / "flows" / "train.py", name="TrainFlow", lineno=3, steps=("start", "train")
    )
    return Job(
        flow=flow,
        case=case,
        settings=settings or FlowSettings(),
        root=root,
        folder=root / "session" / "flow",
        environments=root / "session" / "environments",
        resolutions=root / "session" / "resolutions",
    )


def observation(
    *logs: TaskLog,
    observed: Recording | None = None,
    failure: str | None = None,
    output: str = "",
) -> Observation:
    return Observation(
        recording=observed or recording(),
        logs=logs,
        failure=failure,
        output=output,
        seconds=(("rerun", 1.5),),
        notes=("a note",),
        details=("a detail",),
    )


def options(root: Path, *, details: bool = False, fresh: bool = False) -> SessionOptions:
    return SessionOptions(
        root=root,
        settings=Settings(file=root / "pyproject.toml"),
        today=TODAY,
        details=details,
        fresh=fresh,
    )


@dataclass(frozen=True, kw_only=True)
class FakeFlow:
    """The check of a flow that gave these values."""

    job: Job
    options: SessionOptions
    file: str = "flows/train.py"
    selected: Sequence[str] = ("code", "environment", "step[start]", "step[train]")
    selected_steps: tuple[str, ...] = ("start", "train")
    is_recorded: bool = False
    baseline: Recording | None = field(default_factory=recording)
    observation: Observation = field(default_factory=observation)
    changes: tuple[Change, ...] = ()
    after: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    rejection_notes: tuple[str, ...] = ()
    policy_part: str = "code"
    patterns_used: PatternsUsed = field(default_factory=PatternsUsed)
    gates: frozenset[Gate] = frozenset({"environment", "artifacts", "policy"})
    rebuilt: Environments | None = None

    def environments(self) -> Environments:
        assert self.rebuilt is not None
        return self.rebuilt
