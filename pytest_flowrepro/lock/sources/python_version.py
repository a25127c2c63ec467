"""`.python-version`: the Python that pyenv, uv and others use in a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.model import Interpreter

if TYPE_CHECKING:
    from pathlib import Path

_FILE = ".python-version"
_VERSION = re.compile(
    r"(?:(?:cpython|python)[@-]?)?(?P<cpython>3\.\d+(?:\.\d+)?)(?:-\w[\w.-]*)?"
    r"|pypy[@-]?(?P<pypy>3\.\d+)(?:-.*)?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonVersion:
    """A version of Python that a file asks for."""

    wanted: Interpreter
    """`cpython 3.12`, `cpython 3.12.1`, `pypy 3.10`."""
    file: str
    """Relative to the project, with `/`."""


def read_python_version(flow_file: Path, *, root: Path) -> PythonVersion | None:
    """Return the first version of the `.python-version` nearest to a flow, up to the project.

    None without such a file, and for a name that only this machine knows: `system`, a virtualenv of
    pyenv.
    """
    folders = [folder for folder in flow_file.parents if folder.is_relative_to(root)]
    file = next((candidate for folder in folders if (candidate := folder / _FILE).is_file()), None)
    if file is None:
        return None
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    for line in lines:
        if match := _VERSION.fullmatch(line.partition("#")[0].strip()):
            cpython, pypy = match["cpython"], match["pypy"]
            interpreter = Interpreter("cpython", cpython) if cpython else Interpreter("pypy", pypy)
            return PythonVersion(wanted=interpreter, file=display_path(file, root))
    return None
