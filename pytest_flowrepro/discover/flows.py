"""The flows that a source file starts, found with `ast`: nothing is imported, nothing is run.

Two questions are answered from the text: which classes are flows (names.py), and which of them the
file starts. It starts those that are called by code which runs when the file is run.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.discover.names import (
    MENTIONS_METAFLOW,
    Function,
    Names,
    dotted_name,
    is_flow,
    parse_module,
    steps_of,
)
from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.support.errors import DiscoverError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.discover.names import Module

_MAY_START = re.compile(rb"metaflow|__main__|^[A-Za-z_][\w.]*\(", re.MULTILINE)


_UNREAD_STEPS = ("start",)
"""A stand-in for all steps, if none can be read from the text."""


def may_start_flow(source: bytes) -> bool:
    """Return whether a file with this text may start a flow, by a search: parsing costs more.

    A flow's file need not mention Metaflow (if all its steps are inherited), but the call that
    starts it is under a main guard or not indented.
    """
    return _MAY_START.search(source) is not None


def find_flows(file: Path, *, root: Path) -> tuple[FlowSource, ...]:
    """Return the flows that `file` starts, in the order of their lines.

    A flow is a class that derives from `metaflow.FlowSpec`, directly or through modules of the
    project. Imports are found as in `python file`: first in the file's folder, then in `root`.
    A class whose base is outside both is a flow if it has methods under Metaflow's `@step`.

    It is started by a call such as `TrainFlow()` at module level, under the main guard or in a
    function that is called from there; `TrainFlow(use_cli=False)` starts nothing.

    Raises `DiscoverError` for a file that cannot be read, and for one that is not valid Python
    but mentions Metaflow. Any other invalid file has no flows.
    """
    file = Path(os.path.abspath(file))  # noqa: PTH100  resolve() would follow symlinks
    names = Names(root=root, file=file)
    source = names.read(file)
    return flows_in(file, source, names) if may_start_flow(source) else ()


def flows_in(file: Path, source: bytes, names: Names) -> tuple[FlowSource, ...]:
    """Return the flows that a file with this text starts."""
    module = names.parse(file, source, parse_module)
    if module is None:
        return ()
    lines: dict[type, int] = {}
    for call, flow in _started(module, names):
        is_own = vars(flow)["file"] == file  # else this file starts a flow that another defines
        lines.setdefault(flow, vars(flow)["lineno"] if is_own else call.lineno)
    return tuple(
        FlowSource(
            file=file, name=flow.__name__, lineno=lineno, steps=steps_of(flow) or _UNREAD_STEPS
        )
        for flow, lineno in sorted(lines.items(), key=lambda item: item[1])
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class NoFlow:
    """The reason why no flow is found in a file, and a hint."""

    file: Path
    what: str
    hint: str
    looks_like_one: bool
    """True if the text has a class that may well be a flow."""

    def error(self) -> DiscoverError:
        return DiscoverError(f"{self.file}: no flow was found: {self.what}", hint=self.hint)


def suspect_no_flow(file: Path, *, root: Path) -> NoFlow | None:
    """Return the reason for a file without flows that seems to start one; None for any other.

    Modules with base classes have no main guard, and are not suspected.
    """
    source = Names(root=root, file=file).read(file)
    if b"__main__" not in source or not MENTIONS_METAFLOW.search(source):
        return None
    reason = explain_no_flow(file, root=root)
    return reason if reason.looks_like_one else None


def explain_no_flow(file: Path, *, root: Path) -> NoFlow:
    """Return why `find_flows` finds nothing in `file`; raise the same errors."""
    names = Names(root=root, file=file)
    source = names.read(file)
    module = names.parse(file, source, parse_module)
    if module is None:
        return NoFlow(
            file=file,
            what="it is not valid Python and does not mention Metaflow",
            hint="correct it, or leave it out of `flows` in [tool.flowrepro]",
            looks_like_one=False,
        )
    unread: NoFlow | None = None
    for node in _classes(module):
        mirror = names.mirror(module, node)
        if is_flow(mirror) and steps_of(mirror):
            return NoFlow(
                file=file,
                what=_explain_not_started(node.name, module, names),
                hint=f'start it by its name: `if __name__ == "__main__": {node.name}()`',
                looks_like_one=True,
            )
        unread = unread or _explain_unread_base(file, node, module, names)
    if unread is not None:
        return unread
    if runner := _runner_call(module, names):
        what = f"it starts flows through metaflow.{runner.name} (line {runner.lineno})"
        hint = "name the files of these flows instead; each is checked by the file that defines it"
    else:
        what = (
            "no class in it derives from metaflow.FlowSpec, and it does not start a flow of another"
        )
        hint = "leave it out of `flows` in [tool.flowrepro], or name the file that defines the flow"
    return NoFlow(file=file, what=what, hint=hint, looks_like_one=False)


def _classes(module: Module) -> Iterator[ast.ClassDef]:
    for statement in module.body:
        yield from (node for node in ast.walk(statement) if isinstance(node, ast.ClassDef))


def _explain_not_started(name: str, module: Module, names: Names) -> str:
    """Return why a flow that the file defines is not started by it."""
    calls = [node for body in module.body for node in ast.walk(body) if isinstance(node, ast.Call)]
    call = next((call for call in calls if dotted_name(call.func)[-1:] == (name,)), None)
    if call is not None and _without_cli(call):
        why = f"line {call.lineno} calls it without its command line (`use_cli=False`)"
    elif call is not None:
        why = f"the call in line {call.lineno} does not seem to run when the file is run"
    elif runner := _runner_call(module, names):
        why = f"starts flows only through metaflow.{runner.name} (line {runner.lineno})"
    else:
        why = f"no call `{name}()` was found"
    return f"it defines {name}, and {why}"


def _explain_unread_base(
    file: Path, node: ast.ClassDef, module: Module, names: Names
) -> NoFlow | None:
    """Return the reason why a class that may be a flow cannot be read; None for any other."""
    has_steps = any(
        dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator)[-1:]
        == ("step",)
        for member in node.body
        if isinstance(member, ast.FunctionDef)
        for decorator in member.decorator_list
    )
    for base in node.bases:
        shown = ast.unparse(base)[:80]
        dotted = dotted_name(base)
        meaning = names.find(module, dotted) if dotted else None
        if not has_steps and not (shown.endswith("Flow") or "FlowSpec" in shown):
            continue
        if isinstance(meaning, str) and meaning.partition(".")[0] != "metaflow":
            what = (
                f"its class {node.name} (line {node.lineno}) derives from {meaning}, which is not "
                "in the project, and has no Metaflow step of its own"
            )
        elif meaning is None:
            what = (
                f"its class {node.name} (line {node.lineno}) derives from `{shown}`, which cannot "
                "be resolved from the text"
            )
        else:
            continue
        return NoFlow(
            file=file,
            what=f"{what}; flows are found without importing anything",
            hint="import FlowSpec by its name, and add it to the bases: `from metaflow import "
            f"FlowSpec`, `class {node.name}({_with_flow_spec(node)})`",
            looks_like_one=True,
        )
    return None


def _with_flow_spec(node: ast.ClassDef) -> str:
    bases = [ast.unparse(base) for base in node.bases]
    return ", ".join([*(base for base in bases if base != "FlowSpec"), "FlowSpec"])[:120]


@dataclass(frozen=True, kw_only=True, slots=True)
class _RunnerCall:
    name: str
    lineno: int


def _runner_call(module: Module, names: Names) -> _RunnerCall | None:
    for statement in module.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and (dotted := dotted_name(node.func)):
                meaning = names.find(module, dotted)
                if isinstance(meaning, str) and meaning.rpartition(".")[2] in _RUNNERS:
                    return _RunnerCall(name=meaning.rpartition(".")[2], lineno=node.lineno)
    return None


_RUNNERS = frozenset({"Runner", "NBRunner", "Deployer", "NBDeployer"})


# --- code that runs when the file runs ------------------------------------------------


def _started(module: Module, names: Names) -> Iterator[tuple[ast.Call, type]]:
    """Yield each call that starts a flow, with the class that it calls.

    The body of a function runs if code that runs calls it, in this module or in another of the
    project.
    """
    bodies: list[tuple[Module, Iterable[ast.AST]]] = [(module, module.body)]
    called: set[ast.AST] = set()
    while bodies:
        scope, body = bodies.pop()
        for call in _calls(body):
            dotted = dotted_name(call.func)
            match names.find(scope, dotted) if dotted else None:
                case type() as flow if is_flow(flow) and not _without_cli(call):
                    yield call, flow
                case Function(node=node) as function if node not in called:
                    called.add(node)
                    bodies.append((names.inside(function), node.body))


def _calls(body: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls in `body`, except those in functions and classes that it only defines."""
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call):
            yield node
        pending.extend(ast.iter_child_nodes(node))


def _without_cli(call: ast.Call) -> bool:
    """Return True for `XFlow(use_cli=False)` and `XFlow(False)`: an instance, not a run."""
    values = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "use_cli")]
    return any(isinstance(value, ast.Constant) and not value.value for value in values)
