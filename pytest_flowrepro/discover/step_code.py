"""The code that a step runs, found with `ast`: nothing is imported, nothing is run.

A step's code is its function, and whatever that refers to by name in the flow's own modules: other
methods of the flow, functions, classes and values, across modules, and the statements that a module
executes when it is imported. It does not include comments, docstrings, the layout of the text and
the order of definitions. Parameters and constants of the flow are left out, as they are compared as
values, and so are the decorators that declare packages, as these are compared themselves.
"""

from __future__ import annotations

import ast
import hashlib
import posixpath
import warnings
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_VALUES = ("Parameter", "IncludeFile", "Config")
"""Metaflow's classes of parameters, by the end of their names: their values are compared."""
_PACKAGES = frozenset({"pypi", "pypi_base", "conda", "conda_base"})
"""Metaflow's decorators that declare packages."""
_LAYOUT = {"ctx", "kind", "type_comment", "type_ignores"}
"""Fields of a syntax tree without a meaning at run time, or that follow from the others."""

_Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def step_digests(
    sources: Mapping[str, bytes],
    *,
    file: str,
    flow: str,
    steps: Collection[str],
    loaded: Mapping[str, Iterable[str]],
) -> dict[str, str]:
    """Return a digest of the code of each step in `loaded`; equal digests mean equal code.

    `sources` are the flow's own modules that any task loaded, and `file` is that of the class
    `flow`, all by their path relative to the project. `steps` are the names of all steps.
    `loaded` has the modules that each step had loaded at its end: one that no other module imports
    by a statement belongs as a whole to the step. A step is left out if its function is not found,
    or a module was written for a newer Python than this one.
    """
    try:
        project = _Project(sources, folder=posixpath.dirname(file))
        classes = [*project.classes_of(file, flow)]
        imported = project.imported_from(file)
        digests = {}
        for step, paths in loaded.items():
            code = _StepCode(project=project, classes=classes, steps=frozenset(steps))
            if code.add_step(step, dynamic=sorted(set(paths) - imported)):
                digests[step] = code.digest()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return digests


@dataclass(frozen=True, slots=True, eq=False)
class _Module:
    """The top level of a module."""

    path: str
    body: tuple[ast.stmt, ...]
    """Without what never runs in a flow: docstrings, and blocks below `if TYPE_CHECKING` and
    `if __name__ == "__main__"`."""
    names: Mapping[str, Sequence[ast.stmt]]
    """The statements that bind each name."""
    stars: tuple[ast.ImportFrom, ...]

    @property
    def executed(self) -> Iterator[ast.stmt]:
        """Yield the statements that do more than to bind names."""
        return (statement for statement in self.body if not _only_binds(statement))


