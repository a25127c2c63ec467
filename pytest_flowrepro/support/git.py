"""The git program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.support.process import run_process, user_environment

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.support.process import Completed

_TIMEOUT = 120.0
"""Seconds for one command: a partial clone fetches missing objects."""


def run_git(*args: str, cwd: Path, env: dict[str, str] | None = None) -> Completed:
    """Run a command of git in a folder, without hooks, and without refreshing the user's index.

    Raises `CommandNotFoundError` without git.
    """
    variables = {"GIT_OPTIONAL_LOCKS": "0", **(env or {})}
    return run_process(
        # Without hooks: those for the user's checkouts are not meant for these commands.
        ["git", "-c", "core.hooksPath=/dev/null", *args],
        env=user_environment(variables),
        cwd=cwd,
        timeout=_TIMEOUT,
    )
