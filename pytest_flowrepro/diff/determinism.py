"""The determinism of artifacts: the same in every rerun, or dependent on chance, seed or machine.
Pure.

A recording reruns a flow under several `Conditions`. `next_conditions` chooses the next ones from
the results of the reruns so far; `classify` gives each artifact its determinism in the end.

The caller decides whether two artifacts of a step whose digests differ are "the same": the rules of
a flow may tolerate differences inside a value.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from pytest_flowrepro.model import Artifact, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from pytest_flowrepro.support.strict_json import Json

    Same: TypeAlias = "Callable[[str, Artifact, Artifact], bool]"

TaskKey: TypeAlias = tuple[str, tuple[int, ...]]
"""Step and foreach index path."""
ArtifactKey: TypeAlias = tuple[str, tuple[int, ...], str]
"""Step, foreach index path and name."""
Family: TypeAlias = tuple[str, str]
"""Step and name: an artifact of all the tasks of a step."""
Factor: TypeAlias = Literal["threads", "cpu"]

ALIKE = 8
"""Number of reruns under the usual conditions where something differed by chance: a fair draw out
of two gives the same value in all of them once in 2**7 recordings, which is less than 1 in 100."""
MOST_ATTEMPTS = ALIKE + 3
"""Maximum number of reruns, including those under other conditions."""

_SMALL = 120
"""Length of a value's JSON in characters; a longer value does not repeat by chance."""
_IN_ORDER = 5
"""Number of items; so many come in the same order by chance once in 120 times."""
_NEAR = 1e-6
"""Relative tolerance; numbers this close were rounded differently, not drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """The conditions of a rerun that differ from those of the configuration."""

    seed: int = 0
    """The hash seed."""
    threads: bool = False
    """True for the thread count of another machine."""
    cpu: bool = False
    """True for the CPU level of another machine."""

    @property
    def factors(self) -> tuple[Factor, ...]:
        return (*(("threads",) if self.threads else ()), *(("cpu",) if self.cpu else ()))


USUAL = Conditions()
"""The conditions of every check."""
_THREADS_ALONE = Conditions(threads=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One rerun of a recording."""

    conditions: Conditions
    tasks: tuple[Task, ...]
    """The tasks in topological order."""
    drawn: Mapping[TaskKey, tuple[str, ...]] = field(default_factory=dict)
    """The final states of the global random generators, for each task that drew from them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Classified:
    tasks: tuple[Task, ...]
    """The tasks of the first attempt, in their order, each artifact with its determinism."""
    machine: Mapping[Family, frozenset[Factor]]
    """The factors that change each machine-dependent artifact."""


def by_digest(step: str, first: Artifact, second: Artifact) -> bool:  # noqa: ARG001
    return first.digest == second.digest


def differing_artifacts(
    first: tuple[Task, ...], second: tuple[Task, ...], same: Same = by_digest
) -> tuple[ArtifactKey, ...]:
    """Return the artifacts that are not the same or that are in one run only, sorted.

    A task that is in one run only and has no artifacts is listed under the name "".
    """
    before, now = _artifacts_by_key(first), _artifacts_by_key(second)

    def differs(key: ArtifactKey) -> bool:
        if key not in before or key not in now:
            return True
        a, b = before[key], now[key]
        return a is not None and b is not None and not same(key[0], a, b)

    return tuple(sorted(filter(differs, before.keys() | now.keys())))


def next_conditions(
    attempts: Sequence[Attempt],
    varied: Conditions,
    *,
    same: Same = by_digest,
    most: int = MOST_ATTEMPTS,
) -> Conditions | None:
    """Return the conditions of the next rerun, or None when no question is left.

    The second rerun varies everything in `varied` at once: if its values are equal, nothing depends
    on these conditions. Otherwise a rerun varies the hash seed only, then one varies nothing, then
    one the threads only, each if the earlier reruns leave the question open. If a value differs by
    chance, more reruns follow while another value may have been equal by chance.
    """
    if len(attempts) >= most:
        return None
    if len(attempts) == 1:
        return varied
    observed = _Seen(attempts, same)
    seed_alone = Conditions(seed=varied.seed)
    if not observed.has(seed_alone) and observed.differing(varied):
        return seed_alone
    if not observed.has(USUAL) and observed.differing(seed_alone):
        return USUAL
    if (
        varied.threads
        and varied.cpu
        and not observed.has(_THREADS_ALONE)
        and observed.differing(varied) - observed.differing(seed_alone) - observed.random
    ):
        return _THREADS_ALONE
    return USUAL if observed.usual < ALIKE and observed.may_be_chance() else None


def classify(attempts: Sequence[Attempt], *, same: Same = by_digest) -> Classified:
    """Return the tasks of the first attempt, each artifact with its determinism.

    An artifact that differs between attempts under the usual conditions is nondeterministic, in all
    tasks of a step if it is in one: their values come from the same code. It keeps neither digest
    nor value, so that two recordings of it are the same; artifacts that only a repetition has are
    added. If no attempt repeats the first, every artifact that differs counts as nondeterministic.
    The SHA of a pickle is kept if the second attempt has the same: not every value is pickled in
    one way only.
    """
    observed = _Seen(attempts, same)
    seeded, machine = observed.seeded, observed.machine
    shas = {
        (task.step, task.index, artifact.name): artifact.sha
        for attempt in attempts[1:2]
        for task in attempt.tasks
        for artifact in task.artifacts
    }
    tasks: dict[TaskKey, dict[str, Artifact]] = {}
    for task in attempts[0].tasks:
        artifacts = tasks.setdefault((task.step, task.index), {})
        for artifact in task.artifacts:
            key = (task.step, task.index, artifact.name)
            artifacts[artifact.name] = replace(
                artifact,
                determinism="hash-seed"
                if key in seeded
                else "machine"
                if key in machine
                else artifact.determinism,
                sha=artifact.sha if shas.get(key, artifact.sha) == artifact.sha else None,
            )
    for attempt in (attempts[0], *observed.repetitions):
        for task in attempt.tasks:
            artifacts = tasks.setdefault((task.step, task.index), {})
            for artifact in task.artifacts:
                if (task.step, task.index, artifact.name) in observed.random:
                    artifacts[artifact.name] = _as_nondeterministic(
                        artifact, artifacts.get(artifact.name)
                    )
    steps = list(dict.fromkeys(step for step, _ in tasks))
    factors: dict[Family, set[Factor]] = {}
    for (step, _, name), factors_of_key in machine.items():
        factors.setdefault((step, name), set()).update(factors_of_key)
    return Classified(
        tasks=tuple(
            Task(step=step, index=index, artifacts=tuple(named[name] for name in sorted(named)))
            for (step, index), named in sorted(
                tasks.items(), key=lambda entry: (steps.index(entry[0][0]), entry[0][1])
            )
        ),
        machine={family: frozenset(changing) for family, changing in factors.items()},
    )


class _Seen:
    """The results of several attempts."""

    def __init__(self, attempts: Sequence[Attempt], same: Same) -> None:
        self._attempts = attempts
        self._same = same
        self._first = _artifacts_by_key(attempts[0].tasks)
        later = attempts[1:]
        # Without a repetition, a difference under the fewest other conditions may be due to chance.
        self.repetitions = (
            [attempt for attempt in later if attempt.conditions == USUAL]
            or [attempt for attempt in later if not attempt.conditions.factors]
            or later[:1]
        )
        self._varied: dict[Conditions, set[ArtifactKey]] = {}
        for attempt in later:
            if attempt.conditions == USUAL:
                continue
            self._varied.setdefault(attempt.conditions, set()).update(self._differing(attempt))
        self.random = self._random()

    @property
    def usual(self) -> int:
        """The number of attempts under the usual conditions."""
        return sum(attempt.conditions == USUAL for attempt in self._attempts)

    def has(self, conditions: Conditions) -> bool:
        return any(attempt.conditions == conditions for attempt in self._attempts[1:])

    def differing(self, conditions: Conditions) -> set[ArtifactKey]:
        """Return the artifacts that differ from the first attempt under these conditions."""
        return self._varied.get(conditions, set())

    @property
    def seeded(self) -> set[ArtifactKey]:
        """The artifacts that differ when only the hash seed does."""
        by_seed = (
            keys
            for conditions, keys in self._varied.items()
            if conditions.seed and not conditions.factors
        )
        return set().union(*by_seed) - self.random

    @property
    def machine(self) -> dict[ArtifactKey, tuple[Factor, ...]]:
        """The artifacts that differ only on another machine, with the factors that change them."""
        by_threads, threads_tried = self.differing(_THREADS_ALONE), self.has(_THREADS_ALONE)
        factors_of: dict[ArtifactKey, tuple[Factor, ...]] = {}
        for conditions, keys in self._varied.items():
            for key in keys - self.random - self.seeded if conditions.factors else ():
                if key in by_threads:
                    factors_of[key] = ("threads",)
                else:
                    factors_of[key] = ("cpu",) if threads_tried else conditions.factors
        return factors_of

    def may_be_chance(self) -> bool:
        """Return whether an artifact that counts as repeatable may have repeated by chance."""
        return next(iter(self._doubtful()), None) is not None

    def _doubtful(self) -> Iterable[ArtifactKey]:
        """Yield the small values that may differ by chance.

        They are those that differed under other conditions by more than rounding, and all of a
        step that nondeterministic values can reach.
        """
        for conditions, keys in self._varied.items():
            artifacts = self._artifacts_under(conditions)
            families = {(step, name) for step, _, name in keys}
            ordered = {
                family for family in families if _is_reordered(family, self._first, artifacts)
            }
            for key in keys - self.random:
                a, b = self._first.get(key), artifacts.get(key)
                if (
                    a is None
                    or b is None
                    or (
                        _is_small(a)
                        and (key[0], key[2]) not in ordered
                        and not _has_reason(a.value, b.value)
                    )
                ):
                    yield key
        reached = self._reached()
        for key, artifact in self._first.items():
            if artifact and key[0] in reached and key not in self.random and _is_small(artifact):
                yield key

    def _reached(self) -> Collection[str]:
        """Return the steps with nondeterministic values, and all after the first of them."""
        by_chance = {step for step, _ in self._families() if step}
        by_chance |= self._unseeded()
        steps = list(dict.fromkeys(task.step for task in self._attempts[0].tasks))
        position = min((steps.index(step) for step in by_chance & set(steps)), default=len(steps))
        return steps[position:]

    def _families(self) -> Iterable[Family]:
        """Return the artifacts that differ by chance, except clocks and ids.

        These do not affect other values.
        """
        by_family: dict[Family, list[Artifact]] = {}
        for attempt in (self._attempts[0], *self.repetitions):
            for (step, index, name), artifact in _artifacts_by_key(attempt.tasks).items():
                if artifact and (step, index, name) in self.random:
                    by_family.setdefault((step, name), []).append(artifact)
        return (
            family for family, artifacts in by_family.items() if not all(map(_is_clock, artifacts))
        )

    def _unseeded(self) -> set[str]:
        """Return the steps that drew from an unseeded global generator."""
        first = self._attempts[0].drawn
        return {
            task[0]
            for attempt in self._attempts[1:]
            for task, state in attempt.drawn.items()
            if first.get(task, state) != state
        }

    def _random(self) -> set[ArtifactKey]:
        """Return the artifacts that differ under the same conditions, in all tasks of their steps.

        A task that is in one attempt only does not make the others nondeterministic: a foreach may
        have a random length and tasks that are otherwise the same.
        """
        keys: set[ArtifactKey] = set()
        families: set[Family] = set()
        tasks = {(task.step, task.index) for task in self._attempts[0].tasks}
        for attempt in self.repetitions:
            shared = tasks & {(task.step, task.index) for task in attempt.tasks}
            for step, index, name in self._differing(attempt):
                keys.add((step, index, name))
                if (step, index) in shared:
                    families.add((step, name))
        for attempt in (self._attempts[0], *self.repetitions):
            for key in _artifacts_by_key(attempt.tasks):
                if (key[0], key[2]) in families:
                    keys.add(key)
        return keys

    def _differing(self, attempt: Attempt) -> tuple[ArtifactKey, ...]:
        return differing_artifacts(self._attempts[0].tasks, attempt.tasks, self._same)

    def _artifacts_under(self, conditions: Conditions) -> Mapping[ArtifactKey, Artifact | None]:
        attempts = (attempt for attempt in self._attempts[1:] if attempt.conditions == conditions)
        return _artifacts_by_key(next(attempts).tasks)


def _artifacts_by_key(tasks: tuple[Task, ...]) -> dict[ArtifactKey, Artifact | None]:
    by_key: dict[ArtifactKey, Artifact | None] = {}
    for task in tasks:
        if not task.artifacts:
            by_key[task.step, task.index, ""] = None
        for artifact in task.artifacts:
            by_key[task.step, task.index, artifact.name] = artifact
    return by_key


def _as_nondeterministic(artifact: Artifact, other: Artifact | None) -> Artifact:
    return Artifact(
        name=artifact.name,
        type=artifact.type if other is None or other.type == artifact.type else "",
        digest="",
        value=None,
        determinism="nondeterministic",
    )


# --- few values -----------------------------------------------------------------------

_CLOCK = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"|\d\d:\d\d:\d\d"
    r"|\b1[6-9]\d{8}(?:\d{3}){0,3}\b"  # seconds, or less, since 1970
    r"|[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
)


def _is_clock(artifact: Artifact) -> bool:
    """Return whether the value is a time or an id, which differs without being drawn."""
    return _is_small(artifact) and _CLOCK.search(json.dumps(artifact.value)) is not None


def _is_small(artifact: Artifact) -> bool:
    """Return whether the value is one of few possible ones, such as an accuracy, label or count."""
    return not artifact.opaque and len(json.dumps(artifact.value)) <= _SMALL


def _has_reason(first: Json, second: Json) -> bool:
    """Return whether the hash seed or the machine explains the difference of two values.

    They explain differences in the last bits of numbers, or in the order of several items. Chance
    rarely causes these.
    """
    if isinstance(first, list) and isinstance(second, list):
        texts, other_texts = ({json.dumps(item) for item in items} for items in (first, second))
        if len(texts) >= _IN_ORDER and texts == other_texts:
            return True
    return _is_near(first, second)


def _is_reordered(
    family: Family,
    first: Mapping[ArtifactKey, Artifact | None],
    second: Mapping[ArtifactKey, Artifact | None],
) -> bool:
    """Return whether the tasks have the same values in another order (foreach over a set)."""
    values, other_values = (
        sorted(a.digest for key, a in side.items() if a and (key[0], key[2]) == family)
        for side in (first, second)
    )
    return values == other_values and len(set(values)) >= _IN_ORDER


def _is_near(first: Json, second: Json) -> bool:
    """Return whether two values differ only in the last bits of floats."""
    match first, second:
        case float() | int(), float() | int() if float in {type(first), type(second)}:
            return math.isclose(first, second, rel_tol=_NEAR, abs_tol=_NEAR)
        case list(), list():
            return len(first) == len(second) and all(map(_is_near, first, second))
        case dict(), dict():
            return first.keys() == second.keys() and all(
                _is_near(first[k], second[k]) for k in first
            )
    return first == second
