"""Find interpreters by python-discovery, and create virtualenvs by virtualenv. It is used as a
library (0.07 s), as its command takes 0.26 s.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from pytest_flowrepro.model import Interpreter
from pytest_flowrepro.support.cache import mark_used, user_cache
from pytest_flowrepro.support.docs import docs
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from python_discovery import PythonInfo

_MINORS = range(8, 20)
"""Python 3.8 is the oldest that a rerun supports; the upper end is in the future."""


_SHIMS = {"versions": "versions", "installs": "installs/python"}
"""Folder next to `shims` -> the folder with one interpreter per version: of pyenv, mise and
asdf."""


def find_interpreter(
    requires: str | None = None,
    *,
    recorded: Interpreter | None = None,
    requested: Interpreter | None = None,
    requested_by: str = "a step",
) -> Path:
    """Return the interpreter for an environment.

    It is the one that runs pytest if that satisfies the request.

    `requires` is a specifier set, as in PEP 723. `recorded` is the interpreter of a baseline, and
    `requested` that of a step or a `.python-version`: the exact version if this machine has it,
    otherwise another patch release of the same minor version. Others are found by python-discovery:
    on PATH, and where uv keeps its own. The result is the interpreter itself, never a shim, which
    may start another Python in another folder. Raises `EnvironmentBuildError` if none is found.
    """
    if recorded is not None:
        return _same_minor(recorded, f"the baseline was recorded with {recorded}")[0]
    if requested is not None:
        python, version = _same_minor(requested, f"{requested_by} asks for {requested.version}")
        if not SpecifierSet(requires or "").contains(version, prereleases=True):
            raise EnvironmentBuildError(
                f"{requested_by} asks for Python {requested.version} and the requirements for "
                f"{requires}, and Python {version} of this machine does not satisfy both",
                hint="change one of the two, or install a Python that both allow",
            )
        return python
    specifiers = SpecifierSet(requires or "")
    our_minor = sys.version_info.minor
    if specifiers.contains(platform.python_version(), prereleases=True):
        return Path(sys.executable)
    for minor in sorted(_MINORS, key=lambda minor: (abs(minor - our_minor), -minor)):
        may_fit = any(specifiers.contains(f"3.{minor}.{micro}") for micro in range(30))
        discovered = _discover(f"3.{minor}") if may_fit else None
        if discovered and specifiers.contains(discovered[1], prereleases=True):
            return discovered[0]
    raise _no_interpreter(f"Python {specifiers}")


def _same_minor(wanted: Interpreter, because: str) -> tuple[Path, str]:
    implementation, version, minor = wanted.implementation, wanted.version, wanted.minor
    our_version = platform.python_version()
    same = implementation == platform.python_implementation().lower()
    if same and version == our_version:
        return Path(sys.executable), our_version
    if version != minor and (discovered := _discover(f"{implementation}{version}")):
        return discovered
    if same and our_version.startswith(f"{minor}."):
        return Path(sys.executable), our_version
    if discovered := _discover(f"{implementation}{minor}"):
        return discovered
    raise _no_interpreter(f"{implementation} {minor}", because)


def _no_interpreter(wanted: str, because: str = "") -> EnvironmentBuildError:
    reason = f" ({because})" if because else ""
    return EnvironmentBuildError(
        f"{wanted} was not found on this machine{reason}",
        hint="install it (`uv python install`, pyenv, your system's packages) and put it on "
        "PATH, or record again with `--flow-repro-update` under another Python; see "
        f"{docs('reference/requirements-and-locks#the-interpreter')}",
    )


def identify_interpreter(python: Path) -> Interpreter:
    """Return implementation and version of an executable.

    Raises `EnvironmentBuildError` if it does not run.
    """
    if python == Path(sys.executable):
        return Interpreter(platform.python_implementation().lower(), platform.python_version())
    info = _python_info(os.fspath(python))
    if info is None:
        raise _no_interpreter(os.fspath(python))
    return Interpreter(info.implementation.lower(), info.version_str)


def create_virtualenv(folder: Path, *, python: Path) -> Path:
    """Create an empty virtualenv at `folder` and return its interpreter.

    It has no pip and does not see the site-packages of the system or the user. Raises
    `EnvironmentBuildError`.
    """
    from virtualenv import session_via_cli  # noqa: PLC0415  takes 0.14 s

    argv = ["--no-seed", "--no-vcs-ignore", "--python", os.fspath(python), os.fspath(folder)]
    try:
        with session_via_cli(argv, setup_logging=False, env=_environment()) as session:
            session.run()
            return Path(session.creator.exe)
    except (RuntimeError, OSError, SystemExit) as error:
        raise EnvironmentBuildError(
            f"Could not create a virtualenv at {folder} with {python}",
            hint="check that this interpreter runs, that the disk is not full and that the folder "
            "is writable",
            detail=str(error),
        ) from error


def _discover(spec: str) -> tuple[Path, str] | None:
    """Return path and version of the interpreter that fits a specification: `3.12`, `pypy3.10`."""
    info = _python_info(spec)
    if info is None or info.system_executable is None:
        return None
    # Of a script that starts another interpreter, this is the interpreter.
    return Path(info.system_executable), info.version_str


def _python_info(spec: str) -> PythonInfo | None:
    from python_discovery import DiskCache, get_interpreter  # noqa: PLC0415  takes 0.1 s

    environment = dict(os.environ)
    path = environment.get("PATH", "").split(os.pathsep)
    environment["PATH"] = os.pathsep.join(_without_shims(path))
    folder = user_cache("interpreters")
    if folder:
        mark_used(folder / "py_info")
    try:
        return get_interpreter(spec, cache=DiskCache(folder) if folder else None, env=environment)
    except RuntimeError:  # a path to another program
        return None


def _without_shims(path: list[str]) -> Iterator[str]:
    """Yield the folders of PATH, with the shims of version managers replaced by their interpreters.

    A shim runs the version that is active in the current folder. The newest version comes first.
    """
    for folder in path:
        manager = Path(folder).parent
        if Path(folder).name == "shims":
            installed = (
                manager / versions
                for sibling, versions in _SHIMS.items()
                if (manager / sibling).is_dir()
            )
            versions = [version for versions in installed for version in versions.glob("*")]
            if versions:
                yield from (
                    str(version / "bin") for version in sorted(versions, key=_age, reverse=True)
                )
                continue
        yield folder


def _age(folder: Path) -> tuple[bool, Version]:
    try:
        return True, Version(folder.name)
    except InvalidVersion:  # `pypy3.10-7.3.15`, a virtualenv
        return False, Version("0")


def _environment() -> dict[str, str]:
    """Return the environment variables without those of virtualenv.

    Its settings could enable the system's site-packages or install pip.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("VIRTUALENV_") or name == "VIRTUALENV_OVERRIDE_APP_DATA"
    }
    return {**variables, "VIRTUALENV_CONFIG_FILE": os.devnull}
