"""Packages that a declaration pins to a release newer than the date to resolve as of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.lock.upload_times import upload_days

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from pytest_flowrepro.model import RequirementLine, Requirements
    from pytest_flowrepro.support.deadline import Deadline


@dataclass(frozen=True, kw_only=True, slots=True)
class Exemption:
    """A package that the date does not apply to."""

    name: str
    """Canonical (PEP 503)."""
    version: str
    uploaded: date
    as_of: date

    @property
    def note(self) -> str:
        return (
            f"{self.name} is exempt from --flow-repro-as-of {self.as_of}: it is pinned to "
            f"{self.version}, which was uploaded on {self.uploaded}"
        )


def find_exemptions(
    requirements: Requirements, as_of: date, *, python: Path, workspace: Path, deadline: Deadline
) -> tuple[Exemption, ...]:
    """Return the packages that are pinned with `==` to a release from after that day.

    Empty if the index has no upload times.
    """
    pins = dict(filter(None, map(_pin, requirements.requirements)))
    if not pins:
        return ()
    days = upload_days(
        pins,
        python=python,
        workspace=workspace,
        timeout=deadline.left,
        indexes=requirements.indexes,
    )
    return tuple(
        Exemption(name=name, version=pins[name], uploaded=day, as_of=as_of)
        for name, day in sorted(days.items())
        if day > as_of
    )


def _pin(line: RequirementLine) -> tuple[str, str] | None:
    for specifier in line.parsed.specifier:
        if specifier.operator == "==" and not specifier.version.endswith(".*"):
            return line.name, specifier.version
    return None
