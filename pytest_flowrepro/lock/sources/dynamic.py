"""Dependencies that `[project]` declares as dynamic and that requirements files contain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_flowrepro.lock.sources.requirements_txt import read_requirements_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pytest_flowrepro.model import Constraints, LocalFolder, Requirements


@dataclass(frozen=True, kw_only=True, slots=True)
class Dynamic:
    """The contents of the files of `[tool.setuptools.dynamic]`, or of hatch-requirements-txt."""

    dependencies: tuple[Requirements, ...]
    extras: tuple[tuple[str, tuple[Requirements, ...]], ...]
    """Keyed by the name of the extra, as it is written."""

    @property
    def constraints(self) -> tuple[Constraints, ...]:
        return tuple(constraints for read in self.dependencies for constraints in read.constraints)

    @property
    def folders(self) -> tuple[LocalFolder, ...]:
        return tuple(folder for read in self.dependencies for folder in read.folders)

    def added_to(self, project: Mapping[str, Any]) -> dict[str, Any]:
        """Return the table `[project]` as it would be without dynamic parts."""
        added = dict(project)
        if self.dependencies:
            added["dependencies"] = [*_requirement_lines(self.dependencies)]
        if self.extras:
            optional = {name: [*_requirement_lines(read)] for name, read in self.extras}
            declared = project.get("optional-dependencies", {})
            added["optional-dependencies"] = {
                **(declared if isinstance(declared, dict) else {}),
                **optional,
            }
        return added


def read_dynamic(
    document: Mapping[str, Any], dynamic: Iterable[object], file: Path, *, root: Path
) -> Dynamic:
    """Read the files that a pyproject.toml names for its dynamic dependencies.

    Raises `LockError` for a file that cannot be read or locked.
    """
    parts = {part for part in dynamic if isinstance(part, str)}

    def read(names: Iterable[str]) -> tuple[Requirements, ...]:
        return tuple(read_requirements_file(file.parent / name, root=root) for name in names)

    extras: tuple[tuple[str, tuple[Requirements, ...]], ...] = ()
    if "optional-dependencies" in parts:
        extras = tuple((name, read(files)) for name, files in _of_extras(document))
    dependencies = read(_of_dependencies(document)) if "dependencies" in parts else ()
    return Dynamic(dependencies=dependencies, extras=extras)


def _of_dependencies(document: Mapping[str, Any]) -> tuple[str, ...]:
    match document:
        case {"tool": {"setuptools": {"dynamic": {"dependencies": {"file": files}}}}}:
            return _file_names(files)
        case {"tool": {"hatch": {"metadata": {"hooks": {"requirements_txt": {"files": files}}}}}}:
            return _file_names(files)
    return ()


def _of_extras(document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    match document:
        case {"tool": {"setuptools": {"dynamic": {"optional-dependencies": dict() as extras}}}}:
            for name, declared in extras.items():
                match declared:
                    case {"file": files}:
                        yield name, _file_names(files)
        case {
            "tool": {
                "hatch": {
                    "metadata": {
                        "hooks": {"requirements_txt": {"optional-dependencies": dict() as extras}}
                    }
                }
            }
        }:
            yield from ((name, _file_names(files)) for name, files in extras.items())


def _file_names(files: object) -> tuple[str, ...]:
    """Return the names of one file or of several, as setuptools takes them."""
    if isinstance(files, str):
        return tuple(filter(None, (name.strip() for name in files.split(","))))
    return tuple(map(str, files)) if isinstance(files, list) else ()


def _requirement_lines(read: Iterable[Requirements]) -> Iterator[str]:
    for requirements in read:
        yield from requirements.lines
