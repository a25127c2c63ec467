"""What the flow's own interpreter runs stands alone, and is Python 3.8."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.in_venv import IN_VENV

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = sorted(IN_VENV.rglob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(IN_VENV)))
def test_a_script_imports_nothing_of_this_package_and_is_python_3_8(script: Path) -> None:
    tree = ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("pytest_flowrepro") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("pytest_flowrepro")
