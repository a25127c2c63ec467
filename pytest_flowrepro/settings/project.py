"""The project of a session: its folder, and the pyproject.toml that configures it.

pytest finds its rootdir before it parses the options of plugins: an option's value after a blank
looks like a path argument, and moves the rootdir if such a file exists. So the configuration is
searched upwards from the collected folders.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

FILE = "pyproject.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    root: Path
    """The project's folder, absolute."""

    @property
    def file(self) -> Path:
        """Its pyproject.toml, which need not exist."""
        return self.root / FILE


def find_project(
    starts: Sequence[Path], *, rootdir: Path, is_given: bool, is_moved: bool
) -> Project:
    """Return the project of the `starts`, the collected folders, which are absolute.

    `rootdir` is pytest's; `is_given` says that it was set by `--rootdir` or `-c`, and `is_moved`
    that it may come from the value of an option. Raises `SettingsError`, which names both files, if
    two of them have a table `[tool.flowrepro]`.
    """
    above = all(start.is_relative_to(rootdir) for start in starts)
    configurations = [configuration_above(start) for start in starts]
    if (is_given or above) and has_table(rootdir / FILE):
        configurations.append(rootdir / FILE)
    files = list({file.resolve(): file for file in configurations if file is not None}.values())
    if len(files) > 1:
        raise contending(files[0], files[1])
    if files:
        return Project(root=files[0].parent)
    is_usable = is_given or (above and not is_moved)
    return Project(root=rootdir if is_usable else _root_above(starts))


def contending(file: Path, other: Path) -> SettingsError:
    """Return the error about a table in `other` that a run configured by `file` would not use."""
    what = (
        f"{file} and {other} both have a table [tool.flowrepro]"
        if has_table(file)
        else f"{other} has a table [tool.flowrepro], but this run is configured by {file}"
    )
    return SettingsError(
        what,
        hint="keep the table in one of the two, or check the flows below each file in a run of its "
        f"own: `cd {other.parent}`, then `pytest --flow-repro --rootdir .`",
    )


def configuration_above(folder: Path) -> Path | None:
    """Return the nearest pyproject.toml with a table `[tool.flowrepro]`, in `folder` or above it.

    The search ends at the top of a git checkout.
    """
    for parent in (folder, *folder.parents):
        if has_table(parent / FILE):
            return parent / FILE
        if (parent / ".git").exists():
            return None
    return None


def has_table(file: Path) -> bool:
    """Return whether a file has the table, or may have it if it is not valid TOML."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return False
    if "flowrepro" not in text:
        return False
    try:
        return "flowrepro" in _tool(text)
    except tomllib.TOMLDecodeError:
        return True


def _tool(text: str) -> Any:
    tool = tomllib.loads(text).get("tool")
    return tool if isinstance(tool, dict) else {}


def _root_above(starts: Sequence[Path]) -> Path:
    """Return the rootdir that pytest would find for these folders.

    The order is that of https://docs.pytest.org/en/stable/reference/customize.html
    """
    start = Path(os.path.commonpath(starts))
    candidates = (
        _nearest(start, mark) for mark in (_configures_pytest, _has("setup.py"), _has(FILE))
    )
    return next((folder for folder in candidates if folder is not None), start)


def _nearest(start: Path, mark: Callable[[Path], bool]) -> Path | None:
    return next((folder for folder in (start, *start.parents) if mark(folder)), None)


def _has(name: str) -> Callable[[Path], bool]:
    return lambda folder: (folder / name).is_file()


_ALWAYS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
_WITH = {"tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]", FILE: "[tool.pytest"}


def _configures_pytest(folder: Path) -> bool:
    if any((folder / name).is_file() for name in _ALWAYS):
        return True
    return any(
        section in line for name, section in _WITH.items() for line in _read_lines(folder / name)
    )


def _read_lines(file: Path) -> Iterator[str]:
    try:
        yield from file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
