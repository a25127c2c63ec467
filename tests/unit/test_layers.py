"""Imports point downwards only, and `_in_venv` stands alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_flowrepro"

LAYERS = (
    {
        "lockfile",
        "installers",
        "support",
        "model",
    }
    | {
        "revision",
        "internal_error",
        "termination",
        "advice",
    },
    {"settings"},
    {
        "discover",
        "describe",
        "package",
        "lock",
        "environment",
        "rerun",
        "capture",
    }
    | {
        "diff",
        "baseline",
        "report",
    },
    {
        "check",
    },
    {"outcomes", "results"},
    {"failure", "acceptance"},
    {"scope", "upstream"},
    {"session"},
    {"items", "cli"},
    {"collection"},
    {"active"},
    {"hookspecs"},
    {"plugin", "__main__", "__init__"},
)
MAY_IMPORT_PYTEST = {"plugin", "active", "collection", "items", "hookspecs"}


def modules() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if "_in_venv" not in path.parts]


def unit_of(path: Path) -> str:
    """The module, or the subpackage that it is in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Full names of what a module imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer(unit: str) -> int:
    return next(number for number, units in enumerate(LAYERS) if unit in units)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    own = unit_of(path)
    for name in imported(path):
        if name.startswith("pytest_flowrepro."):
            other = name.split(".")[1]
            if not (PACKAGE / other).is_dir() and not (PACKAGE / f"{other}.py").exists():
                continue
            below = layer(other) < layer(own) or (layer(other) == layer(own) == 0)
            assert other == own or below, f"{own} imports {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_plugin_imports_pytest_and_nothing_imports_metaflow(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)}
    assert "metaflow" not in tops
    assert "_pytest" not in tops
    assert "pickle" not in tops
    if unit_of(path) not in MAY_IMPORT_PYTEST:
        assert "pytest" not in tops


def test_what_runs_in_a_flows_environment_imports_nothing_of_ours_and_is_python_3_8() -> None:
    for path in (PACKAGE / "_in_venv").rglob("*.py"):
        assert not any(name.startswith("pytest_flowrepro") for name in imported(path)), path
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
