"""A frozen value holds what cannot change: tuples and mappings, not lists, dicts or sets."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_flowrepro

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(pytest_flowrepro.__file__).parent
MUTABLE = {"list", "dict", "set", "bytearray", "defaultdict", "Counter", "deque"}


def changeable_fields(source: str) -> Iterator[str]:
    """Yield `Class.field` for each field of a frozen dataclass whose type can change."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and any(map(_freezes, node.decorator_list)):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and _names(field.annotation) & MUTABLE:
                    yield f"{node.name}.{ast.unparse(field.target)}"


def _freezes(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and any(
        keyword.arg == "frozen" and ast.unparse(keyword.value) == "True"
        for keyword in decorator.keywords
    )


def _names(annotation: ast.expr) -> set[str]:
    """Return the names in a type; none for a callable, whose arguments are not held."""
    names = {node.id for node in ast.walk(annotation) if isinstance(node, ast.Name)}
    return set() if "Callable" in names else names


@pytest.mark.parametrize(
    ("field", "is_changeable"),
    [
        ("names: list[str]", True),
        ("names: tuple[list[str], ...]", True),
        ("names: dict[str, int] | None = None", True),
        ("names: tuple[str, ...]", False),
        ("names: Mapping[str, frozenset[str]]", False),
        ("make: Callable[[list[str]], str]", False),
    ],
)
def test_a_field_that_can_change_is_found(field: str, *, is_changeable: bool) -> None:
    text = f"@dataclass(frozen=True, slots=True)\nclass Value:\n    {field}\n"
    assert list(changeable_fields(text)) == (["Value.names"] if is_changeable else [])
    assert list(changeable_fields(text.replace("frozen=True, ", ""))) == []


def test_frozen_values_have_no_field_that_can_change() -> None:
    assert {
        f"{file.relative_to(PACKAGE).as_posix()}: {name}"
        for file in PACKAGE.rglob("*.py")
        for name in changeable_fields(file.read_text(encoding="utf-8"))
    } == set()
