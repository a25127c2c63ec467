"""Unit tests lie where the modules lie that they test."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest_flowrepro

UNIT = Path(__file__).parent
PACKAGE = Path(pytest_flowrepro.__file__).parent

# Tests of more than one module.
TOPICS = {
    "advice/test_include_line.py",
    "baseline/test_git.py",
    "environment/test_odd_wheels.py",
    "in_venv/test_scripts.py",
    "installers/test_tool_settings.py",
    "support/test_runaways.py",
}
# Folders of tests -> folders of modules, where these are deeper; the first that fits.
DEEPER = {
    "in_venv/plugins": "in_venv/metaflow_path/metaflow_extensions/flowrepro/plugins",
    "in_venv": "in_venv/_flowrepro",
}


def module_of(test: PurePosixPath) -> Path:
    module = test.with_name(test.name.removeprefix("test_"))
    for folder, deeper in DEEPER.items():
        if module.is_relative_to(folder):
            return PACKAGE / deeper / module.relative_to(folder)
    return PACKAGE / module


def test_each_file_of_unit_tests_is_named_for_a_module() -> None:
    tests = [
        PurePosixPath(file.relative_to(UNIT).as_posix())
        for file in UNIT.rglob("test_*.py")
        if file.parent != UNIT
    ]
    assert {str(test) for test in tests if not module_of(test).exists()} == TOPICS