class _Project:
    """The modules of a flow, parsed when they are needed."""

    def __init__(self, sources: Mapping[str, bytes], *, folder: str) -> None:
        self._sources = sources
        self._folder = folder
        """The flow's folder, which is the first one on Python's path."""
        self._modules: dict[str, _Module] = {}

    def module(self, path: str) -> _Module:
        if path not in self._modules:
            self._modules[path] = _parsed(path, self._sources[path])
        return self._modules[path]

    def find(self, module: str, *, level: int = 0, importer: str = "") -> str | None:
        """Return the path of a module by its dotted name; None for one that is not of the flow."""
        parts = [part for part in module.split(".") if part]
        if level:
            above = [".."] * (level - 1)
            return self._file_of(posixpath.dirname(importer), *above, *parts)
        if not parts:
            return None
        next_to_flow = self._file_of(self._folder, *parts)
        if next_to_flow is not None:
            return next_to_flow
        # The other folders on the path are not known.
        ends = tuple("/".join(("", *parts)) + end for end in (".py", "/__init__.py"))
        return next((path for path in sorted(self._sources) if f"/{path}".endswith(ends)), None)

    def _file_of(self, *parts: str) -> str | None:
        stem = posixpath.normpath(posixpath.join(*parts))
        paths = (f"{stem}.py", posixpath.normpath(f"{stem}/__init__.py"))
        return next((path for path in paths if path in self._sources), None)

    def imported_from(self, path: str) -> set[str]:
        """Return the modules that import statements lead to from this one, itself included."""
        reached: set[str] = set()
        pending = [path]
        while pending:
            importer = pending.pop()
            if importer not in reached:
                reached.add(importer)
                pending += self.packages_of(importer)
                for statement in self.module(importer).body:
                    pending += self.imports(statement, importer)
        return reached

    def packages_of(self, path: str) -> Iterator[str]:
        """Yield the packages that a module is in: they are imported before it."""
        for folder in PurePosixPath(path).parents:
            package = (folder / "__init__.py").as_posix()
            if package in self._sources and package != path:
                yield package

    def imports(self, node: ast.AST, importer: str) -> Iterator[str]:
        """Yield the modules of the flow that import statements anywhere in `node` load."""
        for inner in ast.walk(node):
            match inner:
                case ast.Import(names=names):
                    found = (self.find(alias.name) for alias in names)
                    yield from (path for path in found if path)
                case ast.ImportFrom(names=names):
                    for alias in names:
                        target = self.target(inner, alias.name, importer)
                        if target is not None:
                            yield target[0]

    def target(
        self, statement: ast.ImportFrom, name: str, importer: str
    ) -> tuple[str, str | None] | None:
        """Return the module of the flow, and the name in it, that `from ... import name` binds.

        The name is None if it is a module itself, or `*`.
        """
        module = statement.module or ""
        inner = f"{module}.{name}" if module else name
        submodule = self.find(inner, level=statement.level, importer=importer)
        found = self.find(module, level=statement.level, importer=importer)
        if submodule and not (found and name in self.module(found).names):
            return submodule, None
        return (found, None if name == "*" else name) if found else None

    def classes_of(self, path: str, name: str) -> Iterator[tuple[str, ast.ClassDef]]:
        """Yield a class and its bases in the flow's modules, each with the path of its module."""
        seen: set[tuple[str, str]] = set()
        pending = [(path, name)]
        while pending:
            path, name = pending.pop(0)
            if (path, name) in seen:
                continue
            seen.add((path, name))
            for statement in self.module(path).names.get(name, ()):
                if isinstance(statement, ast.ImportFrom):
                    pending += self._named(statement, name, path)
                for node in ast.walk(statement):
                    if isinstance(node, ast.ClassDef) and node.name == name:
                        yield path, node
                        pending += (base for expr in node.bases for base in self._base(expr, path))
            pending += ((target, name) for target in self.starred(path, name))

    def _named(self, statement: ast.ImportFrom, name: str, path: str) -> Iterator[tuple[str, str]]:
        for alias in statement.names:
            if (alias.asname or alias.name) == name:
                target = self.target(statement, alias.name, path)
                if target is not None and target[1] is not None:
                    yield target[0], target[1]

    def starred(self, path: str, name: str) -> Iterator[str]:
        for star in self.module(path).stars:
            found = self.find(star.module or "", level=star.level, importer=path)
            if found is not None and name in self.module(found).names:
                yield found

    def _base(self, expr: ast.expr, path: str) -> Iterator[tuple[str, str]]:
        match expr:
            case ast.Name(id=name):
                yield path, name
            case ast.Attribute(attr=name):
                found = self.find(ast.unparse(expr.value))
                if found is not None:
                    yield found, name


def _parsed(path: str, source: bytes) -> _Module:
    with warnings.catch_warnings(action="ignore"):  # an invalid escape is not our warning
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _Definition):
            node.decorator_list = [d for d in node.decorator_list if not _declares_packages(d)]
    body = tuple(_running(tree.body))
    names: dict[str, list[ast.stmt]] = {}
    stars = []
    for statement in body:
        for name in _bound_names(statement):
            names.setdefault(name, []).append(statement)
        if isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*":
            stars.append(statement)
    return _Module(path=path, body=body, names=names, stars=tuple(stars))


def _declares_packages(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(named).rpartition(".")[2] in _PACKAGES


def _running(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                pass  # a docstring
            case ast.Expr(
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="next"))
            ):
                pass  # the graph is compared by itself
            case ast.If(test=test, orelse=orelse) if _is_never_true(test):
                yield from _running(orelse)
            case _:
                yield statement


