"""Obsolete baselines: those of flows and cases that the project does not have any more.

The sources and the configuration decide, not the flows that a session selected. If they cannot be
read, or another file configures the flow, a baseline is not called obsolete.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import (
    MANIFEST,
    find_baselines,
    flow_and_case,
    flow_file,
    lock_files,
    read_baseline,
    remove_baseline,
)
from pytest_flowrepro.discover.flows import explain_no_flow, find_flows
from pytest_flowrepro.model import flow_title
from pytest_flowrepro.settings.project import configuration_above
from pytest_flowrepro.support.errors import BaselineError, DiscoverError
from pytest_flowrepro.support.git import run_git
from pytest_flowrepro.support.process import CommandNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pytest_flowrepro.settings.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class ObsoleteBaseline:
    folder: Path
    reason: str
    """A clause, such as `flows/train.py does not exist`."""
    is_certain: bool = True
    """False if the flow may be started in a way that is not found: to be deleted by a person."""


def obsolete_baselines(root: Path, settings: Settings) -> tuple[ObsoleteBaseline, ...]:
    """Return the obsolete baselines of a project, sorted by folder.

    `root` is the project's folder. Reads each flow file that has a baseline, and runs nothing. The
    reason includes the flow that has the results under another name: one whose baseline records
    equal artifacts for equal tasks.
    """
    folders = (folder for folder in find_baselines(root) if (folder / MANIFEST).is_file())
    obsolete = [*filter(None, (_obsolete(folder, root, settings) for folder in folders))]
    return tuple(_with_new_names(obsolete, root)) if obsolete else ()


def reason_to_keep(baseline: ObsoleteBaseline) -> str | None:
    """Return why an obsolete baseline must not be deleted unasked; None if it may be."""
    if not baseline.is_certain:
        return "the file may start the flow in a way that is not found"
    if not _is_committed(baseline.folder):
        return "not committed as it is, so git could not restore it"
    return None


def remove_obsolete(obsolete: Iterable[ObsoleteBaseline]) -> Iterator[ObsoleteBaseline]:
    """Delete the baselines without a reason to keep them; yield each when it is gone.

    Raises `BaselineError` if one cannot be deleted.
    """
    for baseline in obsolete:
        if reason_to_keep(baseline) is None:
            remove_baseline(baseline.folder)
            yield baseline


def _with_new_names(obsolete: Sequence[ObsoleteBaseline], root: Path) -> Iterator[ObsoleteBaseline]:
    folders = {baseline.folder for baseline in obsolete}
    others = [folder for folder in find_baselines(root) if folder not in folders]
    results = {folder: _results(folder, root) for folder in (*folders, *others)}
    for baseline in obsolete:
        folder, own = baseline.folder, results[baseline.folder]
        renamed = (
            f"; {_title(other, root)} has its results"
            for other in others
            if own and results[other] == own and _flow(other) != _flow(folder)
        )
        yield replace(baseline, reason=f"{baseline.reason}{next(renamed, '')}")


def _is_committed(folder: Path) -> bool:
    """Return whether git has all files of a baseline as they are, so that it can restore them."""
    locks = (os.path.relpath(file, folder.resolve()) for file in lock_files(folder))
    try:
        tracked = run_git("ls-files", cwd=folder)
        changed = run_git("status", "--porcelain", "--ignored", "--", ".", *locks, cwd=folder)
    except CommandNotFoundError:
        return False
    return tracked.ok and changed.ok and bool(tracked.stdout) and not changed.stdout


def _obsolete(folder: Path, root: Path, settings: Settings) -> ObsoleteBaseline | None:
    """Return a baseline with the reason why it is obsolete; None if it is not, or may not be."""
    file, (name, case) = flow_file(folder), flow_and_case(folder)
    shown = file.relative_to(root).as_posix()
    if not file.exists():
        return ObsoleteBaseline(folder=folder, reason=f"{shown} does not exist")
    configuration = configuration_above(file.parent)
    if configuration is not None and configuration.resolve() != settings.file.resolve():
        return None
    try:
        flows = {flow.name for flow in find_flows(file, root=root)}
        is_certain = bool(flows) or not explain_no_flow(file, root=root).looks_like_one
    except DiscoverError:
        return None
    if name in flows and case in settings.cases(name):
        return None
    gone = f"no case {case} of {name} is configured" if name in flows else ""
    reason = gone or f"{shown} starts no flow {name}"
    return ObsoleteBaseline(folder=folder, reason=reason, is_certain=is_certain)


def _flow(folder: Path) -> tuple[Path, str]:
    return flow_file(folder), flow_and_case(folder)[0]


def _title(folder: Path, root: Path) -> str:
    file = flow_file(folder).relative_to(root).as_posix()
    return f"{file}::{flow_title(*flow_and_case(folder))}"


def _results(folder: Path, root: Path) -> tuple[tuple[str, tuple[int, ...], str, str], ...] | None:
    """Return step, index, name and digest of each recorded artifact; None without a baseline."""
    try:
        recording = read_baseline(folder, root=root)
    except BaselineError:
        return None
    if recording is None:
        return None
    return tuple(
        (task.step, task.index, artifact.name, artifact.digest)
        for task in recording.tasks
        for artifact in task.artifacts
    )
