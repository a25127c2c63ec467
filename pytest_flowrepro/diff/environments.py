"""The differences between two sets of environments, and between their machines. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.pairs import change_of, paired
from pytest_flowrepro.diff.platforms import Sides, platform_reason
from pytest_flowrepro.lockfile.pypi import (
    required_name,
)
from pytest_flowrepro.model import (
    Change,
    Constraints,
    Environment,
    Gate,
    Lock,
    Package,
    System,
    pypi_part,
)
from pytest_flowrepro.support.text import counted, is_web_address, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

_AGAIN = "requirements changed since the lock was recorded; record again"
_SHOWN = 10
"""Number of lines of one file that are reported; the file itself has all."""


def diff_environments(
    old: tuple[Environment, ...],
    new: tuple[Environment, ...],
    *,
    gates: frozenset[Gate],
    systems: tuple[System, System] | None = None,
) -> tuple[Change, ...]:
    """Return the changes of interpreters and packages, environment by environment.

    `systems` are the machines of the two sides, None if they are the same. A difference that the
    lock itself makes between two platforms is a change of the kind "system".
    """
    before = {environment.name: environment for environment in old}
    now = {environment.name: environment for environment in new}
    changes: list[Change] = []
    for name, a, b in paired(before, now):
        if not a or not b or a.python != b.python:
            python = Change(
                kind="python",
                change=change_of(a, b),
                name="python",
                old=(str(a.python) if b else _contents_text(a)) if a else None,
                new=(str(b.python) if a else _contents_text(b)) if b else None,
                gated="environment" in gates,
                environment=name,
            )
            changes.append(python)
        if a and b:
            changes += _requirements(a, b, gates)
            changes += _constraints(a, b, gates)
            changes += _package_changes(a, b, gates, systems)
            changes += _one_platform_lock(b, systems, gates)
    return tuple(changes)


def _contents_text(environment: Environment) -> str:
    return f"{environment.python}, {counted(len(environment.packages), 'package')}"


def _requirements(old: Environment, new: Environment, gates: frozenset[Gate]) -> Iterator[Change]:
    """Yield changes of the declared requirements since the lock was recorded."""
    before, now = (_group_by_name(side.requirements) for side in (old, new))
    for name, a, b in paired(before, now):
        if a != b:
            yield _requirement_change(f"requirement {name}", a, b, environment=old, gates=gates)


def _constraints(old: Environment, new: Environment, gates: frozenset[Gate]) -> Iterator[Change]:
    """Yield changes of the project's lock and constraints files since the lock was recorded."""
    before = {constraints.file: constraints for constraints in old.constraints}
    now = {constraints.file: constraints for constraints in new.constraints}
    for file, old_file, new_file in paired(before, now):
        if old_file != new_file:
            digests = (side.digest[:19] if side else None for side in (old_file, new_file))
            change = _requirement_change(
                f"requirements in {file}", *digests, environment=old, gates=gates
            )
            unmet = _unmet_lines(new_file, old.lock)[:_SHOWN] if new_file else ()
            yield replace(change, explanation=(*change.explanation, *unmet))


def _requirement_change(
    name: str, old: str | None, new: str | None, *, environment: Environment, gates: frozenset[Gate]
) -> Change:
    return Change(
        kind="package",
        change=change_of(old, new),
        name=name,
        old=old,
        new=new,
        gated="environment" in gates,
        environment=environment.name,
        explanation=(_AGAIN,),
        declared=True,
    )


def _unmet_lines(constraints: Constraints, lock: Lock) -> tuple[str, ...]:
    """Return the lines that a lock does not satisfy, each with the versions that it has."""
    pypi = pypi_part(lock)
    if pypi is None:  # only conda packages, to which pip's constraints do not apply
        return ()
    versions: dict[str, list[str]] = {}
    for package in pypi.packages:
        versions.setdefault(package.name, []).append(package.version)
    return tuple(
        visible(f"{line}: recorded with {', '.join(locked)}")
        for line in constraints.lines
        if (locked := versions.get(line.name)) and not _allows_any(line.parsed, locked)
    )


def _allows_any(requirement: Requirement, versions: list[str]) -> bool:
    return any(requirement.specifier.contains(version, prereleases=True) for version in versions)


def _group_by_name(requirements: tuple[str, ...]) -> dict[str, str]:
    """Map each canonical name to its requirements, one for each marker."""
    declared: dict[str, list[str]] = {}
    for line in requirements:
        declared.setdefault(required_name(line), []).append(line)
    return {name: "; ".join(sorted(lines)) for name, lines in declared.items()}


