"""The imports of a source file, found with `ast`: nothing is imported, nothing is run."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    name: str
    """Dotted: `yaml` of `import yaml`, `google.auth` of `from google import auth`; its last part
    need not be a module."""
    step: str | None
    """The step whose body has the import, or None."""


def find_imports(source: bytes) -> tuple[Import, ...]:
    """Return the absolute imports of a file, in any block, and `import_module` of a literal name.

    Code below `if TYPE_CHECKING` never runs, and is skipped. The result is empty for a file that
    this Python cannot parse, because it is written for a newer one.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # an invalid escape is not our warning
            module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    imports: dict[Import, None] = {}
    pending: list[tuple[ast.AST, str | None]] = [(module, None)]
    while pending:
        node, step = pending.pop()
        imports.update((Import(name=name, step=step), None) for name in _imported_names(node))
        if isinstance(node, ast.FunctionDef) and any(map(_is_step, node.decorator_list)):
            step = node.name
        pending.extend((child, step) for child in _children(node))
    return tuple(imports)


def _imported_names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str() as module, names=names, level=0):
            yield from (f"{module}.{alias.name}" for alias in names)
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str() as name), *_],
        ) if not name.startswith("."):
            yield name


def _children(node: ast.AST) -> Iterable[ast.AST]:
    """Return the children of a node, except those that only a type checker sees."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return node.orelse
    return ast.iter_child_nodes(node)


def _is_step(decorator: ast.expr) -> bool:
    match decorator:
        case ast.Name(id="step") | ast.Attribute(attr="step"):
            return True
    return False
