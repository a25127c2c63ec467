"""Install by uv."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.environment.failures import install_error
from pytest_flowrepro.environment.wheelhouse.wheelhouse import NO_WHEELS
from pytest_flowrepro.installers.index_settings import uv_tool, without_index

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.environment.wheelhouse.wheelhouse import Wheels
    from pytest_flowrepro.model import Index


class UvInstaller:
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
        tool = uv_tool(indexes=indexes)
        if wheels.complete:
            tool = without_index(tool)
        # uv unpacks a wheel once and then reuses its cache without verifying it.
        own_cache = lock_file.parent / "uv-cache"
        env = {**tool.env, "UV_CACHE_DIR": str(own_cache)}
        env.pop("UV_NO_CACHE", None)
        tool = replace(tool, env=env)
        arguments = [
            # Not `sync`, which would remove the packages that conda installed.
            *("pip", "install", "--quiet", "--no-deps", "--require-hashes"),
            *("--only-binary", ":all:"),
            # A cache that is deleted below: its files are not shared with the environment.
            *("--link-mode", "hardlink"),
            # No bytecode: compiling all of Metaflow, pandas and numpy took 5 s where a flow's
            # first run writes what it needs in 0.4 s.
            "--no-compile-bytecode",
            *("--python", str(python)),
            *(("--find-links", str(wheels.folder)) if wheels.folder else ()),
            *tool.options,
            *("--requirement", str(lock_file)),
        ]
        done = tool.run(arguments, cwd=lock_file.parent, timeout=timeout)
        shutil.rmtree(own_cache, ignore_errors=True)
        if not done.ok:
            raise install_error(done, tool="uv")
