"""What to write into pyproject.toml so that a flow that was just recorded repeats. Pure.

Where the reruns differ in numbers alone, and little: the smallest tolerances that let all of them
pass. Where they differ in a few places: those places. Else the artifact. What is proposed has been
tried on the values: under these patterns the reruns would have been the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pytest_flowrepro.diff import compare, is_allowed, judged, passes
from pytest_flowrepro.diff.rules import EXACT, Tolerance
from pytest_flowrepro.patterns import Patterns, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_flowrepro.check.job import Job
    from pytest_flowrepro.model import Artifact, Task

    Tasks: TypeAlias = tuple[Task, ...]
    Pairs: TypeAlias = "list[tuple[Artifact, Artifact]]"
    """An artifact of all tasks of a step, in two of the reruns."""

_PLACES = 5
"""As many places inside an artifact are worth a line each."""
_TRIED = 20

_RTOL, _ATOL = 1e-6, 1e-9
"""What is further apart is a difference."""
_STEP = 1.0
"""What is that far apart is a count or a clock, however large it is itself."""
_TOLERANCES = (
    (0.0, 0.0),
    *((10.0**power, 0.0) for power in range(-15, -5)),
    *((0.0, 10.0**power) for power in range(-15, -8)),
    (_RTOL, _ATOL),
)
"""rtol and atol, in the order in which they are tried."""


def proposals(job: Job, first: Tasks, again: Tasks, other: Tasks) -> tuple[str, ...]:
    """Notes: a sentence, and below it the lines to paste; none where nothing can be proposed.

    `first` and `again` ran under one hash seed, `other` under another; what differs between the
    latter two alone is no matter of patterns.
    """
    given = job.settings.patterns
    found = given
    for (step, name), pairs in sorted(_differing(first, again, other, given).items()):
        own = _proposal(step, name, pairs)
        found = Patterns(
            ignore=(*found.ignore, *own.ignore),
            rtol=(*found.rtol, *own.rtol),
            atol=(*found.atol, *own.atol),
        )
    if found == given:
        return ()
    case = f".case.{_key(job.case)}" if job.case else ""
    return (
        "what cannot be seeded or sorted repeats under these lines in pyproject.toml:",
        f"[{job.table}{case}]",
        *_toml(found, given),
    )


def _differing(
    first: Tasks, again: Tasks, other: Tasks, given: Patterns
) -> dict[tuple[str, str], Pairs]:
    """By step and name, what differs under one hash seed and that no pattern lets pass."""
    before, now, seeded = map(_artifacts, (first, again, other))
    found: dict[tuple[str, str], Pairs] = {}
    for key in before.keys() & now.keys():
        step, _, name = key
        if not (given.ignores(step, name) or is_allowed(step, before[key], now[key], given)):
            others = [side[key] for side in (now, seeded) if key in side]
            found.setdefault((step, name), []).extend((before[key], value) for value in others)
    return found


def _artifacts(tasks: Iterable[Task]) -> dict[tuple[str, tuple[int, ...], str], Artifact]:
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

    ignored = tuple(f"{whole}.{place}" for place in _places(pairs))
    if len(ignored) <= _TRIED:
        for place in ignored:
            fewer = tuple(other for other in ignored if other != place)
            ignored = fewer if repeats(fewer, _RTOL, _ATOL) else ignored
        if len(ignored) <= _PLACES and repeats(ignored, _RTOL, _ATOL):
            tried = (repeats(ignored, rtol, atol) for rtol, atol in _TOLERANCES)
            return next(filter(None, tried))
    return Patterns(ignore=(whole,))


def _repeats(step: str, one: Artifact, other: Artifact, tried: Patterns) -> bool:
    found = judged(step, one, other, tried)
    if found is None:
        return one.digest == other.digest
    return passes(found) and (found.swallowed or 0.0) < _STEP


@dataclass(kw_only=True, slots=True)
class _Probe:
    """Rules that let nothing pass, and note where two values differ."""

    seen: list[tuple[str, ...]] = field(default_factory=list)

    def ignored(self, path: tuple[str, ...]) -> bool:
        self.seen.append(path)
        return False

    def tolerance(self, path: tuple[str, ...]) -> Tolerance:  # noqa: ARG002  the protocol's
        return EXACT


def _places(pairs: Pairs) -> tuple[str, ...]:
    """The innermost places that differ; of several, those of a list are one."""
    probe = _Probe()
    for old, new in pairs:
        compare(old, new, rules=probe)
    outer = {path[:depth] for path in probe.seen for depth in range(len(path))}
    inner = sorted({path for path in probe.seen if path not in outer})
    if len(inner) > 1:
        inner = [tuple("*" if p.isdecimal() else p for p in path) for path in inner]
    globs = (".".join(p if p == "*" else quoted(p) for p in path) for path in inner if path)
    return tuple(dict.fromkeys(globs))


def _toml(found: Patterns, given: Patterns) -> Iterator[str]:
    """The keys that have more in them than before, whole: a key stands once in its table."""
    if found.ignore != given.ignore:
        yield f"ignore = {_text(list(found.ignore))}"
    for key, numbers, before in (
        ("rtol", found.rtol, given.rtol),
        ("atol", found.atol, given.atol),
    ):
        if numbers != before:
            inner = ", ".join(f"{_text(glob)} = {_number(size)}" for glob, size in numbers)
            yield f"{key} = {{ {inner} }}"


def _text(value: str | list[str]) -> str:
    """JSON that is TOML as well; patterns have no character that would have to be escaped twice."""
    return json.dumps(value, ensure_ascii=False)


def _number(size: float) -> str:
    return f"{size:g}".replace("e-0", "e-")


def _key(name: str) -> str:
    """A key of TOML (https://toml.io/en/v1.0.0#keys)."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
