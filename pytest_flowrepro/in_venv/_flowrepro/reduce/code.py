"""Functions, classes and modules: by name, and those of the flow's own code by their source, too.

The source is that of its tokens, without comments, blank lines and layout, which is the same under
every Python version. Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import ast
import functools
import io
import os
import sys
import sysconfig
import tokenize
import types
from typing import Any, Iterator, List, Tuple

from _flowrepro.kinds import Parts, global_name, type_name

_OURS = os.path.join(__file__, *[os.pardir] * 3)
"""The folder of these scripts, which are not the flow's code."""

_LIBRARIES = tuple(
    {
        os.path.join(os.path.realpath(folder), "")
        for folder in (*map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), _OURS)
    }
)


def parts(value: Any) -> Parts | None:
    """Return the named parts of a function, class or module; None for anything else."""
    cls = type(value)
    if issubclass(cls, type):
        return Parts("class", type_name(value), _class_fields(value))
    if cls is types.FunctionType:
        name = global_name(value.__module__, value.__qualname__)
        return Parts("function", name, _function_fields(value))
    if cls is types.BuiltinFunctionType and type(value.__self__) in (types.ModuleType, type(None)):
        return Parts("function", global_name(value.__module__, value.__qualname__), [])
    if cls is types.ModuleType:
        return Parts("module", value.__name__, [])
    return None


def _file_of(module: object) -> str:
    return str(getattr(sys.modules.get(str(module)), "__file__", None) or "")


@functools.lru_cache(maxsize=None)
def is_own(path: str) -> bool:
    """Return whether a file is one of the flow's: not the standard library's, not installed."""
    real = os.path.realpath(path)
    installed = {"site-packages", "dist-packages"} & set(real.split(os.sep))
    return os.path.isfile(real) and not installed and not real.startswith(_LIBRARIES)


def _class_fields(cls: type) -> list[tuple[str, Any]]:
    module = type.__dict__["__module__"].__get__(cls)
    path = _file_of(module)
    if not is_own(path):
        return []
    bases = [base for base in type.__dict__["__bases__"].__get__(cls) if base is not object]
    name = type.__dict__["__qualname__"].__get__(cls)
    definitions = [
        text for kind, line, qualname, text in _definitions(path) if (kind, qualname) == ("c", name)
    ]
    return [("bases", bases), ("source", "".join(definitions))]


def _function_fields(function: types.FunctionType) -> list[tuple[str, Any]]:
    code = function.__code__
    if not (is_own(code.co_filename) or is_own(_file_of(function.__module__))):
        return []
    cells = zip(code.co_freevars, function.__closure__ or ())  # noqa: B905  Python 3.8
    return [
        ("source", _source(code) or _constants(code)),
        ("defaults", function.__defaults__ or ()),
        ("keyword defaults", function.__kwdefaults__ or {}),
        ("closure", {name: cell.cell_contents for name, cell in cells if _is_set(cell)}),
    ]


def _is_set(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # a function that closes over itself, before it is assigned
        return False
    return True


def _source(code: types.CodeType) -> str:
    """Return the one definition that begins where the code does; empty where several do."""
    if not os.path.isfile(code.co_filename):
        return ""
    wanted = ("f", code.co_firstlineno, code.co_name)
    definitions = [
        definition[3] for definition in _definitions(code.co_filename) if definition[:3] == wanted
    ]
    return definitions[0] if len(definitions) == 1 else ""


def _constants(code: types.CodeType) -> list[Any]:
    """Return names and constants, all that can be compared without source."""
    constants = [
        _constants(constant) if type(constant) is types.CodeType else constant
        for constant in code.co_consts
    ]
    return [code.co_names, code.co_varnames, constants]


@functools.lru_cache(maxsize=None)
def _definitions(path: str) -> list[tuple[str, int, str, str]]:
    """Return kind (`c`, `f`), first line, name (of a class: qualified) and source of each."""
    try:
        with tokenize.open(path) as file:
            source = file.read()
        return list(_defined(ast.parse(source), source, ""))
    except (OSError, SyntaxError, ValueError, tokenize.TokenError):
        return []


def _defined(node: ast.AST, source: str, prefix: str) -> Iterator[tuple[str, int, str, str]]:
    for child in ast.iter_child_nodes(node):
        inner = prefix
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            lines = source.splitlines(keepends=True)[first - 1 : child.end_lineno]
            is_class = isinstance(child, ast.ClassDef)
            kind, name = ("c", prefix + child.name) if is_class else ("f", child.name)
            yield kind, first, name, tokens("".join(lines))
            inner += child.name + (".<locals>." if kind == "f" else ".")
        elif isinstance(child, ast.Lambda):
            text = ast.get_source_segment(source, child) or ""
            yield "f", child.lineno, "<lambda>", tokens("(%s)\n" % text)
            inner += "<lambda>.<locals>."
        yield from _defined(child, source, inner)


Place = Tuple[int, int]


def tokens(source: str) -> str:
    """Return the source without comments and layout.

    One space separates tokens and four indent each level. An f-string is one token, as it was
    before Python 3.12.
    """
    lines = source.splitlines(keepends=True)
    level, inside = 0, 0
    base: int | None = None
    start: Place = (0, 0)
    out: List[str] = []
    line: List[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = tokenize.tok_name[token.type]
        if name.endswith("STRING_START"):  # FSTRING_START, TSTRING_START
            start, inside = (start if inside else token.start), inside + 1
        elif name.endswith("STRING_END"):
            inside -= 1
            if not inside:
                line.append(_between(lines, start, token.end))
        elif inside or name in ("COMMENT", "NL", "ENDMARKER"):
            continue
        elif name in ("INDENT", "DEDENT"):
            level += 1 if name == "INDENT" else -1
        elif name == "NEWLINE":
            out.append("    " * (level - (base or 0)) + " ".join(line) + "\n")
            line = []
        else:
            base = level if base is None else base
            line.append(token.string)
    return "".join(out)


def _between(lines: list[str], start: Place, end: Place) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]]
    middle = lines[start[0] : end[0] - 1]
    return "".join([lines[start[0] - 1][start[1] :], *middle, lines[end[0] - 1][: end[1]]])
