"""The git program, and revisions of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.support.process import (
    OUTPUT_LIMIT,
    CommandNotFoundError,
    run_process,
    user_environment,
)

if TYPE_CHECKING:
    from pytest_flowrepro.support.process import Completed

_TIMEOUT = 120.0
"""Seconds for one command: a partial clone fetches missing objects."""


def run_git(
    *args: str, cwd: Path, env: dict[str, str] | None = None, limit: int = OUTPUT_LIMIT
) -> Completed:
    """Run a command of git in a folder, without hooks, and without refreshing the user's index.

    Of each stream `limit` bytes are kept, the first and the last. Raises `CommandNotFoundError`
    without git.
    """
    variables = {"GIT_OPTIONAL_LOCKS": "0", **(env or {})}
    return run_process(
        # Without hooks: those for the user's checkouts are not meant for these commands.
        ["git", "-c", "core.hooksPath=/dev/null", *args],
        env=user_environment(variables),
        cwd=cwd,
        timeout=_TIMEOUT,
        limit=limit,
    )


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
