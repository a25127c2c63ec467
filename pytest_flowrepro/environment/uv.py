"""Installs by uv."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.failures import install_error
from pytest_flowrepro.environment.wheelhouse import NO_WHEELS
from pytest_flowrepro.index_settings import uv_tool, without_index
from pytest_flowrepro.process import run_process

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.environment.wheelhouse import Wheels


class UvInstaller:
    def install(
        self, lock_file: Path, *, python: Path, timeout: float, wheels: Wheels = NO_WHEELS
    ) -> None:
        """See `Installer.install`."""
        tool = uv_tool()
        own_cache = lock_file.parent / "uv-cache"
        if wheels.complete:
            tool = without_index(tool)
            # uv would keep what it unpacks of a local wheel in its cache, under a path that is
            # another one in each session.
            tool = replace(tool, env={**tool.env, "UV_CACHE_DIR": str(own_cache)})
        argv = [
            *tool.argv,
            # Not `sync`, which would take away what conda brought before.
            *("pip", "install", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:"),
            # Hard links share their content with uv's cache, which is ours alone; what a flow
            # edits in it is found when the next environment is verified. uv copies, saying
            # nothing, where the cache is on another file system.
            *("--link-mode", "hardlink"),
            # No bytecode: compiling all of Metaflow, pandas and numpy took 5 s where a flow's
            # first run writes what it needs in 0.4 s.
            "--no-compile-bytecode",
            *("--python", str(python)),
            *(("--find-links", str(wheels.folder)) if wheels.folder else ()),
            *tool.options,
            *("--requirement", str(lock_file)),
        ]
        done = run_process(argv, env=tool.env, cwd=lock_file.parent, timeout=timeout)
        shutil.rmtree(own_cache, ignore_errors=True)
        if not done.ok:
            raise install_error(done, tool="uv")

    def forget(self, packages: Iterable[str], *, folder: Path, timeout: float) -> None:
        """See `Installer.forget`."""
        tool = uv_tool()
        argv = [tool.argv[0], "cache", "clean", "--quiet", *packages]
        run_process(argv, env=tool.env, cwd=folder, timeout=timeout)
