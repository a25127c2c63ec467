"""Lock by pip-tools: for the platform and the Python that run it."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.installers.index_errors import pip_fetch_failures
from pytest_flowrepro.installers.index_settings import pip_tool
from pytest_flowrepro.lock.exemptions import find_exemptions
from pytest_flowrepro.lock.resolution import (
    checked_lock,
    cutoff,
    lock_error,
    minor_version,
    write_inputs,
)
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.lock.exemptions import Exemption
    from pytest_flowrepro.model import PypiLock, Requirements
    from pytest_flowrepro.support.process import Completed


class PipToolsResolver:
    def resolve(
        self,
        requirements: Requirements,
        *,
        python: Path,
        workspace: Path,
        timeout: float,
        as_of: date | None = None,
    ) -> PypiLock:
        """Implement `Resolver.resolve`.

        pip-compile resolves for the interpreter that runs it, which is ours: another minor version
        raises `LockError`.
        """
        if requirements.locked and not as_of:
            return requirements.locked
        deadline = Deadline.after(timeout)
        _check_python(minor_version(python, workspace=workspace))
        _check_settings(requirements)
        tool = pip_tool("piptools", indexes=requirements.indexes)
        pip_args = "--only-binary=:all:"
        if moment := cutoff(requirements, as_of):
            pip_args += f" --uploaded-prior-to={moment}"
        argv = [
            *tool.argv,
            # Verbose, because otherwise pip does not say what a conflict is caused by.
            *(
                "compile",
                "--verbose",
                "--no-config",
                "--no-header",
                "--generate-hashes",
                "--strip-extras",
            ),
            *("--allow-unsafe", "--no-emit-index-url", "--no-emit-find-links"),
            *("--no-emit-trusted-host", "--no-emit-options", "--resolver=backtracking"),
            *("--output-file", "lock.txt", *write_inputs(requirements, workspace)),
        ]

        def run(arguments: str) -> Completed:
            (workspace / "lock.txt").unlink(missing_ok=True)  # pip-compile keeps to its old pins
            return run_process(
                [*argv, "--pip-args", arguments], env=tool.env, cwd=workspace, timeout=deadline.left
            )

        done = run(pip_args)
        exemptions: tuple[Exemption, ...] = ()
        if as_of and not done.ok:
            exemptions = find_exemptions(
                requirements, as_of, python=python, workspace=workspace, deadline=deadline
            )
        if exemptions:
            exempt = _download(exemptions, requirements, workspace=workspace, deadline=deadline)
            done = run(f"{pip_args} --find-links={exempt}")
        if done.ok:
            packages = (workspace / "lock.txt").read_text("utf-8")
            lock = checked_lock(f"{one_platform_header()}\n{packages}", tool="pip-tools")
            return replace(lock, notes=tuple(exemption.note for exemption in exemptions))
        failures = pip_fetch_failures(done.stderr, workspace=workspace, timeout=deadline.left)
        raise lock_error(done, requirements, tool="pip-tools", as_of=as_of, fetch_failures=failures)


def _download(
    exemptions: tuple[Exemption, ...],
    requirements: Requirements,
    *,
    workspace: Path,
    deadline: Deadline,
) -> str:
    """Download the wheels that are exempt from the date.

    Returns the name of their folder in `workspace`.

    pip has no exemption for a package, but it ignores the times of local files.
    """
    folder = "exempt"
    pip = pip_tool("pip", indexes=requirements.indexes)
    argv = [
        *(*pip.argv, "download", "--only-binary=:all:", "--no-deps", f"--dest={folder}"),
        *(f"{exemption.name}=={exemption.version}" for exemption in exemptions),
    ]
    done = run_process(argv, env=pip.env, cwd=workspace, timeout=deadline.left)
    if not done.ok:
        raise lock_error(done, requirements, tool="pip-tools")
    return folder


def one_platform_header() -> str:
    """Return the first line of every lock by pip-tools, for readers on another platform."""
    return f"# By pip-tools, for {sys.platform} {platform.machine()} only."


def _check_settings(requirements: Requirements) -> None:
    resolution = requirements.resolution
    followed = {"build-constraint-dependencies", "exclude-newer"}
    settings = {key for key, _ in resolution.settings} - followed if resolution else set()
    problems = [f"{key} in {resolution.source}" for key in sorted(settings) if resolution]
    problems += [
        f"{source.package} from the index {source.index.name}" for source in requirements.sources
    ]
    if problems:
        raise LockError(
            f"{requirements.source} has settings that only uv supports",
            hint="lock with uv (`--flow-repro-installer=uv`)",
            detail="\n".join(problems),
        )


def _check_python(needed: str) -> None:
    our_version = ".".join(platform.python_version_tuple()[:2])
    if needed != our_version:
        raise LockError(
            f"pip-tools locks for the Python that runs it, {our_version}, but this flow needs "
            f"{needed}",
            hint=f"lock with uv (`--flow-repro-installer=uv`), or run pytest under Python {needed}",
        )