def _only_binds(statement: ast.stmt) -> bool:
    match statement:
        case ast.If() | ast.Try():
            inner = (
                node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.expr)
            )
            return all(map(_only_binds, _statements(inner)))
    binding = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.Pass)
    return isinstance(statement, (*binding, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    for node in nodes:
        if isinstance(node, ast.stmt):
            yield node
        elif isinstance(node, ast.ExceptHandler):
            yield from node.body


def _is_never_true(test: ast.expr) -> bool:
    return "__main__" in (text := ast.unparse(test)) or text.endswith("TYPE_CHECKING")


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top level binds, also inside of its blocks."""
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case _:
                pending.extend(ast.iter_child_nodes(node))


@dataclass(slots=True)
class _StepCode:
    """The definitions that a step reaches, as text without layout; it grows."""

    project: _Project
    classes: list[tuple[str, ast.ClassDef]]
    """The classes of the flow, each with the path of its module."""
    steps: frozenset[str]
    texts: set[str] = field(default_factory=set)
    _nodes: set[int] = field(default_factory=set)
    """The ids of the nodes that were added."""
    _executed: set[str] = field(default_factory=set)
    """The modules whose import was added."""
    _reached: set[tuple[str, str]] = field(default_factory=set)
    """The names of other modules that were added."""

    def digest(self) -> str:
        lines = "\n".join(sorted(self.texts))
        return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"

    def add_step(self, step: str, *, dynamic: Iterable[str]) -> bool:
        """Add a step and the modules that it loads `dynamic`ally; False if there is none."""
        if not self._add_member(step):
            return False
        for path, flow in self.classes:
            for decorator in flow.decorator_list:
                self._add(path, decorator)
            self._add_import_of(path)
        for path in dynamic:
            self._add_module(path)
        return True

    def _add_member(self, name: str) -> bool:
        """Add what the flow's classes define by this name; return False if they do not."""
        is_found = False
        for path, flow in self.classes:
            for statement in flow.body:
                if name in _bound_names(statement) and not _is_value(statement):
                    is_found = True
                    self._add(path, statement)
        return is_found

    def _add(self, path: str, node: ast.AST) -> None:
        """Add a node of a module, and all that it refers to."""
        if id(node) in self._nodes:
            return
        self._nodes.add(id(node))
        self.texts.add(_text(node))
        nodes = [*ast.walk(node)]
        qualified = {
            id(inner.value)
            for inner in nodes
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name)
        }
        for inner in nodes:
            if id(inner) not in qualified:
                self._add_reference(path, inner)

    def _add_reference(self, path: str, node: ast.AST) -> None:
        """Add what a single node refers to."""
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                if name in self.project.module(path).names:
                    self._add_name(path, name, attribute)
                elif attribute not in self.steps:  # `self.next(self.train)` runs no step
                    self._add_member(attribute)
            case ast.Name(id=name):
                self._add_name(path, name)
            case ast.Import(names=names):
                for alias in names:
                    self._add_module_import(alias, None)
            case ast.ImportFrom(names=names):
                for alias in names:
                    self._add_imported(node, alias, path)

    def _add_module(self, path: str) -> None:
        """Add all of a module."""
        for statement in self.project.module(path).body:
            self._add(path, statement)

    def _add_import_of(self, path: str) -> None:
        """Add what a module executes when it is imported."""
        if path not in self._executed:
            self._executed.add(path)
            for package in self.project.packages_of(path):
                self._add_import_of(package)
            for statement in self.project.module(path).executed:
                self._add(path, statement)

    def _add_name(self, path: str, name: str, attribute: str | None = None) -> None:
        """Add the bindings of a name; of a module only its `attribute`, if one is given."""
        module = self.project.module(path)
        for statement in module.names.get(name, ()):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._add_binding(statement, name, path, attribute)
            elif not any(statement is flow for _, flow in self.classes):  # these, by their members
                self._add(path, statement)
        for found in self.project.starred(path, name):
            self._reach(found, name)

    def _add_binding(
        self, statement: ast.Import | ast.ImportFrom, name: str, path: str, attribute: str | None
    ) -> None:
        """Add the module, or the name in it, that an import statement binds to a name."""
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom):
                if (alias.asname or alias.name) == name:
                    self._add_imported(statement, alias, path, attribute)
            elif (alias.asname or alias.name.partition(".")[0]) == name:
                self._add_module_import(alias, attribute)

    def _add_imported(
        self,
        statement: ast.ImportFrom,
        alias: ast.alias,
        path: str,
        attribute: str | None = None,
    ) -> None:
        target = self.project.target(statement, alias.name, path)
        if target is None:
            self.texts.add(f"from {statement.module} {_text(alias)}")
        else:
            module, name = target
            self._reach(module, attribute if name is None else name)

    def _add_module_import(self, alias: ast.alias, attribute: str | None) -> None:
        found = self.project.find(alias.name)
        if found is None:
            self.texts.add(f"import {_text(alias)}")
        else:
            self._reach(found, attribute if "." not in alias.name or alias.asname else None)

    def _reach(self, path: str, name: str | None) -> None:
        """Add a name of a module, or all of the module."""
        self._add_import_of(path)
        if name is None or name not in self.project.module(path).names:
            self._add_module(path)
        elif (path, name) not in self._reached:
            self._reached.add((path, name))
            self._add_name(path, name)


def _is_value(statement: ast.stmt) -> bool:
    """Return whether a statement of a class sets a parameter or a constant."""
    value = getattr(statement, "value", None)
    match value:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.endswith(_VALUES)
        case ast.expr():
            try:
                ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                return False
            return True
    return False


def _text(node: Any) -> str:
    """Return a syntax tree as text, the same for every layout and under every Python."""
    match node:
        case ast.Constant(value=value):
            return repr(value)
        case ast.AST():
            fields = {
                name: value
                for name, value in ast.iter_fields(node)
                if name not in _LAYOUT and value is not None and value != []
            }
            if isinstance(node, _Definition):
                fields["body"] = [*_running(node.body)]
            inner = ", ".join(f"{name}={_text(value)}" for name, value in fields.items())
            return f"{type(node).__name__}({inner})"
        case list():
            return f"[{', '.join(map(_text, node))}]"
    return repr(node)
