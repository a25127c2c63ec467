"""The circumstances of a session: version, day, machine and git commit."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pytest_flowrepro import __version__
from pytest_flowrepro.model import RunInfo
from pytest_flowrepro.support.git import run_git
from pytest_flowrepro.support.process import CommandNotFoundError

if TYPE_CHECKING:
    from pathlib import Path


def run_info(folder: Path, command: Literal["check", "record", "diff"]) -> RunInfo:
    """Return the circumstances of a command that ends now, in the repository of `folder`."""
    commit, branch, is_modified = _checkout(folder)
    return RunInfo(
        command=command,
        version=__version__,
        date=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        platform=platform.platform(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        commit=commit,
        branch=branch,
        is_modified=is_modified,
        folder=_folder(folder),
    )


def _checkout(folder: Path) -> tuple[str | None, str | None, bool]:
    """Return the commit and the branch that are checked out, and whether files were modified."""
    try:
        status = run_git("status", "--porcelain=v2", "--branch", "--untracked-files=no", cwd=folder)
    except CommandNotFoundError:
        return None, None, False
    lines = status.stdout.splitlines() if status.ok else []
    # `# branch.oid <commit>`: https://git-scm.com/docs/git-status#_porcelain_format_version_2
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# branch."))
    commit, branch = headers.get("branch.oid"), headers.get("branch.head")
    return (
        commit if commit != "(initial)" else None,
        branch if branch != "(detached)" else None,
        any(not line.startswith("#") for line in lines),
    )


def _folder(project: Path) -> str:
    """Return the path from the top of the repository to the project."""
    try:
        prefix = run_git("rev-parse", "--show-prefix", cwd=project)
    except CommandNotFoundError:
        return ""
    return prefix.stdout.rstrip("\n").removesuffix("/") if prefix.ok else ""
