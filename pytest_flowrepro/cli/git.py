"""The baselines of a git revision, as files in a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.git import run_git

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.support.process import Completed

_BASELINES = ":(top,glob)**/__flowrepro__/**"


def check_out_baselines(commit: str, *, repository: Path, folder: Path) -> None:
    """Write the baselines of a commit into `folder`, at their paths below the repository's top.

    The user's working tree and index are not touched. Raises `FlowReproError` when git fails.
    """
    index = {"GIT_INDEX_FILE": str(folder / ".git-index")}
    _git_or_raise("read-tree", commit, cwd=repository, env=index)
    # A pattern that matches nothing is an error to `git checkout`.
    if _git_or_raise("ls-files", "--", _BASELINES, cwd=repository, env=index).stdout:
        checkout = (f"--work-tree={folder}", "checkout", "--", _BASELINES)
        _git_or_raise(*checkout, cwd=repository, env=index)


def _git_or_raise(*args: str, cwd: Path, env: dict[str, str]) -> Completed:
    done = run_git("-c", "core.sparseCheckout=false", *args, cwd=cwd, env=env)
    if not done.ok:
        raise FlowReproError(
            f"git could not read the baselines: {done.ending}",
            hint="see git's output above; `git fsck` checks the repository",
            detail=done.stderr[-2000:],
        )
    return done
