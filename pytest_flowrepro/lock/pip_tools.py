"""Locks by pip-tools: for the platform and the Python that lock it."""

from __future__ import annotations

import platform
import sys
import time
from typing import TYPE_CHECKING

from pytest_flowrepro.errors import LockError
from pytest_flowrepro.index_errors import pip_fetch_failures
from pytest_flowrepro.index_settings import pip_tool
from pytest_flowrepro.lock.exemption import find_exemptions
from pytest_flowrepro.lock.resolution import (
    checked_lock,
    cutoff,
    lock_error,
    minor_version,
    write_inputs,
)
from pytest_flowrepro.process import run_process

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.lock.exemption import Exemption
    from pytest_flowrepro.model import Lock, Requirements


class PipToolsResolver:
    def resolve(
        self,
        requirements: Requirements,
        *,
        python: Path,
        workspace: Path,
        timeout: float,
        as_of: date | None = None,
    ) -> Lock:
        """See `Resolver.resolve`. pip-compile resolves for the interpreter that runs it, which
        is ours: another minor version raises `LockError`.
        """
        if requirements.locked and not as_of:
            return requirements.locked
        deadline = time.monotonic() + timeout
        _refuse_other_python(minor_version(python, workspace=workspace))
        _refuse_what_only_uv_follows(requirements)
        tool = pip_tool("piptools", indexes=requirements.indexes)
        pip_args = ["--only-binary=:all:"]
        if moment := cutoff(requirements, as_of):
            pip_args.append(f"--uploaded-prior-to={moment}")
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
            *("--pip-args", " ".join(pip_args), "--output-file", "lock.txt"),
            *write_inputs(requirements, workspace),
        ]
        (workspace / "lock.txt").unlink(missing_ok=True)  # pip-compile keeps to its old pins
        done = run_process(argv, env=tool.env, cwd=workspace, timeout=timeout)
        if done.ok:
            packages = (workspace / "lock.txt").read_text("utf-8")
            return checked_lock(f"{one_platform_header()}\n{packages}", tool="pip-tools")
        if as_of:
            exemptions = find_exemptions(
                requirements, as_of, python=python, workspace=workspace, deadline=deadline
            )
            _refuse_exemptions(exemptions, requirements)
        left = max(deadline - time.monotonic(), 0)
        failures = pip_fetch_failures(done.stderr, workspace=workspace, timeout=left)
        raise lock_error(done, requirements, tool="pip-tools", as_of=as_of, fetch_failures=failures)


def _refuse_exemptions(exemptions: tuple[Exemption, ...], requirements: Requirements) -> None:
    if exemptions:
        names = ", ".join(f"{one.name}=={one.version}" for one in exemptions)
        raise LockError(
            f"{requirements.source}: {names} was uploaded after {exemptions[0].as_of}, and pip "
            "cannot make an exception for a package.",
            hint="Lock with uv (`--flow-repro-installer=uv`), which can, or pin an older release.",
        )


def one_platform_header() -> str:
    """The first line of every lock by pip-tools: whoever reads the lock elsewhere is to know."""
    return f"# By pip-tools, for {sys.platform} {platform.machine()} only."


def _refuse_what_only_uv_follows(requirements: Requirements) -> None:
    resolution = requirements.resolution
    followed = {"build-constraint-dependencies", "exclude-newer"}
    settings = {key for key, _ in resolution.settings} - followed if resolution else set()
    problems = [f"{key} in {resolution.source}" for key in sorted(settings) if resolution]
    problems += [f"{one.package} from the index {one.index.name}" for one in requirements.sources]
    if problems:
        raise LockError(
            f"{requirements.source} has settings that uv alone can follow.",
            hint="Lock with uv (`--flow-repro-installer=uv`).",
            detail="\n".join(problems),
        )


def _refuse_other_python(wanted: str) -> None:
    ours = ".".join(platform.python_version_tuple()[:2])
    if wanted != ours:
        raise LockError(
            f"pip-tools locks for the Python that runs it, {ours}, and this flow needs {wanted}.",
            hint="lock with uv (`--flow-repro-installer=uv`), or run pytest under Python "
            f"{wanted}.",
        )
