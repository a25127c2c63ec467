"""The flows that a command line means: `file.py`, `file.py::Name`, `Name` or `Name@case`."""

from __future__ import annotations

from pathlib import Path

from pytest_flowrepro.baseline import FOLDER, baseline_folder, find_baselines, flow_and_case
from pytest_flowrepro.model import flow_title
from pytest_flowrepro.support.errors import BaselineError


def recorded_folders(flow: str) -> list[Path]:
    """Return the baselines of the flows that `flow` means, in its folder or below this one."""
    file, _ = file_and_name(flow)
    top = Path.cwd() if file is None else file.absolute().parent
    return [folder for folder in find_baselines(top) if is_meant(folder, flow)]


def is_meant(folder: Path, flow: str) -> bool:
    """Return whether `flow` means the flow of the baseline in `folder`."""
    file, name = file_and_name(flow)
    if file is not None and folder.parent != baseline_folder(file.absolute(), "x", None).parent:
        return False
    return not name or name in _titles(folder)


def file_and_name(flow: str) -> tuple[Path | None, str]:
    """Return the file that `flow` names, and the name of a flow in it; each may be missing."""
    file, has_name, name = flow.partition("::")
    if has_name or file.endswith(".py") or Path(file).is_file():
        return Path(file), name
    return None, flow


def not_recorded(flow: str) -> BaselineError:
    """Return the error about a flow without a baseline."""
    file, _ = file_and_name(flow)
    if file is not None and not file.is_file():
        return BaselineError(f"No such file: {file}", hint="pass the path of a flow's file")
    where = "in this folder or below it" if file is None else f"in {file.parent / FOLDER}"
    return BaselineError(
        f"No baseline of {flow} {where}",
        hint="record one with `pytest --flow-repro --flow-repro-update-new`, or pass the path of "
        "the flow's file",
    )


def project_of(path: Path) -> Path:
    """Return the nearest folder above `path` that holds a project, or else its parent."""
    marks = ("pyproject.toml", "pytest.toml", ".git")
    above = (p for p in path.absolute().parents if any((p / mark).exists() for mark in marks))
    return next(above, path.absolute().parent)


def _titles(folder: Path) -> tuple[str, ...]:
    flow, case = flow_and_case(folder)
    return (flow,) if case is None else (flow, flow_title(flow, case))
