"""The meaning of dotted names in the modules of a project, read from their text with `ast`.

Python itself decides which classes are flows: each class statement is mirrored by an empty class
with the same bases, so that inheritance, diamonds and the order of steps are Python's own.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
import warnings
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.util import decode_source
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.support.errors import DiscoverError
from pytest_flowrepro.support.project_folders import find_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MENTIONS_METAFLOW = re.compile(rb"FlowSpec|^\s*(?:from|import)\s+metaflow\b", re.MULTILINE)

_FLOW_SPEC = frozenset({"metaflow.FlowSpec", "metaflow.flowspec.FlowSpec"})
_STEP = frozenset({"metaflow.step", "metaflow.decorators.step"})
_KNOWN = _FLOW_SPEC | _STEP


@dataclass(frozen=True, kw_only=True, slots=True)
class _Import:
    level: int
    module: str
    name: str | None
    """None if the module itself is bound, `*` for all its names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Alias:
    """An assignment of another name: `flow = TrainFlow`."""

    dotted: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Module:
    """A module's top level: every binding of each name; the last one has precedence."""

    file: Path
    folder: Path
    """The folder that its relative imports start from; for a package, its own folder."""
    package: bool
    body: tuple[ast.stmt, ...]
    names: Mapping[str, Sequence[_Bound]]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Function:
    """A function, and the module that its names are looked up in."""

    module: Module
    node: _FunctionNode


_FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Binding: TypeAlias = _Import | _Alias | ast.ClassDef | _FunctionNode
_Branches: TypeAlias = tuple[tuple[int, int], ...]
"""The `if`, `try` and `match` statements around a statement, by id, and the branch of each."""
_Bound: TypeAlias = tuple[_Binding, _Branches]
_Parse: TypeAlias = "Callable[[Path, bytes], Module]"
_Meaning: TypeAlias = type | Function | Module | str | None
"""A mirrored class, a function or a module; a dotted name for anything outside the project."""


class _FlowSpec:
    """The stand-in for `metaflow.FlowSpec`."""


class _Outside:
    """The base of stand-ins for classes that are not in the project."""


