"""The settings that a verdict depends on, and their form in JSON by the configuration's keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.model.environment import DEFAULT_PROFILE, NumericProfile
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model.flow import CodeFile
    from pytest_flowrepro.support.strict_json import Json

Gate: TypeAlias = Literal["environment", "artifacts", "policy", "code", "system", "nondeterminism"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The settings that a verdict depends on, as a baseline stores them.

    Texts have no credentials in URLs, and numbers that JSON cannot express are `{"$float": "nan"}`.
    """

    fail_on: frozenset[Gate]
    patterns: Patterns = NO_PATTERNS
    env: tuple[tuple[str, str | None], ...] = ()
    """Name and literal value of each variable, sorted; None for the value of the environment."""
    parameters: tuple[tuple[str, Json], ...] = ()
    """Sorted by their names on Metaflow's command line."""
    configs: tuple[tuple[str, Json], ...] = ()
    include: tuple[str, ...] = ()
    """Sorted."""
    cwd: str | None = None
    after: tuple[str, ...] = ()
    encoders: CodeFile | None = None
    conda_from_pypi: bool = False
    conda_channels: tuple[str, ...] = ()
    """Sorted by priority."""
    numeric: NumericProfile = DEFAULT_PROFILE


DEFAULTS = Policy(fail_on=frozenset())

MACHINE = "machine"
"""A part of the numeric profile that is taken from the machine."""


def policy_json(policy: Policy) -> dict[str, Json]:
    """Return the settings by their keys: all with a default, and the others if they are set."""
    return {
        "fail-on": [*sorted(policy.fail_on)],
        **profile_json(policy.numeric),
        **{key: value for key, value in optional_settings(policy) if value},
    }


def profile_json(profile: NumericProfile) -> dict[str, Json]:
    return {
        "threads": MACHINE if profile.threads is None else profile.threads,
        "cpu": MACHINE if profile.cpu is None else profile.cpu,
    }


def optional_settings(policy: Policy) -> Iterator[tuple[str, Json]]:
    """Yield key and value of each setting without a default; an empty value if it is not set."""
    patterns, encoders = policy.patterns, policy.encoders
    yield "ignore", [_pattern(patterns, "ignore", pattern) for pattern in patterns.ignore]
    yield "rtol", [_pattern(patterns, "rtol", *entry) for entry in patterns.rtol]
    yield "atol", [_pattern(patterns, "atol", *entry) for entry in patterns.atol]
    yield (
        "env",
        {name: {"pass": True} if value is None else value for name, value in policy.env},
    )
    yield "parameters", dict(policy.parameters)
    yield "configs", dict(policy.configs)
    yield "include", [*policy.include]
    yield "cwd", policy.cwd
    yield "after", [*policy.after]
    yield "encoders", {"file": encoders.path, "sha256": encoders.sha256} if encoders else None
    yield "conda", "pypi" if policy.conda_from_pypi else None
    yield "conda-channels", [*policy.conda_channels]


def _pattern(patterns: Patterns, key: str, pattern: str, tolerance: float | None = None) -> Json:
    entry: dict[str, Json] = {"pattern": pattern}
    if tolerance is not None:
        entry["tolerance"] = tolerance
    terms = patterns.terms_of(key, pattern)
    if terms.reason is not None:
        entry["reason"] = terms.reason
    if terms.until is not None:
        entry["until"] = terms.until.isoformat()
    return entry
