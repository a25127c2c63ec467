"""Lines for pyproject.toml under which the reruns of a recording are equal. Pure.

If the reruns differ only in numbers, and little, the lines have the smallest sufficient tolerances.
If they differ in a few places, the lines ignore those places; otherwise the whole artifact. Every
suggestion has been tried on the values of the reruns.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.diff import compare, compare_artifact, is_allowed, is_within_tolerance
from pytest_flowrepro.diff.values.rules import EXACT, Tolerance
from pytest_flowrepro.model import DEFAULT_PROFILE
from pytest_flowrepro.model.patterns import Patterns, quoted
from pytest_flowrepro.rerun.numeric_pins import pinned
from pytest_flowrepro.support.text import truncate_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pytest_flowrepro.diff.determinism import Attempt, Classified, Family
    from pytest_flowrepro.model import Artifact, Determinism, Task
    from pytest_flowrepro.model.patterns import Terms
    from pytest_flowrepro.pipeline.job import Job

    Notes: TypeAlias = tuple[str, ...]
    Pairs: TypeAlias = "list[tuple[Artifact, Artifact]]"
    """The values of one artifact in two of the reruns, for all tasks of a step."""

_PLACES = 5
"""Maximum number of places inside an artifact that get a line each."""
_TRIED = 20

_RTOL, _ATOL = 1e-6, 1e-9
"""The largest tolerances that are suggested."""
_STEP = 1.0
"""The largest absolute distance that is tolerated: a larger one is that of a count or a clock."""
_TOLERANCES = (
    (0.0, 0.0),
    *((10.0**power, 0.0) for power in range(-15, -5)),
    *((0.0, 10.0**power) for power in range(-15, -8)),
    (_RTOL, _ATOL),
)
"""rtol and atol, in the order in which they are tried."""


def random_proposals(job: Job, attempts: Sequence[Attempt], classified: Classified) -> Notes:
    """Return a sentence and the lines under which random artifacts repeat, if there are any."""
    families = _families(classified, "nondeterministic")
    lines = _table_lines(job, _proposed_patterns(job, pairs_of(attempts, families)))
    title = "to accept differences that cannot be seeded or sorted, add to pyproject.toml:"
    return (title, *lines) if lines else ()


def machine_proposals(job: Job, attempts: Sequence[Attempt], classified: Classified) -> Notes:
    """Return a sentence about artifacts that depend on the machine, and the lines to add."""
    patterns, profile = job.settings.patterns, job.settings.numeric
    families = {
        family: factors
        for family, factors in classified.machine.items()
        if not patterns.ignores(*family)
    }
    if not families:
        return ()
    factors = {factor for factors_of_family in families.values() for factor in factors_of_family}
    names = truncate_list([f"{step}.{name}" for step, name in sorted(families)], _NAMES)
    by = ", ".join(_FACTORS[factor] for factor in sorted(factors))
    title = f"depends on the machine ({by}): {names}."
    proposed = _proposed_patterns(job, pairs_of(attempts, families), ignoring=False)
    tolerances = _table_lines(job, proposed)
    if missing := [_PINS[factor] for factor in sorted(factors) if getattr(profile, factor) is None]:
        title += " It will drift on other machines; to pin it, add to pyproject.toml"
        instead = ("or accept the differences:", *tolerances[1:]) if tolerances else ()
        return (f"{title}:", f"[{_table_name(job)}]", *missing, *instead)
    title += f" Recorded under {pinned(profile)}, as it will be checked"
    if not tolerances:
        return (title,)
    return (f"{title}; to accept differences on machines that cannot apply that, add:", *tolerances)


_NAMES = 20
_FACTORS = {"cpu": "CPU", "threads": "threads"}
_PINS = {"cpu": f'cpu = "{DEFAULT_PROFILE.cpu}"', "threads": f"threads = {DEFAULT_PROFILE.threads}"}


def pairs_of(attempts: Sequence[Attempt], families: Collection[Family]) -> dict[Family, Pairs]:
    """Pair the artifacts of each family in the first attempt with the same ones in the others."""
    first, *others = (_artifacts_by_key(attempt.tasks) for attempt in attempts)
    pairs_by_family: dict[Family, Pairs] = {}
    for key, artifact in first.items():
        family = key[0], key[2]
        if family in families:
            pairs = [(artifact, other[key]) for other in others if key in other]
            pairs_by_family.setdefault(family, []).extend(pairs)
    return pairs_by_family


def _families(classified: Classified, determinism: Determinism) -> set[Family]:
    return {
        (task.step, artifact.name)
        for task in classified.tasks
        for artifact in task.artifacts
        if artifact.determinism == determinism
    }


def _proposed_patterns(
    job: Job, pairs: Mapping[Family, Pairs], *, ignoring: bool = True
) -> Patterns:
    """Return the patterns of the flow, and those under which each of the pairs is equal.

    With `ignoring`, these may ignore places as well as set tolerances.
    """
    proposed = configured = job.settings.patterns
    for (step, name), pairs_of_family in sorted(pairs.items()):
        if configured.ignores(step, name) or all(
            is_allowed(step, a, b, configured) for a, b in pairs_of_family
        ):
            continue
        proposal = _proposal(step, name, pairs_of_family)
        if ignoring or not proposal.ignore:
            proposed = replace(
                proposed,
                ignore=(*proposed.ignore, *proposal.ignore),
                rtol=(*proposed.rtol, *proposal.rtol),
                atol=(*proposed.atol, *proposal.atol),
            )
    return proposed


def _table_lines(job: Job, proposed: Patterns) -> Notes:
    """Return the table and its keys; empty if the flow already has all of the patterns."""
    configured = job.settings.patterns
    return () if proposed == configured else (f"[{_table_name(job)}]", *_toml(proposed, configured))


def _table_name(job: Job) -> str:
    return f"{job.table}{f'.case.{_toml_key(job.case)}' if job.case else ''}"


def _artifacts_by_key(tasks: Iterable[Task]) -> dict[tuple[str, tuple[int, ...], str], Artifact]:
    return {(task.step, task.index, a.name): a for task in tasks for a in task.artifacts}


def _proposal(step: str, name: str, pairs: Pairs) -> Patterns:
    whole = ".".join((quoted(step), quoted(name)))

    def repeats(ignore: tuple[str, ...], rtol: float, atol: float) -> Patterns | None:
        tried = Patterns(
            ignore=ignore,
            rtol=((whole, rtol),) if rtol else (),
            atol=((whole, atol),) if atol else (),
        )
        return tried if all(_repeats(step, a, b, tried) for a, b in pairs) else None

    ignored = tuple(f"{whole}.{place}" for place in _differing_places(pairs))
    if len(ignored) <= _TRIED:
        for place in ignored:
            fewer = tuple(kept for kept in ignored if kept != place)
            ignored = fewer if repeats(fewer, _RTOL, _ATOL) else ignored
        if len(ignored) <= _PLACES and repeats(ignored, _RTOL, _ATOL):
            tried = (repeats(ignored, rtol, atol) for rtol, atol in _TOLERANCES)
            return next(filter(None, tried))
    return Patterns(ignore=(whole,))


def _repeats(step: str, first: Artifact, second: Artifact, tried: Patterns) -> bool:
    change = compare_artifact(step, first, second, tried)
    if change is None:
        return first.digest == second.digest
    return is_within_tolerance(change) and (change.tolerated or 0.0) < _STEP


@dataclass(kw_only=True, slots=True)
class _Probe:
    """Rules that tolerate nothing, and collect the places where two values differ."""

    seen: list[tuple[str, ...]] = field(default_factory=list)

    def ignored(self, path: tuple[str, ...]) -> bool:
        self.seen.append(path)
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return EXACT


def _differing_places(pairs: Pairs) -> tuple[str, ...]:
    """Return the innermost places that differ; several places of a list are one."""
    probe = _Probe()
    for old, new in pairs:
        compare(old, new, rules=probe)
    outer = {path[:depth] for path in probe.seen for depth in range(len(path))}
    inner = sorted({path for path in probe.seen if path not in outer})
    if len(inner) > 1:
        inner = [tuple("*" if part.isdecimal() else part for part in path) for path in inner]
    globs = (
        ".".join(part if part == "*" else quoted(part) for part in path) for path in inner if path
    )
    return tuple(dict.fromkeys(globs))


def _toml(proposed: Patterns, configured: Patterns) -> Iterator[str]:
    """Yield the keys with new entries, each with all its entries: a table has a key only once."""
    if proposed.ignore != configured.ignore:
        items = (
            _entry("pattern", pattern, proposed.terms_of("ignore", pattern))
            for pattern in proposed.ignore
        )
        yield f"ignore = [{', '.join(items)}]"
    for key, numbers, before in (
        ("rtol", proposed.rtol, configured.rtol),
        ("atol", proposed.atol, configured.atol),
    ):
        if numbers != before:
            inner = ", ".join(
                f"{_toml_string(glob)} = {_entry('tolerance', size, proposed.terms_of(key, glob))}"
                for glob, size in numbers
            )
            yield f"{key} = {{ {inner} }}"


def _entry(key: str, value: str | float, terms: Terms) -> str:
    """Return a pattern or a tolerance; as a table if it has a reason or a last day."""
    shown = _toml_string(value) if isinstance(value, str) else _number(value)
    if not terms:
        return shown
    reason = f", reason = {_toml_string(terms.reason)}" if terms.reason is not None else ""
    until = f", until = {terms.until}" if terms.until is not None else ""
    return f"{{ {key} = {shown}{reason}{until} }}"


def _toml_string(value: str) -> str:
    """Return JSON that is also TOML.

    Patterns have no character that JSON and TOML escape differently.
    """
    return json.dumps(value, ensure_ascii=False)


def _number(size: float) -> str:
    return f"{size:g}".replace("e-0", "e-")


def _toml_key(name: str) -> str:
    """Return a key of TOML (https://toml.io/en/v1.0.0#keys)."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml_string(name)