def _package_changes(
    old: Environment,
    new: Environment,
    gates: frozenset[Gate],
    systems: tuple[System, System] | None,
) -> Iterator[Change]:
    before = {package.name: package for package in old.packages}
    now = {package.name: package for package in new.packages}
    for name, old_package, new_package in paired(before, now):
        lines = _differences(old_package, new_package) if old_package and new_package else ()
        if old_package and new_package and old_package.version == new_package.version and not lines:
            continue
        present = new_package or old_package
        assert present is not None
        reason = None
        if systems is not None:
            sides = Sides(old=old, new=new, old_system=systems[0], new_system=systems[1])
            reason = platform_reason(sides, old_package, new_package)
        yield Change(
            kind="system" if reason else "package",
            change=change_of(old_package, new_package),
            name=name,
            old=old_package.version if old_package else None,
            new=new_package.version if new_package else None,
            gated=("system" if reason else "environment") in gates,
            environment=old.name,
            explanation=(visible(reason),) if reason else lines,
            via=present.via,
            link=present.link or _pypi_page(present),
        )


def _pypi_page(package: Package) -> str | None:
    """Return the page of a package's version on PyPI; None if it cannot be there.

    PyPI does not take local versions, `2.9.0+cpu`.
    """
    if package.is_conda or package.direct_url is not None or "+" in package.version:
        return None
    address = f"https://pypi.org/project/{package.name}/{package.version}/"
    return address if is_web_address(address) else None


def _differences(old: Package, new: Package) -> tuple[str, ...]:
    """Describe how two packages of one version differ; return nothing for different versions.

    A wheel for another platform has other files, and its RECORD says nothing about this one's. For
    a wheel without valid tags the RECORDs alone decide.
    """
    if old.version != new.version:
        return ()
    lines = []
    kind, record = ("build", "archive") if new.is_conda else ("wheel", "RECORD")
    if old.wheel and new.wheel and old.wheel != new.wheel:
        lines.append(f"same version, other {kind}: {old.wheel} -> {new.wheel}")
    elif old.record != new.record:
        lines.append(f"same version, other files: {record} {old.record[:19]} -> {new.record[:19]}")
    if old.direct_url != new.direct_url:
        lines.append(f"direct_url: {old.direct_url or 'none'} -> {new.direct_url or 'none'}")
    return tuple(map(visible, lines))


def _one_platform_lock(
    new: Environment, systems: tuple[System, System] | None, gates: frozenset[Gate]
) -> Iterator[Change]:
    """Yield a change if a lock for one platform is used on another."""
    pypi = pypi_part(new.lock)
    made_for = pypi.platform if pypi else None
    if made_for is None or systems is None:
        return
    this_machine = f"{systems[1].platform} {systems[1].machine}"
    what = f"locked by pip-tools on {made_for}: it has the packages of that platform only"
    if made_for != this_machine:
        yield Change(
            kind="system",
            change="changed",
            name="lock",
            old=made_for,
            new=this_machine,
            gated="system" in gates,
            environment=new.name,
            explanation=(f"{what}; lock by uv for all",),
        )


def diff_system(old: System, new: System, *, gates: frozenset[Gate]) -> tuple[Change, ...]:
    """Return the changes of platform, machine and C library."""
    return tuple(
        Change(kind="system", change="changed", name=name, old=a, new=b, gated="system" in gates)
        for name in ("platform", "machine", "libc")
        if (a := getattr(old, name)) != (b := getattr(new, name))
    )


def other_machine(old: System, new: System) -> str | None:
    """Return one line that describes how two machines differ, or None if they do not."""
    layers = [
        f"{change.name} {change.old or 'unknown'} -> {change.new or 'unknown'}"
        for change in diff_system(old, new, gates=frozenset())
    ]
    if old.level and new.level and old.level != new.level:
        layers.append(f"CPU {old.level} -> {new.level}")
    levels = [side.numeric.cpu or "machine" if side.numeric else None for side in (old, new)]
    if all(levels) and levels[0] != levels[1]:
        layers.append(f"numeric profile {levels[0]} -> {levels[1]}")
    if old.processors and new.processors and old.processors != new.processors:
        layers.append(f"processors {old.processors} -> {new.processors}")
    if new.usable and new.processors and new.usable < new.processors:
        layers.append(f"{new.usable} of {new.processors} processors usable")
    return f"recorded on a different machine: {', '.join(layers)}" if layers else None
