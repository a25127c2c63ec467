"""The environments of steps, and their requirements. Pure.

Metaflow's decorators have merged their attributes by then (metaflow/plugins/pypi), and a step that
they disable runs in the flow's own environment. The pins are those of Metaflow's own environments
(metaflow/metaflow_config.py get_pinned_conda_libs, for the local datastore).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_flowrepro.lockfile.conda_spec import step_specs
from pytest_flowrepro.lockfile.requirement import parse_requirement
from pytest_flowrepro.model import CondaPackages, CondaSpec, RequirementLine, Requirements
from pytest_flowrepro.support.errors import LockError
from pytest_flowrepro.support.redaction import without_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_flowrepro.model import Decorator, Environment, Step

_PINS = ("requests>=2.21.0",)

_OPERATORS = ("<", ">", "!", "~", "@")
"""A version that starts with one of these is kept; any other is pinned (pypi/pip.py)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepEnvironment:
    """The contents of one environment, and the steps that share it."""

    name: str
    """`step-` and the name of its first step."""
    steps: tuple[str, ...]
    requirements: Requirements
    python: str | None
    """The required version; None: that of the flow itself."""
    from_conda: tuple[str, ...]
    """Packages that the flow takes from conda, to be taken from PyPI instead."""


def step_environments(
    steps: Iterable[Step], *, base: Environment, conda_from_pypi: bool
) -> tuple[StepEnvironment, ...]:
    """Return the environments of the steps that declare packages or a Python.

    Steps with equal declarations share one.

    `base` is the environment of the flow itself, with the Metaflow for all its steps. Raises
    `LockError` for an invalid version, and for a step that uses both PyPI and conda.
    """
    by_content: dict[object, StepEnvironment] = {}
    for step in steps:
        step_environment = _environment_of(step, base, conda_from_pypi=conda_from_pypi)
        if step_environment is not None:
            key = (
                step_environment.requirements.requirements,
                step_environment.python,
                step_environment.requirements.conda,
            )
            same = by_content.get(key)
            by_content[key] = (
                replace(same, steps=(*same.steps, step.name)) if same else step_environment
            )
    return tuple(by_content.values())


def _environment_of(
    step: Step, base: Environment, *, conda_from_pypi: bool
) -> StepEnvironment | None:
    declared = {
        decorator.name: _attributes(decorator)
        for decorator in step.decorators
        if decorator.name in {"pypi", "conda"}
    }
    if any(str(attributes.get("disabled")).lower() == "true" for attributes in declared.values()):
        return None
    of_pypi, of_conda = (declared.get(name, {}) for name in ("pypi", "conda"))
    pypi, conda = _packages_in(of_pypi), _packages_in(of_conda)
    if pypi and conda:
        raise LockError(
            f"Step {step.name} takes packages from both PyPI and conda, which Metaflow refuses",
            hint="use only one of @pypi and @conda in a step",
        )
    requested = of_pypi.get("python") or of_conda.get("python")
    # The default Python of @conda is the one that runs the flow (conda_decorator.py).
    python = None if requested is None or base.python.version == str(requested) else str(requested)
    packages = pypi or conda
    if not packages and python is None:
        return None
    # conda installs a Python that @conda names.
    if not conda_from_pypi and not pypi and not of_pypi.get("python"):
        return StepEnvironment(
            name=f"step-{step.name}",
            steps=(step.name,),
            requirements=Requirements(
                requirements=(),
                source=f"step {step.name} (@conda)",
                conda=CondaPackages(
                    specs=step_specs(conda, python=python or base.python.version), channels=()
                ),
            ),
            python=python,
            from_conda=(),
        )
    metaflow = next(package.version for package in base.packages if package.name == "metaflow")
    required = (_requirement_line(name, version, step) for name, version in packages.items())
    lines = {*required, *_PINS, f"metaflow=={metaflow}"}
    return StepEnvironment(
        name=f"step-{step.name}",
        steps=(step.name,),
        requirements=Requirements(
            requirements=tuple(map(RequirementLine, sorted(lines))),
            source=f"step {step.name} (@{'conda' if conda else 'pypi'})",
        ),
        python=python,
        from_conda=tuple(sorted(conda)),
    )


def _attributes(decorator: Decorator) -> Mapping[str, object]:
    return decorator.attributes if isinstance(decorator.attributes, dict) else {}


def _packages_in(attributes: Mapping[str, object]) -> dict[str, str]:
    packages = attributes.get("packages")
    return {str(k): str(v) for k, v in packages.items()} if isinstance(packages, dict) else {}


def _requirement_line(name: str, version: str, step: Step) -> str:
    name = CondaSpec.parse(name).package
    text = f"{name}{version}" if version.startswith(_OPERATORS) or not version else None
    text = text or f"{name}=={version.removeprefix('==').removeprefix('=')}"
    requirement = parse_requirement(text)
    if isinstance(requirement, str):
        raise LockError(
            f"Step {step.name}: {name!r} with version {without_credentials(version)!r} is not "
            "a valid requirement",
            hint="write the version as Metaflow takes it: `1.2.3`, `>=1.2,<2`, an empty string, or "
            "`@` and the URL of a wheel",
            detail=requirement,
        )
    return str(requirement.parsed)
