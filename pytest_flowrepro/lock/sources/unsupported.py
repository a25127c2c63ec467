"""Declarations of other tools, which are detected but not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.installers.uv_settings import read_toml_or_nothing
from pytest_flowrepro.lock.sources.requirements_txt import display_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadDeclaration:
    """A file that declares packages in a format that is not read."""

    file: str
    """Relative to the project, with `/`."""
    tool: str
    command: str
    """The command that writes them into a file that is read."""

    @property
    def sentence(self) -> str:
        return f"{self.file} declares packages for {self.tool}, which is not read"

    @property
    def note(self) -> str:
        return f"{self.sentence}: write them into a file that is, with `{self.command}`"


_POETRY = ("Poetry", "poetry export --output requirements.txt")
_PIPENV = ("Pipenv", "pipenv requirements > requirements.txt")
_PIXI = ("pixi", "pixi workspace export conda-environment environment.yml")
_HATCH = ("hatch's environments", "hatch dep show requirements > requirements.txt")


def unread_declarations(folders: Iterable[Path], *, root: Path) -> Iterator[UnreadDeclaration]:
    """Yield the declarations of Poetry, Pipenv, pixi and hatch in these folders."""
    for folder in folders:
        for name, (tool, command) in _in_folder(folder):
            yield UnreadDeclaration(
                file=display_path(folder / name, root), tool=tool, command=command
            )


def _in_folder(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for tool in of_pyproject(read_toml_or_nothing(folder / "pyproject.toml")):
        yield "pyproject.toml", tool
    for name, tool in (("Pipfile", _PIPENV), ("pixi.toml", _PIXI)):
        if (folder / name).is_file():
            yield name, tool


def of_pyproject(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the tools for which a pyproject.toml declares packages, each with its command."""
    tool = document.get("tool")
    match tool:
        case {"poetry": {"dependencies": dict() as declared}} if declared.keys() - {"python"}:
            yield _POETRY
        case {"poetry": {"group": dict()}}:
            yield _POETRY
    match tool:
        case {"pixi": dict() as table} if table.keys() & {
            "dependencies",
            "pypi-dependencies",
            "feature",
        }:
            yield _PIXI
    match tool:
        case {"hatch": {"envs": dict() as envs}} if any(
            isinstance(env, dict) and env.keys() & {"dependencies", "extra-dependencies"}
            for env in envs.values()
        ):
            yield _HATCH