class Names:
    """The meaning of dotted names in the modules of one project."""

    def __init__(self, *, root: Path, file: Path) -> None:
        self._root = root
        self._file = file
        self.looked_at: dict[str, str] | None = {}
        """The state of each other path that a name was looked up at; None if they are not known."""
        self._classes: dict[ast.ClassDef, type] = {}
        self._looking: set[tuple[int, str]] = set()

    @cached_property
    def folder(self) -> Path:
        """The first folder that is imported from: that of the real file, also for a link."""
        return Path(os.path.realpath(self._file)).parent

    def find(self, module: Module, dotted: tuple[str, ...]) -> _Meaning:
        meaning = self._meaning_of(module, dotted[0])
        for part in dotted[1:]:
            meaning = self._member(meaning, part)
        return meaning

    def mirror(self, module: Module, node: ast.ClassDef) -> type:
        """Return the mirror of a class that is defined anywhere in a module."""
        return self._class(module, node)

    def inside(self, function: Function) -> Module:
        """Return the function's module as its body sees it, with the names that the body binds."""
        module = function.module
        bindings = _names_of(function.node.body)
        names = {name: [*module.names.get(name, ()), *bound] for name, bound in bindings.items()}
        return replace(module, names={**module.names, **names})

    def _meaning_of(self, module: Module, name: str) -> _Meaning:
        """Return the meaning of the last binding; named imports go before stars.

        Exceptions: a module of the project goes before one outside it, and Metaflow's own class
        before its stand-in: `try: from metaflow import FlowSpec` / `except ImportError: class
        FlowSpec: ...`.
        """
        outside: str | None = None
        inside: _Meaning = None
        where: _Branches = ()
        for binding, branches in (
            *reversed(module.names.get(name, ())),
            *module.names.get("*", ()),
        ):
            if inside is not None and not _are_alternatives(where, branches):
                continue
            meaning = self._resolve(module, binding, name)
            if _is_metaflows(meaning):
                return meaning
            if isinstance(meaning, str):
                outside = outside or meaning
            elif meaning is not None and inside is None:
                inside, where = meaning, branches
                if not where:
                    break
        return outside if inside is None else inside

    def _resolve(self, module: Module, binding: _Binding, name: str) -> _Meaning:
        """Return the meaning of a binding; None while it is being resolved (an import cycle)."""
        key = (id(binding), name)
        if key in self._looking:
            return None
        self._looking.add(key)
        try:
            match binding:
                case ast.ClassDef():
                    return self._class(module, binding)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    return Function(module=module, node=binding)
                case _Alias(dotted=dotted):
                    return self.find(module, dotted)
                case _Import():
                    imported = self._imported(module, binding)
                    wanted = name if binding.name == "*" else binding.name
                    return self._member(imported, wanted) if wanted else imported
        finally:
            self._looking.discard(key)

    def _member(self, owner: _Meaning, name: str) -> _Meaning:
        match owner:
            case Module():
                meaning = self._meaning_of(owner, name)
                return self._load(owner, name) if meaning is None else meaning
            case str():
                return f"{owner}.{name}"
            case _:
                return None

    def _imported(self, module: Module, statement: _Import) -> Module | str:
        """Return the module that an import names."""
        parts = statement.module.split(".") if statement.module else []
        if parts[:1] == ["metaflow"] and not statement.level:
            return statement.module
        up = module.folder
        for _ in range(statement.level - 1):
            up = up.parent
        if not parts:  # from . import X: also a name of the package's __init__
            up, parts = up.parent, [up.name]
        for folder in [up] if statement.level else (self.folder, self._root):
            target: Module | str | None = self._package(folder)
            for part in parts:
                target = self._load(target, part) if isinstance(target, Module) else target
            if target is not None:
                return target
        return statement.module

    def _package(self, folder: Path) -> Module:
        """Return a package without names: only its submodules count (`from .base import X`)."""
        return Module(file=folder, folder=folder, package=True, body=(), names={})

    def _load(self, package: Module, name: str) -> Module | str | None:
        """Return a submodule as Python's path finder finds it: package, module, namespace."""
        if not package.package:
            return None
        folder = package.folder / name
        for file in (folder / "__init__.py", folder.with_name(f"{name}.py")):
            # Path.is_file raises where a folder cannot be entered.
            if os.path.isfile(file):  # noqa: PTH113
                source = self.read(file)
                self._look_at(file, text_digest(source))
                parsed = self.parse(file, source, _parse_shared)
                return name if parsed is None else parsed
            self._look_at(file, "")
        is_package = os.path.isdir(folder)  # noqa: PTH112
        self._look_at(folder, _FOLDER if is_package else "")
        return self._package(folder) if is_package else None

    def _look_at(self, path: Path, state: str) -> None:
        if self.looked_at is not None:
            self.looked_at[str(path)] = state

    def _class(self, module: Module, node: ast.ClassDef) -> type:
        """Return an empty class with the bases of `node`; its steps are in `members`."""
        if node not in self._classes:
            bases = dict.fromkeys(self._base(module, base) for base in node.bases)
            namespace = {
                "file": module.file,
                "lineno": node.lineno,
                "members": dict(self._members(module, node)),
            }
            try:
                mirror = type(node.name, tuple(base for base in bases if base), namespace)
            except TypeError as error:
                raise DiscoverError(
                    f"{self._display_path(module.file)}, line {node.lineno}: "
                    f"Python cannot create the class {node.name}",
                    hint="reorder the base classes so that the order is consistent with theirs",
                    detail=str(error),
                ) from None
            self._classes[node] = mirror
        return self._classes[node]

    def _base(self, module: Module, expression: ast.expr) -> type | None:
        while isinstance(expression, ast.Subscript):  # Generic[T]
            expression = expression.value
        dotted = dotted_name(expression)
        match self.find(module, dotted) if dotted else "":
            case type() as mirror:
                return mirror
            case str() as outside if outside in _FLOW_SPEC:
                return _FlowSpec
            case str() as outside:
                return self._elsewhere(outside) or type(outside, (_Outside,), {})
            case _:
                return None

    def _elsewhere(self, dotted: str) -> type | None:
        """Return a class of the project in a module that `sys.path` or PYTHONPATH leads to."""
        top = dotted.partition(".")[0]
        if top == "metaflow" or top in sys.stdlib_module_names:
            return None
        self.looked_at = None  # anywhere in the project
        folder = find_module(dotted.rpartition(".")[0], root=self._root)
        meaning: _Meaning = self._package(folder) if folder else None
        for part in dotted.split("."):
            meaning = self._member(meaning, part)
        return meaning if isinstance(meaning, type) else None

    def _members(self, module: Module, node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
        """Yield each name that a class body binds, and whether it is a step."""
        for statement, _ in _statements(node.body):
            match statement:
                case ast.FunctionDef(name=name, decorator_list=decorators):
                    yield name, any(self._is_step(module, node) for node in decorators)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, isinstance(value, ast.Call) and self._is_step(module, value)

    def _is_step(self, module: Module, decorator: ast.expr) -> bool:
        """Return True for `step`, `step(...)` and a call of another decorator with one in it."""
        if isinstance(decorator, ast.Call):
            nested = (argument for argument in decorator.args if isinstance(argument, ast.Call))
            if any(self._is_step(module, call) for call in nested):
                return True
            decorator = decorator.func
        dotted = dotted_name(decorator)
        return bool(dotted) and self.find(module, dotted) in _STEP

    # --- reading ---

    def read(self, file: Path) -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise DiscoverError(
                f"{self._display_path(file)} cannot be read: {error.strerror}",
                hint="make it readable, or leave it out with `flows` in [tool.flowrepro]",
            ) from error

    def parse(self, file: Path, source: bytes, parse: _Parse) -> Module | None:
        """Parse a file; return None if it is neither valid Python nor mentions Metaflow."""
        try:
            return parse(file, source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if not MENTIONS_METAFLOW.search(source):
                return None
            lineno = error.lineno if isinstance(error, SyntaxError) else None
            place = f", line {lineno}" if lineno else ""
            version = ".".join(map(str, sys.version_info[:2]))
            raise DiscoverError(
                f"{self._display_path(file)}{place}: not valid Python {version}",
                hint="correct it, or leave the file out with `flows` in [tool.flowrepro]",
                detail=_reason(error),
            ) from None

    def _display_path(self, file: Path) -> str:
        return str(file.relative_to(self._root) if file.is_relative_to(self._root) else file)


def text_digest(source: bytes) -> str:
    return hashlib.blake2b(source, digest_size=16).hexdigest()


_FOLDER = "folder"


def path_state(path: str) -> str:
    """Return a file's digest, `folder`, or an empty string for anything else."""
    if os.path.isfile(path):  # noqa: PTH113  as in `_load`
        try:
            return text_digest(Path(path).read_bytes())
        except OSError:
            return "unreadable"
    return _FOLDER if os.path.isdir(path) else ""  # noqa: PTH112


def _reason(error: Exception) -> str:
    match error:
        case SyntaxError(msg=msg, text=str() as text) if text.strip():
            return f"{text.strip()[:200]}\n{msg}"
        case SyntaxError(msg=msg):
            return msg
        case ValueError():  # not in its encoding; a null byte, before Python 3.12
            return str(error)
        case _:
            return "it is nested too deeply"


# --- one module's text ----------------------------------------------------------------


def parse_module(file: Path, source: bytes) -> Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a flow's invalid escape is not our warning
        tree = ast.parse(decode_source(source))  # PEP 263: byte order mark, coding comment
    return Module(
        file=file,
        folder=file.parent,
        package=file.stem == "__init__",
        body=tuple(tree.body),
        names=_names_of(tree.body),
    )


def _names_of(body: list[ast.stmt]) -> dict[str, list[_Bound]]:
    names: dict[str, list[_Bound]] = {}
    for statement, branches in _statements(body):
        for name, binding in _bindings(statement):
            names.setdefault(name, []).append((binding, branches))
    return names


# Base modules are shared by many flows. A flow file is parsed once anyway, and keeping its tree
# costs more than parsing it: the garbage collector walks it again and again.
_parse_shared = lru_cache(maxsize=256)(parse_module)


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, _Branches]]:
    """Yield statements, including those in blocks, in the order of their precedence.

    The handlers of a `try` come before its body, which is expected to work. Code that only type
    checkers see is skipped.
    """
    pending: list[tuple[ast.AST, _Branches]] = [(node, ()) for node in reversed(body)]
    while pending:
        node, branches = pending.pop()
        if isinstance(node, ast.stmt):
            yield node, branches
        pending.extend(reversed([*_inner(node, branches)]))


