"""Baselines that a flow changed while it ran: flows only read them."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import FOLDER, baseline_folder, fingerprint
from pytest_flowrepro.baseline.folder import label
from pytest_flowrepro.pipeline import steps_of, written_in
from pytest_flowrepro.support.errors import BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import TaskLog
    from pytest_flowrepro.pipeline import Job


@contextmanager
def refuse_baseline_edits(job: Job) -> Iterator[list[TaskLog]]:
    """Raise `BaselineError` if the run of the flow, inside the block, changed a baseline.

    That is the flow's own, or another one that a task wrote to. The block adds the tasks' logs
    to the list.
    """
    folder = baseline_folder(job.flow.file, job.flow.name, job.case)
    logs: list[TaskLog] = []
    before = fingerprint(folder)
    yield logs
    now = fingerprint(folder)
    writers = written_in(job.root, logs)
    edited = {path for path in writers if FOLDER in Path(path).parts}
    for file in before.keys() | now.keys():
        if before.get(file) != now.get(file):
            edited.add(label(file, root=job.root))
    if edited:
        path = min(edited)
        more = f" (and {len(edited) - 1} more)" if len(edited) > 1 else ""
        who = f": {steps_of(writers[path])} wrote it" if path in writers else ""
        raise BaselineError(
            f"{path}{more} changed while {job.title} ran{who}; flows only read baselines",
            hint=f"restore it (`git checkout -- {path}`) and let the flow write elsewhere, or "
            "run again if something other than the flow changed it",
        )
