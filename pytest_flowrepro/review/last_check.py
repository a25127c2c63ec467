"""The last failed check of each flow, kept in `.flowrepro/last/` of its project.

    .flowrepro/.gitignore                             ignores the folder
    .flowrepro/last/flows/__flowrepro__/train/TrainFlow/
        manifest.json, artifacts.json, ...            the observation, in the form of a baseline,
                                                      whose lock is in __flowrepro__, too
        check.json                                    when it was made, and the compared baseline

Invariant: `check.json` is written last and deleted first, so a folder with it is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline import (
    MANIFEST,
    drop_unused_locks,
    find_baselines,
    read_baseline,
    write_baseline,
)
from pytest_flowrepro.baseline.folder import checked_folder
from pytest_flowrepro.support.errors import BaselineError
from pytest_flowrepro.support.json_node import JsonNode
from pytest_flowrepro.support.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from pytest_flowrepro.model import Recording

STATE = ".flowrepro"
"""The folder of a project for what git ignores."""

_CHECK = "check.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class LastCheck:
    """A check that found a drift."""

    baseline: Path
    """The folder of the baseline that it was compared with."""
    observed: Recording
    against: str
    """The name of the baseline's recording (`recording_name`)."""
    fresh: bool
    """The packages were resolved again."""
    wheelhouse: bool = False
    """The project keeps its wheels, but not those of a fresh check."""
    when: datetime


def keep_check(check: LastCheck, *, root: Path) -> None:
    """Keep a check as the last one of its flow. Raises `BaselineError` or `OSError`."""
    forget_check(check.baseline, root=root)
    folder = _folder(check.baseline, root=root)
    make_state_folder(root)
    write_baseline(folder, check.observed, root=root)
    _write(check, folder)


def compare_with(check: LastCheck, against: str, *, root: Path) -> None:
    """Keep a check as one of another recording of its baseline; raises as `keep_check` does."""
    _write(replace(check, against=against), _folder(check.baseline, root=root))


def _write(check: LastCheck, folder: Path) -> None:
    """Write `check.json`; a reader finds either the old one or the new one."""
    fields = {
        "against": check.against,
        "fresh": check.fresh,
        "wheelhouse": check.wheelhouse,
        "when": check.when.isoformat(timespec="seconds"),
    }
    part = folder / f".{_CHECK}.{os.getpid()}"
    part.write_text(json.dumps(fields), encoding="utf-8")
    part.replace(folder / _CHECK)


def forget_check(baseline: Path, *, root: Path) -> None:
    """Remove the kept check of a flow, if there is one. Raises `BaselineError` or `OSError`."""
    folder = _folder(baseline, root=root)
    if folder.is_dir():
        (folder / _CHECK).unlink(missing_ok=True)
        shutil.rmtree(folder)
        drop_unused_locks(folder)


def read_check(baseline: Path, *, root: Path) -> LastCheck | None:
    """Return the kept check of a flow, None without one; raises `BaselineError` if it is broken."""
    folder = _folder(baseline, root=root)
    file = folder / _CHECK
    if not file.is_file():
        return None
    node = JsonNode.read(file, error=partial(_broken, file.relative_to(root).as_posix()))
    fields = node.record("against", "fresh", "wheelhouse", "when")
    observed = read_baseline(folder, root=root)
    if observed is None:
        raise node.invalid("the observation is missing")
    return LastCheck(
        baseline=baseline,
        observed=observed,
        against=fields["against"].text(),
        fresh=fields["fresh"].boolean(),
        wheelhouse=fields["wheelhouse"].boolean(),
        when=fields["when"].time(),
    )


def kept_checks(root: Path) -> Iterator[Path]:
    """Yield the folder of each baseline with a kept check, sorted."""
    last = root / STATE / "last"
    for folder in find_baselines(last):
        baseline = root / folder.relative_to(last)
        # A flow that is gone has nothing to review.
        if (folder / _CHECK).is_file() and (baseline / MANIFEST).is_file():
            yield baseline


def make_state_folder(root: Path) -> Path:
    """Return the folder `.flowrepro` of a project; create it if it does not exist.

    Raises `BaselineError` if it is outside of the project, else `OSError`.
    """
    state = root / STATE
    checked_folder(state, root=root)
    state.mkdir(exist_ok=True)
    ignore = state / ".gitignore"
    if not (ignore.exists() or ignore.is_symlink()):
        ignore.write_text("# By pytest-flowrepro.\n*\n", encoding="utf-8")
    return state


def _folder(baseline: Path, *, root: Path) -> Path:
    """Return the folder of a kept check. Raises `BaselineError` if it is outside of the project."""
    folder = root / STATE / "last" / baseline.relative_to(root)
    checked_folder(folder, root=root)
    return folder


def _broken(file: str, reason: str) -> BaselineError:
    return BaselineError(
        f"{visible(file)}: {visible(reason)}",
        hint=f"delete {STATE}/last, and check the flow again",
    )
