"""The steps of a rerun, with a digest of the code that each of them ran."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_flowrepro.discover.step_code import step_digests
from pytest_flowrepro.package.code_package import read_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_flowrepro.model import CodePackage, Recording, Step, TaskLog


def with_code(
    steps: tuple[Step, ...],
    package: CodePackage,
    logs: Iterable[TaskLog],
    *,
    flow: str,
    baseline: Recording | None = None,
) -> tuple[Step, ...]:
    """Return the steps with the digests of their code.

    `flow` is the name of the class. Nothing is parsed if the package is that of the `baseline`.
    """
    if baseline is not None and baseline.code == package.files and not baseline.merged:
        recorded = {step.name: step.code for step in baseline.steps}
        return tuple(replace(step, code=recorded.get(step.name)) for step in steps)
    loaded: dict[str, set[str]] = {}
    for log in logs:
        loaded.setdefault(log.step, {package.flow}).update(log.sources)
    digests = step_digests(
        dict(read_files(package, frozenset[str]().union(*loaded.values()))),
        file=package.flow,
        flow=flow,
        steps=[step.name for step in steps],
        loaded=loaded,
    )
    return tuple(replace(step, code=digests.get(step.name)) for step in steps)
