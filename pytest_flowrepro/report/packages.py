"""The packages that moved, across flows and environments. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from packaging.version import InvalidVersion, Version

from pytest_flowrepro.report.text import title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import Change, FlowReport

MoveKind: TypeAlias = Literal[
    "declared",
    "major",
    "downgrade",
    "removed",
    "added",
    "changed",
    "minor",
    "patch",
    "build only",
]
"""declared: a requirement, not a package. changed: the versions have no order of PEP 440. build
only: one version with another wheel or other files."""

_SEVERE_FIRST: tuple[MoveKind, ...] = get_args(MoveKind)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackageMove:
    """One package or interpreter that moved from one version to another."""

    name: str
    old: str | None
    new: str | None
    """None for a missing side, as in `Change`."""
    kind: MoveKind
    gated: bool
    via: tuple[str, ...]
    """The packages that require it, in any environment; sorted."""
    is_direct: bool
    """True if a flow requires it itself."""
    environments: tuple[str, ...]
    flows: tuple[str, ...]
    """The titles of the flows; sorted as in the report."""
    link: str | None


def package_moves(flows: Iterable[FlowReport]) -> tuple[PackageMove, ...]:
    """Return one move for each package, old and new version of all flows, the most severe first."""
    moved: dict[tuple[str, str | None, str | None], list[tuple[str, Change]]] = {}
    for flow in flows:
        for change in flow.changes:
            if change.kind in {"package", "python"}:
                key = (change.name, change.old, change.new)
                moved.setdefault(key, []).append((title(flow), change))
    return tuple(sorted((_move(found) for found in moved.values()), key=_severity))


def _move(found: list[tuple[str, Change]]) -> PackageMove:
    changes = [change for _, change in found]
    first = changes[0]
    is_package = first.kind == "package" and not first.declared
    return PackageMove(
        name=first.name,
        old=first.old,
        new=first.new,
        kind="declared" if first.declared else move_kind(first),
        gated=any(change.gated for change in changes),
        via=tuple(sorted({name for change in changes for name in change.via})),
        is_direct=is_package and any(not change.via for change in changes),
        environments=tuple(
            dict.fromkeys(change.environment for change in changes if change.environment)
        ),
        flows=tuple(dict.fromkeys(flow for flow, _ in found)),
        link=next((change.link for change in changes if change.link), None),
    )


def move_kind(change: Change) -> MoveKind:
    """Return how the version of a package or interpreter moved; not for declared ones."""
    if change.old is None or change.new is None:
        return "added" if change.old is None else "removed"
    if change.old == change.new:
        return "build only"
    try:
        old, new = _version(change.old), _version(change.new)
    except InvalidVersion:
        return "changed"
    if new < old:
        return "downgrade"
    if (old.epoch, old.major) != (new.epoch, new.major):
        return "major"
    return "minor" if old.minor != new.minor else "patch"


def _version(text: str) -> Version:
    """Return the version of a package, or of an interpreter: `cpython 3.11.7`."""
    return Version(text.rpartition(" ")[2])


def _severity(move: PackageMove) -> tuple[bool, int, int, str]:
    return not move.gated, _SEVERE_FIRST.index(move.kind), -len(move.flows), move.name
