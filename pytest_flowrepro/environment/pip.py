"""Install by the pip that comes with pip-tools.

`pip-sync` would need a pip inside the environment, which the flow could then see. `pip --python`
runs ours for the other interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.environment.failures import install_error
from pytest_flowrepro.environment.wheelhouse.wheelhouse import NO_WHEELS
from pytest_flowrepro.installers.index_errors import pip_fetch_failures
from pytest_flowrepro.installers.index_settings import pip_tool, without_index
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheels
    from pytest_flowrepro.model import Index

_COUNTING = "in installed_packages_summary\n"
"""Traceback line at which pip 26 fails after installing everything: a wheel may have a folder
`*.egg-info` without a version. The installed packages are compared with the lock in any case."""


class PipInstaller:
    def install(
        self,
        lock_file: Path,
        *,
        python: Path,
        timeout: float,
        wheels: Wheels = NO_WHEELS,
        indexes: tuple[Index, ...] = (),
    ) -> None:
        """See `Installer.install`."""
        deadline = Deadline.after(timeout)
        tool = pip_tool("pip", indexes=indexes)
        if wheels.complete:
            tool = without_index(tool)
        argv = [
            *tool.argv,
            *("--python", str(python)),
            *("install", "--require-hashes", "--only-binary", ":all:", "--no-deps"),
            *("--no-compile", "--no-warn-script-location", "--progress-bar", "off"),
            *(("--find-links", str(wheels.folder)) if wheels.folder else ()),
            *tool.options,
            *("--requirement", str(lock_file)),
        ]
        folder = lock_file.parent
        done = run_process(argv, env=tool.env, cwd=folder, timeout=timeout)
        if done.ok or _COUNTING in done.stderr:
            return
        failures = pip_fetch_failures(done.stderr, workspace=folder, timeout=deadline.left)
        raise install_error(done, tool="pip", fetch_failures=failures)
