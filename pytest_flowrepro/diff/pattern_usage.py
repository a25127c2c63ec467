"""The effect of the configured patterns in one check. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_flowrepro.diff.pairs import paired
from pytest_flowrepro.diff.tolerance import compare_artifact, is_within_tolerance
from pytest_flowrepro.model import PARAMETERS
from pytest_flowrepro.model.patterns import reaches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.model import Artifact, Recording
    from pytest_flowrepro.model.patterns import Patterns, Terms


def unmatched(recordings: Iterable[Recording], patterns: Patterns) -> tuple[tuple[str, str], ...]:
    """Return key and pattern of those that match no artifact or parameter of any recording.

    A task that sets nothing is listed under the name "".
    """
    names = {place[::2] for recording in recordings for place in _artifacts_by_key(recording)}
    return tuple(
        (key, pattern)
        for key, pattern in patterns
        if not any(reaches(pattern, step, name) for step, name in names)
    )


def unneeded(old: Recording, new: Recording, patterns: Patterns) -> tuple[tuple[str, str], ...]:
    """Return key and pattern of those that match, but only artifacts that are as recorded.

    A tolerance counts only if the machines differ: on one machine, the last bits are equal.
    """
    differing = _differing(old, new)
    idle = set(unmatched((old, new), patterns))
    return tuple(
        (key, pattern)
        for key, pattern in patterns
        if (key == "ignore" or old.system != new.system)
        and (key, pattern) not in idle
        and not any(reaches(pattern, step, name) for step, name in differing)
    )


def used(old: Recording, new: Recording, patterns: Patterns) -> tuple[Terms, ...]:
    """Return the terms of the patterns that reach an artifact which differs."""
    differing = _differing(old, new)
    return tuple(
        terms
        for terms in patterns.terms
        if any(reaches(terms.pattern, step, name) for step, name in differing)
    )


def _differing(old: Recording, new: Recording) -> frozenset[tuple[str, str]]:
    """Return step and name of the artifacts that are not as recorded."""
    return frozenset(
        (step, name)
        for (step, _, name), a, b in paired(_artifacts_by_key(old), _artifacts_by_key(new))
        if (a and a.digest) != (b and b.digest)
    )


def ignored_inside(old: Recording, new: Recording, patterns: Patterns) -> int:
    """Return the number of artifacts that differ only at places that are ignored inside them."""
    comparisons = (
        compare_artifact(step, a, b, patterns)
        for (step, _, name), a, b in paired(_artifacts_by_key(old), _artifacts_by_key(new))
        if a and b and "nondeterministic" not in (a.determinism, b.determinism)
        if not patterns.ignores(step, name)
        if any(reaches(pattern, step, name) for pattern in patterns.ignore)
    )
    return sum(
        comparison is not None and is_within_tolerance(comparison) and comparison.tolerated is None
        for comparison in comparisons
    )


def _artifacts_by_key(
    recording: Recording,
) -> dict[tuple[str, tuple[int, ...], str], Artifact | None]:
    """Map step, index and name to the artifact."""
    return dict(_keyed_artifacts(recording))


def _keyed_artifacts(
    recording: Recording,
) -> Iterator[tuple[tuple[str, tuple[int, ...], str], Artifact | None]]:
    for artifact in recording.parameters:
        yield (PARAMETERS, (), artifact.name), artifact
    for task in recording.tasks:
        for artifact in task.artifacts:
            yield (task.step, task.index, artifact.name), artifact
        if not task.artifacts:
            yield (task.step, task.index, ""), None
