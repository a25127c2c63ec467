"""Packages of the repository that a flow requires by their folders (`-e ./libs/features`).

They are not built: the folder that an editable install would put on Python's path is put there, and
their code becomes part of the flow's code package. So they have to be plain Python with static
metadata.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pytest_flowrepro.lock.sources.package_metadata import Metadata, read_metadata
from pytest_flowrepro.lock.sources.requirements_txt import display_path
from pytest_flowrepro.model import LocalFolder, LocalPackage
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.project_folders import is_excluded, project_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from pytest_flowrepro.model import RequirementLine, Requirements

_COMPILED = (".so", ".pyd", ".pyx", ".c", ".cpp", ".cc", ".rs", ".f90")
_NOT_PACKAGES = {"benchmarks", "build", "dist", "doc", "docs", "examples", "test", "tests"}
"""Folders next to a package that are not part of it; most are those that setuptools ignores
(setuptools.discovery.FlatLayoutPackageFinder)."""


def with_local_packages(
    declared: Requirements,
    *,
    root: Path,
    read: Callable[[LocalFolder, Path], Requirements | None],
) -> Requirements:
    """Replace the folders of the requirements by their packages, and add the requirements of these.

    `read` returns the requirements of a folder, which may include folders in turn. Raises
    `LockError` for a folder that cannot be used in place.
    """
    if not declared.folders:
        return declared
    packages: dict[Path, LocalPackage] = {}
    requirements = dict.fromkeys(declared.requirements)
    pythons = [declared.requires_python]
    sources = dict.fromkeys(declared.sources)
    seen: set[LocalFolder] = set()
    pending = list(declared.folders)
    while pending:
        local = pending.pop(0)
        if local in seen:
            continue
        seen.add(local)
        if package := packages.get(local.folder) or local_package(local, root=root):
            packages[local.folder] = package
        if not local.itself and (required := read(local, root)):
            requirements |= dict.fromkeys(required.requirements)
            pythons.append(required.requires_python)
            sources |= dict.fromkeys(required.sources)
            pending += required.folders
        pending += _by_name(requirements, packages, itself=declared.folders)
    names = {package.name for package in packages.values()}
    python = ",".join(filter(None, pythons))
    return replace(
        declared,
        requirements=tuple(line for line in requirements if line.name not in names),
        requires_python=str(SpecifierSet(python)) if python else None,
        sources=tuple(sources),
        local=tuple(sorted(packages.values(), key=lambda package: package.name)),
    )


def _by_name(
    requirements: Iterable[RequirementLine],
    packages: dict[Path, LocalPackage],
    *,
    itself: tuple[LocalFolder, ...],
) -> Iterator[LocalFolder]:
    """Yield the folders whose package is also required by name with extras."""
    declaring = {local.folder for local in itself if local.itself}
    folders = {package.name: folder for folder, package in packages.items()}
    for requirement in requirements:
        folder, extras = folders.get(requirement.name), requirement.parsed.extras
        if folder is not None and folder not in declaring and extras:
            yield LocalFolder(folder=folder, extras=tuple(sorted(extras)))


def local_package(local: LocalFolder, *, root: Path) -> LocalPackage | None:
    """Return the importable package of a folder.

    None for the project that declares the requirements `itself` if it cannot be used in place,
    because it was not required by name. Raises `LockError` for any other.
    """
    metadata = read_metadata(local.folder)
    base, modules = _modules(local.folder, metadata)
    compiled = next(_compiled(modules), None)
    if metadata.built:
        reason = metadata.built
    elif metadata.name is None:
        reason = "its name is computed or missing; set one in `[project]` of a pyproject.toml"
    elif not modules:
        reason = f"it has no src folder, no {metadata.module} folder and none with an __init__.py"
    elif compiled:
        reason = f"it has {display_path(compiled, root)}, which is compiled when it is built"
    else:
        return LocalPackage(
            name=canonicalize_name(metadata.name),
            version=metadata.version,
            path=display_path(base, root),
            modules=tuple(sorted(display_path(module, root) for module in modules)),
            entry_points=metadata.entry_points,
        )
    if local.itself:
        return None
    raise LockError(
        f"The package in {display_path(local.folder, root)} cannot be used in place: {reason}",
        hint="publish a package that has to be built to an index, and require it by name and "
        "version: packages of the repository are put on Python's path without a build",
    )


def _modules(folder: Path, metadata: Metadata) -> tuple[Path, tuple[Path, ...]]:
    """Return the folder for Python's path, and the modules in it that belong to the package.

    In a folder of their own all modules do; at the top of the project those named like the package,
    otherwise those that are regular packages.
    """
    src = folder / "src"
    base = folder / metadata.base if metadata.base else src if any(_importable(src)) else folder
    modules = tuple(_importable(base))
    if base.resolve() == folder.resolve():
        named = tuple(module for module in modules if module.stem == metadata.module)
        regular = (module for module in modules if (module / "__init__.py").is_file())
        modules = named or tuple(module for module in regular if module.name not in _NOT_PACKAGES)
    return base, modules


def _importable(folder: Path) -> Iterator[Path]:
    """Yield modules, and folders that contain modules, including namespaces (PEP 420)."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name.isidentifier() and not is_excluded(path) and any(_files(path, ".py")):
                yield path
        elif path.suffix == ".py" and path.stem.isidentifier() and path.name != "setup.py":
            yield path


def _compiled(modules: Iterable[Path]) -> Iterator[Path]:
    for module in modules:
        yield from _files(module, _COMPILED)


def _files(folder: Path, suffixes: str | tuple[str, ...]) -> Iterator[Path]:
    for parent, _, names in project_folders(folder):
        yield from (parent / name for name in sorted(names) if name.endswith(suffixes))
