"""The one voice of errors, notes and docstrings.

An error's `what` states a fact, and its `hint` follows "What to do:" as an imperative.

The literals are read from the source with `ast`: those that are given to an error class, to what
builds one (`broken`), and to values that become errors (`Advice`, `NoFlow`). A name stands for all
the literals that its function or module assigns to it. A placeholder of an f-string is `{}`.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_flowrepro

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = Path(pytest_flowrepro.__file__).parent

_BASE = "FlowReproError"
_BUILDERS = {"broken", "Advice", "NoFlow"}
_WITHOUT_WHAT = {"broken", "Advice", "NoFlow"}
"""Their text is the end of a sentence, which follows a name."""

_LOWER_CASE_NAMES = {"git", "pip", "pip-tools", "py-rattler", "rattler", "uv"}
_FORBIDDEN = re.compile(
    r"\b(?:mend|nobody|somebody|whoever|whatever|please|beside|stands|tells)\b"
    r"|\b(?:is|are) no (?!longer)|\bhas none\b|\bdocs/",
    re.IGNORECASE,
)
_NOT_IMPERATIVE = re.compile(
    r"(?:an?|he|her|his|i|in|it|its|no|of|our|she|that|the|their|there|these|they|this|those|to|we|"
    r"what|when|where|which|who|you|your|\w+ (?:is|are|was|were|cannot|has|have)|see that)\b"
)

_START_OF_A_CLAUSE = re.compile(
    r"(?:as|by|how|of|that|those|what|when|where|whether|which|who|why)\b", re.IGNORECASE
)
_DIALECT = re.compile(
    r"\b(?:mends?|nobody|somebody|whoever|beside|stands(?! for)|tells?|told|has none)\b"
    r"|(?<!there )\b(?:is|are) no (?!longer)",
    re.IGNORECASE,
)


def problems_of(kind: str, text: str) -> Iterator[str]:
    """Yield the rules that a text breaks."""
    sentence, _, _ = text.partition("\n\n")  # lines for a file may follow
    if sentence != sentence.strip():
        yield "white space around it"
    if found := _FORBIDDEN.search(text):
        yield f"the word {found.group().strip()!r}"
    if kind != "detail" and sentence.endswith(".") and not sentence.endswith("..."):
        yield "a final period"
    first, _, _ = sentence.partition(" ")
    if kind == "what" and re.fullmatch(r"[a-z-]+,?", first) and first not in _LOWER_CASE_NAMES:
        yield "no capital letter, and no name, at the start"
    if kind == "hint" and not re.match(r"[a-z`{]", sentence):
        yield "no lower-case letter at the start"
    if kind == "hint" and _NOT_IMPERATIVE.match(sentence):
        yield "no imperative at the start"


def texts_in(node: ast.expr | None, names: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    """Yield the literals that an expression may be; empty for one that is not a literal."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for start in [*texts_in(left, names)] or ["{}"]:
                for end in [*texts_in(right, names)] or ["{}"]:
                    yield start + end
        case ast.Name(id=name):
            others = {other: values for other, values in names.items() if other != name}
            for value in names.get(name, ()):
                yield from texts_in(value, others)
        case _:
            for alternative in alternatives(node):
                yield from texts_in(alternative, names)


def alternatives(node: ast.expr | None) -> list[ast.expr]:
    match node:
        case ast.IfExp(body=body, orelse=orelse):
            return [body, orelse]
        case ast.BoolOp(values=values):
            return values
        case ast.Call(func=ast.Attribute(value=template, attr="format")):
            return [template]
    return []


def assignments(body: ast.AST) -> dict[str, list[ast.expr]]:
    """Return the values that are assigned to each name below a node."""
    values: dict[str, list[ast.expr]] = {}
    for node in ast.walk(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values.setdefault(name, []).append(value)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=parts)):
                for target, part in zip(targets, parts, strict=False):
                    if isinstance(target, ast.Name):
                        values.setdefault(target.id, []).append(part)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values.setdefault(name, []).append(value)
    return values


def calls_with_names(tree: ast.Module) -> Iterator[tuple[ast.Call, dict[str, list[ast.expr]]]]:
    """Yield each call with the names that are assigned in its function, or else in the module."""
    module = assignments(ast.Module(body=[s for s in tree.body if _is_plain(s)], type_ignores=[]))
    pending: list[tuple[ast.AST, dict[str, list[ast.expr]]]] = [(tree, module)]
    while pending:
        node, names = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {**names, **assignments(node)}
        if isinstance(node, ast.Call):
            yield node, names
        pending.extend((child, names) for child in ast.iter_child_nodes(node))