def _inner(node: ast.AST, branches: _Branches) -> Iterator[tuple[ast.AST, _Branches]]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return
        case ast.Try() | ast.TryStar():
            blocks: list[list[ast.stmt]] = [handler.body for handler in node.handlers]
            blocks.append([*node.body, *node.orelse])
        case ast.If(test=test):
            blocks = [
                [] if _is_type_checking(test) else node.body,
                [] if _is_not_type_checking(test) else node.orelse,
            ]
        case ast.Match(cases=cases):
            blocks = [case.body for case in cases]
        case _:
            blocks = []
            for name in ("body", "orelse"):
                yield from ((child, branches) for child in getattr(node, name, ()))
    for number, block in enumerate(blocks):
        inside = (*branches, (id(node), number))
        yield from ((child, inside) for child in block)
    yield from ((child, branches) for child in getattr(node, "finalbody", ()))


def _is_type_checking(test: ast.expr) -> bool:
    return dotted_name(test)[-1:] == ("TYPE_CHECKING",)


def _is_not_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and _is_type_checking(test.operand)


def _are_alternatives(first: _Branches, second: _Branches) -> bool:
    """Return True for two branches of one statement, of which only one runs."""
    taken = dict(first)
    return any(taken.get(statement, branch) != branch for statement, branch in second)


