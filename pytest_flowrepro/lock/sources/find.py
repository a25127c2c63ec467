"""Find the file that declares the requirements of a flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from packaging.pylock import is_valid_pylock_path

from pytest_flowrepro.lock.sources.environment_yml import read_conda_file
from pytest_flowrepro.lock.sources.local_folder import METADATA
from pytest_flowrepro.lock.sources.local_packages import with_local_packages
from pytest_flowrepro.lock.sources.pep723 import read_script
from pytest_flowrepro.lock.sources.pylock import read_pylock
from pytest_flowrepro.lock.sources.pyproject import read_project
from pytest_flowrepro.lock.sources.reading import Selection
from pytest_flowrepro.lock.sources.requirements_txt import display_path, read_requirements_file
from pytest_flowrepro.lock.sources.setup_files import read_setup_cfg, read_setup_py
from pytest_flowrepro.lock.sources.unsupported import unread_declarations
from pytest_flowrepro.lock.sources.uv_lock import read_uv_lock
from pytest_flowrepro.lock.sources.uv_sources import lock_of
from pytest_flowrepro.lock.uv_resolution import with_resolution
from pytest_flowrepro.model import LocalFolder, RequirementLine, Requirements
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    class Reader(Protocol):
        def __call__(
            self, file: Path, *, root: Path, selection: Selection
        ) -> Requirements | None: ...


_FILES = ("requirements.txt", "requirements.in")
"""If a folder has both, the `.txt` counts: it is the file that is installed from."""

_PROJECT_FILES = (
    "uv.lock",
    "pylock.toml",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "environment.yml",
    "environment.yaml",
)
"""Locks before their sources, and these from the most to the least exactly readable."""

_METAFLOW = RequirementLine("metaflow")


def find_requirements(
    flow_file: Path,
    *,
    root: Path,
    setting: str | None,
    extras: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
) -> Requirements:
    """Return the requirements of a flow, from the first place that declares any.

    `setting`, the `requirements` key of the configuration, is a path relative to `root`, the
    project folder. Without it: a PEP 723 block in the flow's file; `requirements.txt` or
    `requirements.in` in the nearest folder that has one, from the flow's own up to the project
    folder; the files of a project, likewise; else Metaflow alone. Metaflow is added if it is not
    declared; a lock must contain it. `extras` and `groups` select optional parts of a declaration.
    Raises `LockError` with every problem of the declaration.
    """
    selection = Selection(extras=extras, groups=groups)
    if setting is None:
        declared = next(_declarations(flow_file, root, selection), None)
    else:
        declared = _from_setting(setting, root, selection)
    if declared is None:
        alone = "Metaflow alone (nothing is declared)"
        _check_selection(selection, alone, extras=False)
        unread = unread_declarations(folders_up(flow_file, root=root), root=root)
        notes = tuple(declaration.note for declaration in unread)
        return Requirements(requirements=(_METAFLOW,), source=alone, declared=False, notes=notes)
    return _with_metaflow(with_local_packages(declared, root=root, read=_read_folder))


def _declarations(flow_file: Path, root: Path, selection: Selection) -> Iterator[Requirements]:
    if block := read_script(flow_file, root=root):
        _check_selection(selection, block.source, extras=False)
        yield block
    folders = folders_up(flow_file, root=root)
    for names in (_FILES, _PROJECT_FILES):
        for file in (folder / name for folder in folders for name in names):
            lonely = file.name == "uv.lock" and not (file.parent / "pyproject.toml").is_file()
            if (
                file.is_file()
                and not lonely
                and (requirements := _read_with_resolution(file, root, selection))
            ):
                yield requirements


def folders_up(flow_file: Path, *, root: Path) -> tuple[Path, ...]:
    """Return the folders to search: the flow's own, then each above it, up to `root`."""
    above = [folder for folder in flow_file.parents if folder.is_relative_to(root)]
    return tuple(dict.fromkeys((flow_file.parent, *above, root)))


def _from_setting(setting: str, root: Path, selection: Selection) -> Requirements:
    file = root / setting
    if not file.is_file():
        raise LockError(
            f"The requirements file {setting} does not exist",
            hint="correct `requirements` under `[tool.flowrepro]` in pyproject.toml: it is a "
            "path relative to the project folder",
        )
    requirements = _read_with_resolution(file, root, selection)
    if requirements is None:
        raise LockError(
            f"{display_path(file, root)} declares no dependencies",
            hint="name another file as `requirements` under `[tool.flowrepro]`, or the "
            "`extras` and `groups` that the flow needs",
        )
    return requirements


def _read_with_resolution(file: Path, root: Path, selection: Selection) -> Requirements | None:
    """Return the requirements of a file with resolution settings; None if it declares nothing."""
    requirements = _read_file(file, root, selection)
    if requirements is None or file.suffix in {".yml", ".yaml"} or is_valid_pylock_path(file):
        return requirements
    return with_resolution(requirements, file, root=root)


def _read_file(file: Path, root: Path, selection: Selection) -> Requirements | None:
    if file.name == "pyproject.toml" and (lock := lock_of(file.parent, root=root)):
        return read_uv_lock(lock, root=root, selection=selection, project=file.parent)
    if read := _of_project(file):
        requirements = read(file, root=root, selection=selection)
        if requirements and file.name in {"setup.cfg", "setup.py"}:
            _check_selection(selection, requirements.source, extras=True)
        return requirements
    _check_selection(selection, display_path(file, root), extras=False)
    if file.suffix in {".yml", ".yaml"}:
        return read_conda_file(file, root=root)
    return read_requirements_file(file, root=root)


def _read_folder(folder: LocalFolder, root: Path) -> Requirements | None:
    """Return the requirements of a package in the repository; None without any."""
    selection = Selection(extras=folder.extras)
    for file in (folder.folder / name for name in METADATA):
        if file.is_file() and (read := _of_project(file)):
            requirements = read(file, root=root, selection=selection)
            if requirements is not None:
                return requirements
    return None


def _of_project(file: Path) -> Reader | None:
    """Return the reader of a declaration that may have extras."""
    if is_valid_pylock_path(file):
        return read_pylock
    readers: dict[str, Reader] = {
        "uv.lock": read_uv_lock,
        "pyproject.toml": read_project,
        "setup.cfg": read_setup_cfg,
        "setup.py": read_setup_py,
    }
    return readers.get(file.name)


def _check_selection(selection: Selection, source: str, *, extras: bool) -> None:
    """Raise `LockError` if extras or groups are selected that the source cannot have."""
    selected = {"groups": selection.groups, "extras": () if extras else selection.extras}
    for key, names in selected.items():
        if names:
            raise LockError(
                f"{source} has no {key}, but the configuration asks for {', '.join(names)}",
                hint="name the file that has them as `requirements` under `[tool.flowrepro]`, "
                f"or set `{key} = []` for this flow",
            )


def _with_metaflow(declared: Requirements) -> Requirements:
    of_conda = declared.conda.specs if declared.conda else ()
    names = {*(spec.name for spec in of_conda), *(line.name for line in declared.requirements)}
    if "metaflow" in names:
        return declared
    if declared.locked is not None:
        raise LockError(
            f"{declared.source} does not lock metaflow, which every flow needs",
            hint="add metaflow to the locked requirements (`uv add metaflow`) and lock again, or "
            "name the `extras` or `groups` that have it under `[tool.flowrepro]`",
        )
    return replace(declared, requirements=(*declared.requirements, _METAFLOW))