def _is_plain(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign | ast.AnnAssign)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def error_classes(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return the names of the base error and of all classes that derive from it."""
    bases = {
        node.name: {_name(base) for base in node.bases}
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {_BASE}
    while more := {name for name, of in bases.items() if of & found} - found:
        found |= more
    return found


def literals(trees: Mapping[str, ast.Module]) -> Iterator[tuple[str, int, str, str]]:
    """Yield module, line, kind (`what`, `hint` or `detail`) and text of each literal."""
    speaking = error_classes(trees) | _BUILDERS
    for module, tree in trees.items():
        for call, names in calls_with_names(tree):
            name = _name(call.func)
            if name not in speaking:
                continue
            given = {word.arg: word.value for word in call.keywords}
            if call.args:
                given.setdefault("what", call.args[0])
            for kind in ("what", "hint", "detail"):
                if kind == "what" and name in _WITHOUT_WHAT:
                    continue
                for text in filter(None, texts_in(given.get(kind), names)):
                    yield module, call.lineno, kind, text


def source_trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


def test_errors_speak_with_one_voice() -> None:
    found = [*literals(source_trees())]
    assert len(found) > 300
    assert [
        f"{module}:{line}: {kind}: {problem}: {text}"
        for module, line, kind, text in found
        for problem in problems_of(kind, text)
    ] == []


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the texts below definitions and attributes."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(value=ast.Constant(value=str()) as text):
                    yield text


def dialect_of(source: str) -> Iterator[str]:
    """Yield the problems of docstrings, comments and texts but regular expressions, with lines."""
    tree = ast.parse(source)
    documented = [*docstrings(tree)]
    for text in documented:
        if found := _START_OF_A_CLAUSE.match(str(text.value).lstrip()):
            yield f"{text.lineno}: a docstring starts with {found.group()!r}"
    texts = {
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "|" not in node.value
    }
    texts |= {
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for line, content in sorted(texts):
        for found in _DIALECT.finditer(content):
            yield f"{line}: the word {found.group().strip()!r}"


def test_docstrings_comments_and_notes_are_in_plain_english() -> None:
    assert [
        f"{path.relative_to(SOURCE)}:{problem}"
        for path in sorted(SOURCE.rglob("*.py"))
        for problem in dialect_of(path.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize(
    ("source", "problems"),
    [
        ('"""Return the flow; `stands for` is allowed."""', []),
        ('"""What a flow returns."""', ["1: a docstring starts with 'What'"]),
        ('x: int = 0\n"""Of the flow."""', ["2: a docstring starts with 'Of'"]),
        ('def f():\n    """By which it runs."""', ["2: a docstring starts with 'By'"]),
        ('note = f"{x} stands beside"', ["1: the word 'stands'", "1: the word 'beside'"]),
        ("x = 1  # nobody knows", ["1: the word 'nobody'"]),
        ("x = 1  # X is no file, is no longer, there is no file", ["1: the word 'is no'"]),
    ],
)
def test_the_rules_of_plain_english(source: str, problems: list[str]) -> None:
    assert [*dialect_of(source)] == problems


@pytest.mark.parametrize(
    ("kind", "text", "problems"),
    [
        ("what", "The disk is full", []),
        ("what", "{}: no flow was found", []),
        ("what", "uv was not found", []),
        ("what", "pyproject.toml: {} does not exist", []),
        ("what", "the disk is full", ["no capital letter, and no name, at the start"]),
        ("what", "The disk is full.", ["a final period"]),
        ("what", "The file {} is no folder", ["the word 'is no'"]),
        ("hint", "fix the file, and run again", []),
        ("hint", "`git fetch` gets missing revisions", []),
        ("hint", "set the region:\n\n    env = {}\n", []),
        ("hint", "mend the file", ["the word 'mend'"]),
        ("hint", "fix the file.", ["a final period"]),
        ("hint", "fix the file ", ["white space around it"]),
        ("hint", "Fix the file", ["no lower-case letter at the start"]),
        ("hint", "please fix the file", ["the word 'please'"]),
        ("hint", "fix it; docs/reference has the keys", ["the word 'docs/'"]),
        ("hint", "the file has to be fixed", ["no imperative at the start"]),
        ("detail", "It failed.", []),
    ],
)
def test_the_rules_of_the_voice(kind: str, text: str, problems: list[str]) -> None:
    assert [*problems_of(kind, text)] == problems


def test_literals_are_found_in_names_branches_and_derived_classes() -> None:
    tree = ast.parse(
        "HINT = 'a' + 'b'\n"
        "class WornError(FlowReproError): pass\n"
        "def f(x):\n"
        "    what = f'{x} c' if x else 'd'\n"
        "    raise WornError(what, hint=HINT, detail=x)\n"
    )
    assert [entry[2:] for entry in literals({"m.py": tree})] == [
        ("what", "{} c"),
        ("what", "d"),
        ("hint", "ab"),
    ]
