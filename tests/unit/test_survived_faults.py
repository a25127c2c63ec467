"""docs/explanation/what-a-check-survives.md names a test for each fault."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "explanation" / "what-a-check-survives.md"

ROWS = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
ROWS = ROWS[1:]  # below the names of the columns


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].strip("| "))
def test_every_fault_has_a_promise_and_a_test_that_exists(row: str) -> None:
    fault, promise, test = (cell.strip() for cell in row.strip("|").split(" | "))
    assert fault
    assert promise
    file, _, name = test.strip("`").partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_no_fault_has_two_rows() -> None:
    faults = [row.split(" | ")[0] for row in ROWS]
    assert sorted(set(faults)) == sorted(faults)
