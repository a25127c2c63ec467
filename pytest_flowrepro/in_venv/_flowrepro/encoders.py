"""The project's own encoders, which define the compared value of objects of its classes.

The file is a module of the project with

    ENCODERS = {"mylib.Curve": lambda curve: {"points": curve.points, "unit": curve.unit}}

Keys are classes as artifacts.json names them; a subclass, which may hold more, is another class.
Runs in the flow's own interpreter: standard library only, Python 3.8 syntax.
"""

from __future__ import annotations

import ast
import mmap
import sys
import traceback
import types
from typing import Any, Callable, Dict, List, Optional, Tuple


class BrokenEncodersError(Exception):
    """The file cannot be used: the line where known, and the reason."""

    def __init__(self, line: Optional[int], reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


class EncoderError(Exception):
    """An encoder raised; the error itself is its cause."""


_encoders: Dict[str, Callable[[Any], Any]] = {}
_used: List[mmap.mmap] = []
"""One, with a byte for each encoder, shared with the workers that this process forks."""


def load(path: str) -> None:
    """Take the encoders of a file; raises `BrokenEncodersError`."""
    name = "flowrepro_encoders"
    module = types.ModuleType(name)
    module.__file__ = path
    try:
        with open(path, "rb") as file:
            source = file.read()
        code = compile(source, path, "exec", dont_inherit=True)
        sys.modules[name] = module
        exec(code, vars(module))  # noqa: S102  a file of the project, as its flow is
    except BaseException as error:  # its code may raise anything, SystemExit too
        reason = "%s: %s" % (type(error).__name__, str(error).partition("\n")[0])
        raise BrokenEncodersError(_line_in_file(error, path), reason) from error
    _check_duplicates(ast.parse(source))
    encoders = vars(module).get("ENCODERS")
    if not isinstance(encoders, dict):
        raise BrokenEncodersError(None, "it has no dict `ENCODERS`, class name -> function")
    for key, encoder in encoders.items():
        if not isinstance(key, str) or "." not in key or not callable(encoder):
            reason = "ENCODERS[%r]: give a function by the full name of a class, `module.Class`"
            raise BrokenEncodersError(None, reason % (key,))
    _encoders.clear()
    _encoders.update(encoders)
    _used[:] = [mmap.mmap(-1, max(1, len(encoders)))]


def _line_in_file(error: BaseException, path: str) -> Optional[int]:
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == path), None)


def _check_duplicates(tree: ast.Module) -> None:
    """Raise for two equal keys, of which Python itself would keep the second."""
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        value = getattr(statement, "value", None)
        if isinstance(value, ast.Dict) and "ENCODERS" in [getattr(t, "id", "") for t in targets]:
            lines: Dict[Any, int] = {}
            for key in (key for key in value.keys if isinstance(key, ast.Constant)):
                if key.value in lines:
                    reason = "a second encoder for %s; the first is in line %d"
                    reason %= (key.value, lines[key.value])
                    raise BrokenEncodersError(key.lineno, reason)
                lines[key.value] = key.lineno


def encoded(value: object, name_of: Callable[[type], str]) -> Optional[Tuple[Any]]:
    """Return the result of the value's encoder, in a tuple; None without an encoder.

    `name_of` gives the name of a class. Raises `EncoderError`.
    """
    if not _encoders:
        return None
    name = name_of(type(value))
    encoder = _encoders.get(name)
    if encoder is None:
        return None
    _used[0][list(_encoders).index(name)] = 1
    try:
        return (encoder(value),)
    except Exception as error:
        raise EncoderError(name) from error


def used() -> Dict[str, bool]:
    """Return each encoder's class, and whether this process or a worker met an object of it."""
    return {name: _used[0][position] == 1 for position, name in enumerate(_encoders)}
