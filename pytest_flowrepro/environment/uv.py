"""Installs by uv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.environment.failures import install_error
from pytest_flowrepro.index_settings import uv_tool
from pytest_flowrepro.process import run_process

if TYPE_CHECKING:
    from pathlib import Path


class UvInstaller:
    def install(self, lock_file: Path, *, python: Path, timeout: float) -> None:
        """See `Installer.install`."""
        tool = uv_tool()
        argv = [
            *tool.argv,
            *("pip", "sync", "--quiet", "--require-hashes", "--only-binary", ":all:"),
            # Hard links share their content with uv's cache: a flow that edits an installed
            # file would edit it for every later environment on this machine.
            *("--link-mode", "copy"),
            # No bytecode: compiling all of Metaflow, pandas and numpy took 5 s where a flow's
            # first run writes what it needs in 0.4 s.
            "--no-compile-bytecode",
            *("--python", str(python)),
            *tool.options,
            str(lock_file),
        ]
        done = run_process(argv, env=tool.env, cwd=lock_file.parent, timeout=timeout)
        if not done.ok:
            raise install_error(done, tool="uv")
