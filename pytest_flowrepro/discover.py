"""The flows that a source file starts, found with `ast`: nothing is imported, nothing is run.

Two questions are answered from the text. Which classes are flows (source_names.py)? And which of
them does the file start? Those that are called by code which runs when the file is run.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_flowrepro.errors import DiscoverError
from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.source_names import (
    MENTIONS_METAFLOW,
    Names,
    dotted_name,
    is_flow,
    parse_module,
    steps_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.source_names import Module

_MAY_START = re.compile(rb"metaflow|__main__|^[A-Za-z_][\w.]*\(", re.MULTILINE)


def may_start_flow(source: bytes) -> bool:
    """False when a file with this text cannot start a flow: a search, where parsing costs more.

    A flow may mention Metaflow nowhere (all its steps are inherited), but the call that starts
    it stands under a main guard or at the margin.
    """
    return _MAY_START.search(source) is not None


def find_flows(file: Path, *, root: Path) -> tuple[FlowSource, ...]:
    """The flows that `file` starts, in the order of their lines.

    A flow is a class that derives from `metaflow.FlowSpec`, through modules of the project where
    need be. Imports are found as in `python file`: first in the file's folder, then in `root`.
    A class whose base lies outside both is a flow when it has methods under Metaflow's `@step`.

    It is started by a call such as `TrainFlow()` at module level, under the main guard or in a
    function that is called from there; `TrainFlow(use_cli=False)` starts nothing.

    Raises `DiscoverError` for a file that cannot be read, and for one that is not valid Python
    and yet mentions Metaflow. Any other invalid file has no flows: it is not our business.
    """
    file = Path(os.path.abspath(file))  # noqa: PTH100  resolve() would follow symlinks
    names = _names_in(file, root)
    source = names.read(file)
    if not may_start_flow(source):
        return ()
    module = names.parse(file, source, parse_module)
    if module is None:
        return ()
    lines: dict[type, int] = {}
    for call, flow in _started(module, names):
        own = vars(flow)["file"] == file  # else this file only starts what another defines
        lines.setdefault(flow, vars(flow)["lineno"] if own else call.lineno)
    return tuple(
        FlowSource(file=file, name=flow.__name__, lineno=lineno, steps=steps_of(flow))
        for flow, lineno in sorted(lines.items(), key=lambda item: item[1])
    )


def refuse_unstarted_flow(file: Path, *, root: Path) -> None:
    """Raise `DiscoverError` when `file` defines a flow with steps: nobody was seen to start it."""
    names = _names_in(file, root)
    source = names.read(file)
    module = names.parse(file, source, parse_module) if MENTIONS_METAFLOW.search(source) else None
    if module is None:
        return
    for name in module.names:
        flow = names.find(module, (name,))
        if isinstance(flow, type) and is_flow(flow) and steps_of(flow):
            raise DiscoverError(
                f"{file} defines the flow {flow.__name__}, and no call that starts it was found",
                hint=f'start it by its name: `if __name__ == "__main__": {flow.__name__}()`',
            )


def _names_in(file: Path, root: Path) -> Names:
    # Python looks beside the real file, whatever link it was started by.
    return Names(root=root, folders=(Path(os.path.realpath(file)).parent, root))


# --- what runs when the file runs -----------------------------------------------------


def _started(module: Module, names: Names) -> Iterator[tuple[ast.Call, type]]:
    """Each call that starts a flow, with the class that it calls."""
    bodies: list[Iterable[ast.AST]] = [module.body]
    called: set[ast.AST] = set()
    while bodies:
        for call in _calls(bodies.pop()):
            dotted = dotted_name(call.func)
            match names.find(module, dotted) if dotted else None:
                case type() as flow if is_flow(flow) and not _without_cli(call):
                    yield call, flow
                case ast.FunctionDef() | ast.AsyncFunctionDef() as function:
                    # Names in a function of another module would mean something else there.
                    own = any(function is bound for bound in module.names.get(function.name, ()))
                    if own and function not in called:
                        called.add(function)
                        bodies.append(function.body)


def _calls(body: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """The calls in `body`, without those in functions and classes that are only defined there."""
    pending = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call):
            yield node
        pending.extend(ast.iter_child_nodes(node))


def _without_cli(call: ast.Call) -> bool:
    """`XFlow(use_cli=False)`, or `XFlow(False)`: an instance, not a run."""
    given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "use_cli")]
    return any(isinstance(value, ast.Constant) and not value.value for value in given)
