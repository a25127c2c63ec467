"""Requirements of an environment.yml of conda."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from pytest_flowrepro.lock.sources.reading import read_text
from pytest_flowrepro.lock.sources.requirements_txt import display_path, read_requirement_list
from pytest_flowrepro.model import CondaPackages, CondaSpec, RequirementLine
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Requirements

_BOTH = frozenset({"python", "pip"})
"""Packages that every environment has, with or without conda."""

_PACKAGE = re.compile(r"(?:[^\s\[\]=<>!~]+::)?[\w.-]+(?:\s*(?:[=<>!~\[].*|(?<=\s)[\d*].*))?")
_BUILD = re.compile(r"(?P<version>={0,2}\s*\d[\w.*!+-]*)(?:\s*=|\s)\s*[\w.*]+")
"""A version with a build, which conda takes as exactly that version: `=1.26.4=py311_0`."""

_VERSION = re.compile(r"(?P<operator>[=<>!~]*)\s*(?P<version>[\w.!+-]+?)(?P<any>\.?\*)?")


def read_conda_file(file: Path, *, root: Path) -> Requirements:
    """Return the requirements of an environment.yml.

    If `python` and `pip` are its only conda packages, these are the `pip:` part and the version of
    Python. Raises `LockError` with every problem.
    """
    source = display_path(file, root)
    document = _document(file, root)
    packages, pip_lines, problems = _dependencies(document, source)
    channels = _channels(document, source, problems)
    specs = tuple(map(CondaSpec.parse, packages))
    versions = {spec.name: spec.version for spec in specs}
    unknown = (package for package in packages if not _PACKAGE.fullmatch(package))
    problems += [
        f"{source}: {package!r} is not a conda package such as `pandas=2.1`" for package in unknown
    ]
    of_pypi = versions.keys() <= _BOTH
    python = _python(versions, source, problems) if of_pypi else None
    requirements = read_requirement_list(pip_lines, file=file, root=root, problems=problems)
    if of_pypi:
        return replace(requirements, requires_python=python)
    return replace(requirements, conda=CondaPackages(specs=specs, channels=channels))


def conda_from_pypi(requirements: Requirements) -> Requirements:
    """Return the requirements with conda's packages replaced by PyPI's, by name, and a note.

    Raises `LockError` with every version that has no equivalent on PyPI.
    """
    if requirements.conda is None:
        return requirements
    source = requirements.source
    problems: list[str] = []
    versions = {spec.name: spec.version for spec in requirements.conda.specs}
    lines = {
        name: RequirementLine(name + _specifiers(version, f"{source}: {name}", problems))
        for name, version in versions.items()
        if name not in _BOTH
    }
    python = _python(versions, source, problems)
    if problems:
        raise LockError(
            f"{source}: its conda packages cannot be taken from PyPI",
            hint='write the version as `=1.2`, `>=1.2,<2` or `1.2.*`, or remove `conda = "pypi"`',
            detail="\n".join(problems),
        )
    took = ", ".join(sorted(lines))
    return replace(
        requirements,
        requirements=tuple(dict.fromkeys((*requirements.requirements, *lines.values()))),
        requires_python=python,
        conda=None,
        notes=(
            f"{source} takes {took} from conda; they were installed from PyPI instead, by name",
        ),
    )


def _document(file: Path, root: Path) -> Any:
    import yaml  # noqa: PLC0415  few projects have such a file

    try:
        return yaml.safe_load(read_text(file, root=root))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: 2024-99-99
        raise LockError(
            f"{display_path(file, root)} is not valid YAML",
            hint="fix the line named above, or restore the file from git",
            detail=str(error),
        ) from error


def _dependencies(document: Any, source: str) -> tuple[list[str], list[str], list[str]]:
    """Return specs for conda, lines for pip, and the problems of all other items."""
    listed = document.get("dependencies") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        return [], [], [f"{source}: dependencies: not a list"]
    packages: list[str] = []
    pip_lines: list[str] = []
    problems: list[str] = []
    for position, item in enumerate(listed):
        match item:
            case str():
                packages.append(item.strip())
            case {"pip": [*lines], **rest} if not rest and all(isinstance(x, str) for x in lines):
                pip_lines += lines
            case _:
                problems.append(f"{source}: dependencies[{position}]: neither a package nor `pip:`")
    return packages, pip_lines, problems


def _channels(document: Any, source: str, problems: list[str]) -> tuple[str, ...]:
    """Return the declared channels.

    `nodefaults` is left out, because only declared channels are used anyway.
    """
    listed = document.get("channels") if isinstance(document, dict) else None
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        problems.append(f"{source}: channels: not a list of names")
        return ()
    for position, channel in enumerate(listed):
        if "@" in channel or "/t/" in channel:
            problems.append(
                f"{source}: channels[{position}]: a password or token does not belong in git; "
                "set the channel in CONDA_CHANNELS instead"
            )
    return tuple(name for name in listed if name != "nodefaults")


def _python(versions: Mapping[str, str], source: str, problems: list[str]) -> str | None:
    """Return a specifier set; `==3.11` is 3.11.0 to conda, but its author means any 3.11."""
    specifiers = _specifiers(versions.get("python", ""), f"{source}: python", problems)
    return re.sub(r"==(\d+(?:\.\d+)?)(?=$|,)", r"==\1.*", specifiers) or None


def _specifiers(version: str, place: str, problems: list[str]) -> str:
    """Return a version of conda as PEP 440 writes it: `=3.11` and `3.11.*` are every 3.11.x."""
    text = version.strip()
    if build := _BUILD.fullmatch(text):
        text = f"=={build['version'].lstrip('= ')}"
    specifiers = [_specifier(part.strip()) for part in text.split(",")] if text else []
    try:
        return str(SpecifierSet(",".join(specifiers)))
    except InvalidSpecifier:
        problems.append(f"{place}: {text!r} is not a version such as `=3.11`")
        return ""


def _specifier(text: str) -> str:
    match = _VERSION.fullmatch(text)
    if text == "*" or match is None:
        return "" if text == "*" else text
    operator, version = match["operator"], match["version"]
    if operator in {"", "=", "=="}:
        return f"=={version}" + (".*" if match["any"] or operator == "=" else "")
    return f"{operator}{version}" + (".*" if match["any"] and operator == "!=" else "")