def _is_metaflows(meaning: _Meaning) -> bool:
    match meaning:
        case type():
            return issubclass(meaning, _FlowSpec)
        case str():
            return meaning == "metaflow" or meaning in _KNOWN
        case _:
            return False


_IMPORTERS = frozenset({("import_module",), ("__import__",)})


def _bindings(statement: ast.stmt) -> Iterator[tuple[str, _Binding]]:
    match statement:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name, statement
        case ast.Assign(targets=[target], value=ast.expr() as value):
            yield from _assigned(target, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            yield from _assigned(target, value)
        case ast.Import(names=aliases):
            for alias in aliases:
                module = alias.name if alias.asname else alias.name.partition(".")[0]
                yield alias.asname or module, _Import(level=0, module=module, name=None)
        case ast.ImportFrom(module=from_module, names=aliases, level=level):
            for alias in aliases:
                imported = _Import(level=level, module=from_module or "", name=alias.name)
                yield alias.asname or alias.name, imported


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, _Binding]]:
    """Yield the bindings of an assignment: another name, or `import_module("...")`."""
    match target, value:
        case ast.Tuple(elts=targets), ast.Tuple(elts=values):
            for inner_target, inner_value in zip(targets, values, strict=False):
                yield from _assigned(inner_target, inner_value)
        case ast.Name(id=name), ast.Call(func=call, args=[ast.Constant(value=str() as module)]):
            if dotted_name(call)[-1:] in _IMPORTERS:
                yield name, _Import(level=0, module=module, name=None)
        case ast.Name(id=name), _ if dotted := dotted_name(value):
            yield name, _Alias(dotted=dotted)


def dotted_name(expression: ast.expr) -> tuple[str, ...]:
    """Return the parts of a dotted name, as `("metaflow", "FlowSpec")`; empty for others."""
    parts: list[str] = []
    while isinstance(expression, ast.Attribute):
        parts.append(expression.attr)
        expression = expression.value
    return (expression.id, *reversed(parts)) if isinstance(expression, ast.Name) else ()


def is_flow(mirror: type) -> bool:
    outside = issubclass(mirror, _Outside)
    return issubclass(mirror, _FlowSpec) or (outside and bool(steps_of(mirror)))


def steps_of(mirror: type) -> tuple[str, ...]:
    """Return the step names, those of base classes first; an overridden step keeps its place."""
    members: dict[str, bool] = {}
    for cls in reversed(mirror.__mro__):
        members.update(vars(cls).get("members", {}))
    return tuple(name for name, is_step in members.items() if is_step)
