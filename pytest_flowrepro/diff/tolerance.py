"""The comparison of one artifact under the patterns of its flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.values.compare import Comparison, compare
from pytest_flowrepro.diff.values.rules import Tolerance
from pytest_flowrepro.model.patterns import Patterns, number_at

if TYPE_CHECKING:
    from pytest_flowrepro.diff.values.walk import Limits
    from pytest_flowrepro.model import Artifact


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """The rules for the places inside one artifact."""

    patterns: Patterns
    step: str
    name: str

    def ignored(self, path: tuple[str, ...]) -> bool:
        return self.patterns.ignores(self.step, self.name, *path)

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:
        labels = (self.step, self.name, *path)
        return Tolerance(
            rtol=number_at(self.patterns.rtol, labels), atol=number_at(self.patterns.atol, labels)
        )


def compare_artifact(
    step: str, old: Artifact, new: Artifact, patterns: Patterns, limits: Limits | None = None
) -> Comparison | None:
    """Compare two artifacts under the patterns; return None if no pattern concerns them.

    Raises `BaselineError` for a stored value that is broken.
    """
    if old.digest == new.digest or not patterns.concern(step, old.name):
        return None
    rules = Allowed(patterns=patterns, step=step, name=old.name)
    return compare(old, new, rules=rules, limits=limits)


def is_allowed(step: str, old: Artifact, new: Artifact, patterns: Patterns) -> bool:
    """Return whether two artifacts are equal except where the patterns allow differences."""
    if old.digest == new.digest:
        return True
    comparison = compare_artifact(step, old, new, patterns)
    return comparison is not None and is_within_tolerance(comparison)


def is_within_tolerance(comparison: Comparison) -> bool:
    return comparison.complete and not comparison.differing
