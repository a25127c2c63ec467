"""Unit tests lie where the modules lie that they test."""

from __future__ import annotations

from pathlib import Path

import pytest_flowrepro

UNIT = Path(__file__).parent
PACKAGE = Path(pytest_flowrepro.__file__).parent

# Tests of more than one module.
TOPICS = {
    "advice/test_include_line.py",
    "environment/test_odd_wheels.py",
    "installers/test_tool_settings.py",
    "support/test_runaways.py",
}
# Scripts of the flow's own interpreter are tested by what they are about.
IN_VENV = UNIT / "in_venv"


def test_each_file_of_unit_tests_is_named_for_a_module() -> None:
    files = [file for file in UNIT.rglob("test_*.py") if file.parent not in {UNIT, IN_VENV}]
    alone = {
        path.as_posix()
        for path in (file.relative_to(UNIT) for file in files)
        if not (PACKAGE / path).with_name(path.name.removeprefix("test_")).exists()
    }
    assert alone == TOPICS
