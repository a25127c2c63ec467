"""The baselines of a git revision, as files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.process import CommandNotFoundError, run_process, user_environment

if TYPE_CHECKING:
    from pytest_flowrepro.support.process import Completed

_TIMEOUT = 120.0
"""Seconds for one git command: a partial clone fetches what it has not got."""

_BASELINES = ":(top,glob)**/__flowrepro__/**"


def repository_of(folder: Path) -> Path | None:
    """The top of the working tree that `folder` is in; None outside of git, or without git."""
    try:
        found = _git("rev-parse", "--show-toplevel", cwd=folder)
    except CommandNotFoundError:
        return None
    return Path(found.stdout.removesuffix("\n")) if found.ok else None


def commit_of(revision: str, *, repository: Path) -> str | None:
    """The id of a commit that a branch, a tag, `HEAD~3`, ... names; None for any other text."""
    name = f"{revision}^{{commit}}"
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", name, cwd=repository)
    return found.stdout.strip() if found.ok else None


def check_out_baselines(commit: str, *, repository: Path, folder: Path) -> None:
    """Write the baselines of a commit into `folder`, at their places below the repository's top.

    The user's working tree and index are not touched. Raises `FlowReproError` when git fails.
    """
    index = {"GIT_INDEX_FILE": str(folder / ".git-index")}
    _checked("read-tree", commit, cwd=repository, env=index)
    # A pattern that matches nothing is an error to `git checkout`.
    if _checked("ls-files", "--", _BASELINES, cwd=repository, env=index).stdout:
        _checked(f"--work-tree={folder}", "checkout", "--", _BASELINES, cwd=repository, env=index)


def _checked(*args: str, cwd: Path, env: dict[str, str]) -> Completed:
    done = _git(*args, cwd=cwd, env=env)
    if not done.ok:
        raise FlowReproError(
            f"git could not read the baselines: {done.ending}",
            hint="see what git says above; `git fsck` checks the repository",
            detail=done.stderr[-2000:],
        )
    return done


def _git(*args: str, cwd: Path, env: dict[str, str] | None = None) -> Completed:
    # No hooks: what a repository runs after a checkout is not meant for this one.
    options = ("-c", "core.hooksPath=/dev/null", "-c", "core.sparseCheckout=false")
    return run_process(
        ["git", *options, *args], env=user_environment(env or {}), cwd=cwd, timeout=_TIMEOUT
    )
