"""The policy in the form that people read: by the keys of the configuration. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.model import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import NumericProfile
    from pytest_flowrepro.patterns import Patterns
    from pytest_flowrepro.support.strict_json import Json

DEFAULTS = Policy(fail_on=frozenset())

MACHINE = "machine"
"""A part of the numeric profile that is taken from the machine."""


def policy_json(policy: Policy) -> dict[str, Json]:
    """Return the settings by their keys: what has a default by its value, the rest where set."""
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
    """Yield key and value of each other setting; an empty value where it is not set."""
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
