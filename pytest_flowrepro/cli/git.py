"""The baselines of a git revision, as files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.errors import FlowReproError
from pytest_flowrepro.support.git import run_git
from pytest_flowrepro.support.process import CommandNotFoundError

if TYPE_CHECKING:
    from pytest_flowrepro.support.process import Completed

_BASELINES = ":(top,glob)**/__flowrepro__/**"


def repository_of(folder: Path) -> Path | None:
    """Return the top of the working tree of `folder`; None outside of git, or without git."""
    try:
        done = run_git("rev-parse", "--show-toplevel", cwd=folder)
    except CommandNotFoundError:
        return None
    return Path(done.stdout.removesuffix("\n")) if done.ok else None


def commit_of(revision: str, *, repository: Path) -> str | None:
    """Return the commit id of a branch, a tag, `HEAD~3`, ...; None for any other text."""
    name = f"{revision}^{{commit}}"
    done = run_git("rev-parse", "--verify", "--quiet", "--end-of-options", name, cwd=repository)
    return done.stdout.strip() if done.ok else None


def is_branch(revision: str, *, repository: Path) -> bool:
    """Return True for the name of a branch, local or of a remote; HEAD is none."""
    args = ("rev-parse", "--verify", "--symbolic-full-name", "--end-of-options", revision)
    done = run_git(*args, cwd=repository)
    is_name_of_branch = done.stdout.startswith(("refs/heads/", "refs/remotes/"))
    return done.ok and is_name_of_branch and revision not in {"HEAD", "@"}


def merge_base_of(one: str, other: str, *, repository: Path) -> str | None:
    """Return the commit id of the best common ancestor of two commits; None without one."""
    done = run_git("merge-base", one, other, cwd=repository)
    return done.stdout.strip() if done.ok else None


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
