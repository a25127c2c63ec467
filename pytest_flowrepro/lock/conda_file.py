"""conda's environment.yml: its pip part and its Python."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_flowrepro.errors import LockError
from pytest_flowrepro.lock.declared import read_text
from pytest_flowrepro.lock.requirements_file import display_path, read_requirement_list

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Requirements

_SPEC = re.compile(r"(?:[^:\s]+::)?(?P<name>[\w.-]+)\s*(?P<version>.*)")
_EXACT = re.compile(r"(?P<operator>==?)?\s*(?P<version>\d+(?:\.\d+)*)(?:\.?\*)?(?:=\S+)?")


def read_conda_file(file: Path, *, root: Path) -> Requirements:
    """What the `pip:` part of an environment.yml asks for, and the Python that the file names.

    conda packages other than `python` and `pip` are refused, all of them named. Raises
    `LockError`.
    """
    source = display_path(file, root)
    packages, pip_lines, problems = _dependencies(_document(file, root), source)
    others = []
    python = None
    for package in packages:
        match = _SPEC.fullmatch(package.strip())
        if match and match["name"].lower() == "python":
            python = _python(match["version"].strip(), source, problems)
        elif not match or match["name"].lower() != "pip":
            others.append(package.strip())
    if others:
        raise LockError(
            f"{source} asks for conda packages, which are not rebuilt from such a file yet: "
            f"{', '.join(others)}.",
            hint="declare them in the flow, `@conda_base(packages={...})`, where they are rebuilt; "
            "or name their PyPI equivalents in a requirements file. Name a requirements file for "
            "the flow itself as `requirements` under `[tool.flowrepro]` in either case.",
        )
    found = read_requirement_list(pip_lines, file=file, root=root, problems=problems)
    return replace(found, requires_python=python)


def _document(file: Path, root: Path) -> Any:
    import yaml  # noqa: PLC0415  few projects have such a file

    try:
        return yaml.safe_load(read_text(file, root=root))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2024-99-99
        raise LockError(
            f"{display_path(file, root)} is not valid YAML.",
            hint="correct the line that is named, or restore the file from git.",
            detail=str(error),
        ) from error


def _dependencies(document: Any, source: str) -> tuple[list[str], list[str], list[str]]:
    """Specs for conda, lines for pip, and what is of another form."""
    listed = document.get("dependencies") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        return [], [], [f"{source}: dependencies: not a list"]
    packages: list[str] = []
    pip_lines: list[str] = []
    problems: list[str] = []
    for position, item in enumerate(listed):
        match item:
            case str():
                packages.append(item)
            case {"pip": [*lines], **rest} if not rest and all(isinstance(x, str) for x in lines):
                pip_lines += lines
            case _:
                problems.append(f"{source}: dependencies[{position}]: neither a package nor `pip:`")
    return packages, pip_lines, problems


def _python(version: str, source: str, problems: list[str]) -> str | None:
    """A specifier set for conda's version: `=3.11` and `3.11.*` are every 3.11.x."""
    if not version or version == "*":
        return None
    if exact := _EXACT.fullmatch(version):
        # `==3.11` is 3.11.0 to conda, and 3.11 to whoever writes it.
        whole = exact["operator"] == "==" and exact["version"].count(".") >= 2
        return f"=={exact['version']}" + ("" if whole else ".*")
    try:
        return str(SpecifierSet(version))
    except InvalidSpecifier:
        problems.append(f"{source}: python: {version!r} is not a version such as `=3.11`")
        return None
