"""The files and folders that a user gives to pytest, and the project that they belong to."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from pytest_flowrepro.plugin.worker_input import worker_input
from pytest_flowrepro.settings.project import Project, find_project


def project_of(config: pytest.Config) -> Project:
    """Return the project of this session; raise `SettingsError` if two files configure it."""
    worker = worker_input(config)
    if worker is not None:
        return Project(root=worker.root)
    option = config.option
    starts = [path for path in _given_paths(config) if path.exists()]
    folders = [path if path.is_dir() else path.parent for path in starts]
    return find_project(
        folders or [config.invocation_params.dir],
        rootdir=config.rootpath,
        is_given=bool(option.rootdir or option.inifilename),
        is_moved=_is_rootdir_moved(config),
    )


def has_paths(config: pytest.Config) -> bool:
    """Return whether files or folders are named on the command line, or test ids anywhere."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return False
    arguments = config.invocation_params.args
    return any(arg in arguments or "::" in arg for arg in config.args)


def argument_path(config: pytest.Config, arg: str) -> Path:
    """Return the absolute path of an argument, without the ids of tests."""
    return Path(os.path.abspath(config.invocation_params.dir / arg.partition("::")[0]))  # noqa: PTH100


def _given_paths(config: pytest.Config) -> list[Path]:
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return []
    return [argument_path(config, arg) for arg in config.args]


def _is_rootdir_moved(config: pytest.Config) -> bool:
    """Return whether pytest may have taken a value of our options for a path argument."""
    values = {
        str(value) for name, value in vars(config.option).items() if name.startswith("flow_repro_")
    }
    more = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    return any(word in values for word in (*config.invocation_params.args, *more))
