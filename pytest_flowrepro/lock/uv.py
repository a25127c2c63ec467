"""Lock by uv: one lock for every platform."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.markers import Marker

from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.installers.uv_settings import to_toml
from pytest_flowrepro.lock.exemptions import find_exemptions
from pytest_flowrepro.lock.preinstalled import GIVEN
from pytest_flowrepro.lock.resolution import (
    checked_lock,
    cutoff,
    lock_error,
    minor_version,
    write_inputs,
)
from pytest_flowrepro.model import RequirementLine
from pytest_flowrepro.support.deadline import Deadline
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.lock.exemptions import Exemption
    from pytest_flowrepro.model import Index, PypiLock, Requirements

_PROJECT = "declared-by-the-flow"
"""A name in uv's comments, which is replaced by `-r requirements.in` for all kinds of sources."""


class UvResolver:
    def resolve(
        self,
        requirements: Requirements,
        *,
        python: Path,
        workspace: Path,
        timeout: float,
        as_of: date | None = None,
    ) -> PypiLock:
        """Implement `Resolver.resolve`."""
        if requirements.locked and not as_of:
            return requirements.locked
        deadline = Deadline.after(timeout)
        resolution = requirements.resolution
        settings = dict(resolution.settings) if resolution else {}
        moment = cutoff(requirements, as_of)
        if as_of:
            settings.pop("exclude-newer-package", None)
        settings.pop("exclude-newer", None)
        tool = uv_tool(
            indexes=resolution.indexes if resolution else (), settings=tuple(settings.items())
        )
        version = minor_version(python, workspace=workspace)
        arguments = [
            *("pip", "compile", "--quiet", "--no-header", "--generate-hashes"),
            *("--universal", "--only-binary", ":all:"),
            # One version for all later Pythons, too: the environment has this one only, and
            # the lock of pandas would hold numpy twice, the second time for 3.12 and up.
            *("--fork-strategy", "fewest"),
            *("--python", str(python)),
            *("--python-version", version),
            *(("--exclude-newer", moment) if moment else ()),
            *tool.options,
            *_write_inputs(_for_environments(requirements, version), workspace),
        ]
        done = tool.run(arguments, cwd=workspace, timeout=timeout)
        exemptions: tuple[Exemption, ...] = ()
        if as_of and not done.ok:
            exemptions = find_exemptions(
                requirements, as_of, python=python, workspace=workspace, deadline=deadline
            )
        if exemptions:
            # uv takes `false` for any day.
            arguments += [
                f"--exclude-newer-package={exemption.name}=false" for exemption in exemptions
            ]
            done = tool.run(arguments, cwd=workspace, timeout=deadline.left)
        if not done.ok:
            raise lock_error(done, requirements, tool="uv", as_of=as_of)
        text = done.stdout.replace(f"{_PROJECT} (pyproject.toml)", "-r requirements.in")
        lock = checked_lock(text, tool="uv")
        return replace(lock, notes=tuple(exemption.note for exemption in exemptions))


def _write_inputs(requirements: Requirements, workspace: Path) -> tuple[str, ...]:
    """Write the input files of `uv pip compile`, and return their names as arguments.

    A package can only be bound to an index in a pyproject.toml.
    """
    inputs = write_inputs(requirements, workspace)
    if not requirements.sources:
        return inputs
    sources: dict[str, list[dict[str, str]]] = {}
    for source in requirements.sources:
        marker = {"marker": source.marker} if source.marker else {}
        entry = {"index": _index_name(source.index), **marker}
        sources.setdefault(source.package, []).append(entry)
    indexes = [
        {"name": _index_name(index), "url": index.url, **dict(index.settings), "explicit": True}
        for index in dict.fromkeys(bound.index for bound in requirements.sources)
    ]
    project = {"name": _PROJECT, "version": "0", "dependencies": requirements.lines}
    document = {"project": project, "tool": {"uv": {"sources": sources, "index": indexes}}}
    (workspace / "pyproject.toml").write_text(to_toml(document), encoding="utf-8")
    options = ("--find-links", GIVEN) if requirements.given else ()
    return (*options, *inputs[:-1], "pyproject.toml")


def _index_name(index: Index) -> str:
    """Return the name of an index that packages are bound to, which it always has."""
    return index.name or ""


def _for_environments(requirements: Requirements, version: str) -> Requirements:
    """Restrict the requirements to the declared environments (`[tool.uv] environments`).

    uv reads that setting from a project only. Raises `LockError` if they do not include this
    machine with that version of Python.
    """
    resolution = requirements.resolution
    if resolution is None or not resolution.environments:
        return requirements
    versions = {"python_version": version, "python_full_version": f"{version}.0"}
    if not any(
        Marker(environment).evaluate(dict(versions)) for environment in resolution.environments
    ):
        raise LockError(
            f"{resolution.source}: environments do not include Python {version} on this machine",
            hint="add its marker to `environments`, or record on a machine that they include",
            detail="\n".join(resolution.environments),
        )
    markers = " or ".join(f"({environment})" for environment in resolution.environments)
    return replace(
        requirements,
        requirements=tuple(_narrowed(line, markers) for line in requirements.requirements),
    )


def _narrowed(line: RequirementLine, markers: str) -> RequirementLine:
    requirement = copy(line.parsed)
    marker = f"({requirement.marker}) and ({markers})" if requirement.marker else markers
    requirement.marker = Marker(marker)
    return RequirementLine(str(requirement))
