"""docs/reference/metaflow.md names everything that Metaflow exports, and a test for each row."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MATRIX = TESTS.parent / "docs" / "reference" / "metaflow.md"

ROWS = [line for line in MATRIX.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
ROWS = [row for row in ROWS if not row.startswith("| construct")]

INTERNAL = {"EXT_PKG"}
"""What Metaflow exports by accident."""

PUBLIC_NAMES = """
import types, metaflow
for name in dir(metaflow):
    if not name.startswith("_") and not isinstance(getattr(metaflow, name), types.ModuleType):
        print(name)
"""


def test_every_public_name_of_metaflow_has_its_row(metaflow_python: Path) -> None:
    names = subprocess.run(
        [metaflow_python, "-c", PUBLIC_NAMES], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(names) > 50
    documented = set(re.findall(r"`(\w+)`", "\n".join(row.split(" | ")[0] for row in ROWS)))
    assert set(names) - documented - INTERNAL == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].strip("| "))
def test_every_row_names_a_test_that_is_there(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("|").split(" | ")]
    verdict, test = cells[1], cells[-1].strip(" |`")
    assert verdict in {"works", "here", "outside"} or verdict.startswith("refused")
    if test or verdict != "outside":
        file, _, name = test.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
