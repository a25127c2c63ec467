"""The causes of the changes of a flow, as far as they are known. Pure.

What is known of a step is its own: its code, its decorators and its environment. A change of inputs
or of the machine may concern every step.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.pairs import paired
from pytest_flowrepro.diff.renames import renamed_steps
from pytest_flowrepro.model import Cause
from pytest_flowrepro.support.text import counted, truncate_list

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from pytest_flowrepro.model import CauseKind, Change, Environment, Recording, Step

_SHOWN = 3
"""Number of packages, files and settings that a cause names."""
_SOURCE = (".py", ".pyi", ".pyx")
_PACKAGES = frozenset({"pypi", "conda"})
"""The decorators that declare packages; those of a flow are given to its steps by Metaflow."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepCauses:
    """The steps of which something changed that may change their artifacts."""

    by_code: frozenset[str]
    """Steps with other code or other decorators, and those that only one side has. A decorator that
    declares packages does not count if they changed: that is a change of the environment."""
    may_be_code: frozenset[str] = frozenset()
    """If code changed, the steps of which it is not known whether theirs did."""
    environments: Mapping[str, str]
    """The name of the environment of each step."""
    changed_environments: frozenset[str]
    has_data: bool = False
    """True if a data file of the code package changed."""
    has_machine: bool = False
    """True if a part of the machine changed."""

    def direct(self, step: str) -> Iterator[CauseKind]:
        """Yield the kinds of all that changed before a step began; the more likely first."""
        if step in self.by_code:
            yield "code"
            return
        if step in self.may_be_code:
            yield "code"
        if self.has_data:
            yield "input"
        if self.environments.get(step) in self.changed_environments or self.has_machine:
            yield "environment"

    def has_own_environment_change(self, step: str, before: Iterable[str]) -> bool:
        """Return whether the environment changed, and is not that of a step `before`."""
        environment = self.environments.get(step)
        return environment in self.changed_environments and all(
            self.environments.get(earlier) != environment for earlier in before
        )


NO_CAUSES = StepCauses(by_code=frozenset(), environments={}, changed_environments=frozenset())


def step_causes(old: Recording, new: Recording, changes: Iterable[Change]) -> StepCauses:
    """Return what changed of the steps of `new`; `changes` are those of the two recordings."""
    changes = tuple(changes)
    environments = _environment_names(new.environments, new.steps)
    changed = frozenset(
        change.environment
        for change in changes
        if change.environment is not None and not change.declared
    )
    with_packages = {step for step, name in environments.items() if name in changed}
    return StepCauses(
        by_code=frozenset(_steps_by_code(old, new, with_packages)),
        may_be_code=frozenset(_unknown_steps(old, new) if any(map(_is_source, changes)) else ()),
        environments=environments,
        changed_environments=changed,
        has_data=any(map(_is_data, changes)),
        has_machine=any(map(_is_machine, changes)),
    )


def causes_of(old: Recording, new: Recording, changes: Iterable[Change]) -> tuple[Cause, ...]:
    """Return the causes of the differences between two recordings, the most direct ones first.

    `changes` are marked with their origins. Without a changed artifact, they are the gated changes
    of policy, code, packages and machine themselves.
    """
    changes = tuple(changes)
    known = step_causes(old, new, changes)
    first: dict[CauseKind, dict[str, None]] = {}
    for change in changes:
        if change.origin == "first" and change.step is not None:
            kinds = [*known.direct(change.step)] or ["unexplained"]
            for kind in kinds:
                first.setdefault(kind, {})[change.step] = None
    shown = [change for change in changes if change.gated or first]
    return (
        *_policy(shown),
        *_code(old, new, shown, tuple(first.get("code", ()))),
        *_inputs(shown, tuple(first.get("input", ()))),
        *_environments(shown, tuple(first.get("environment", ()))),
        *_unexplained(tuple(first.get("unexplained", ()))),
    )


def _steps_by_code(old: Recording, new: Recording, with_packages: Collection[str]) -> Iterator[str]:
    """Yield the steps with other code; `with_packages` are those whose environment changed."""
    before, now = ({step.name: step for step in side.steps} for side in (old, new))
    for name, old_step, new_step in paired(before, now):
        apart = _PACKAGES if name in with_packages else frozenset[str]()
        if old_step is None or new_step is None or _is_other_code(old_step, new_step, apart):
            yield name


def _is_other_code(old: Step, new: Step, apart: frozenset[str]) -> bool:
    """Compare two steps without the decorators that are named in `apart`."""
    before, now = ([d for d in side.decorators if d.name not in apart] for side in (old, new))
    if (old.type, before) != (new.type, now):
        return True
    return None not in {old.code, new.code} and old.code != new.code


def _unknown_steps(old: Recording, new: Recording) -> Iterator[str]:
    """Yield the steps without a digest of their code on one side, as those that did not run."""
    return (step.name for step in (*old.steps, *new.steps) if step.code is None)


def _environment_names(
    environments: Iterable[Environment], steps: Iterable[Step]
) -> dict[str, str]:
    own = {step: environment.name for environment in environments for step in environment.steps}
    base = next((environment.name for environment in environments if not environment.steps), None)
    names = {step.name: own.get(step.name, base) for step in steps}
    return {step: name for step, name in names.items() if name is not None}


def _is_data(change: Change) -> bool:
    return change.kind == "code" and not _is_source(change)


def _is_source(change: Change) -> bool:
    return change.kind == "code" and change.name.endswith(_SOURCE)


def _is_machine(change: Change) -> bool:
    return change.kind == "system" and change.environment is None


def _policy(changes: Iterable[Change]) -> Iterator[Cause]:
    settings = list(dict.fromkeys(c.setting or c.name for c in changes if c.kind == "policy"))
    if settings:
        yield Cause(kind="policy", text=f"settings changed: {truncate_list(settings, _SHOWN)}")


def _code(
    old: Recording, new: Recording, changes: Iterable[Change], first: tuple[str, ...]
) -> Iterator[Cause]:
    changes = tuple(changes)
    before, now = ({step.name for step in side.steps} for side in (old, new))
    both = tuple(step for step in first if step in before & now)
    if both:
        text = (
            f"code of {'step' if len(both) == 1 else 'steps'} {truncate_list(both, _SHOWN)} changed"
        )
        files = [c.name for c in changes if _is_source(c) and c.loaded is not False]
        yield Cause(kind="code", text=_with_names(text, files), steps=both)
    renamed = renamed_steps(old, new)
    for name, other in renamed.items():
        if name in first or other in first:
            text = f"step {name} renamed to {other}, with equal results"
            yield Cause(kind="code", text=text, steps=(name, other))
    for step in first:
        if step not in both and step not in renamed and step not in renamed.values():
            done = "added" if step in now else "removed"
            yield Cause(kind="code", text=f"step {step} {done}", steps=(step,))
    gated = [change.name for change in changes if change.kind == "code" and change.gated]
    if gated and not first:
        yield Cause(kind="code", text=_with_names(f"{counted(len(gated), 'file')} changed", gated))


def _inputs(changes: Iterable[Change], first: tuple[str, ...]) -> Iterator[Cause]:
    for change in changes:
        if change.kind == "parameter" and change.within is None:
            yield Cause(kind="input", text=f"parameter {change.name} {_delta(change)}")
        elif first and _is_data(change):
            name = posixpath.basename(change.name)
            yield Cause(kind="input", text=f"data file {name} {change.change}", steps=first)


def _environments(changes: Iterable[Change], first: tuple[str, ...]) -> Iterator[Cause]:
    changes = tuple(changes)
    requirements = _moves(c for c in changes if c.kind == "package" and c.declared)
    packages = _moves(c for c in changes if c.kind == "package" and not c.declared)
    if requirements:
        text = _with_names(f"{counted(len(requirements), 'requirement')} changed", requirements)
        yield Cause(kind="environment", text=text, steps=() if packages else first)
    if packages:
        text = _with_names(f"{counted(len(packages), 'package')} changed", packages)
        yield Cause(kind="environment", text=text, steps=first)
    for text in dict.fromkeys(
        f"interpreter {_delta(c)}" for c in changes if c.kind == "python" and not c.declared
    ):
        yield Cause(kind="environment", text=text, steps=first)
    machine = [
        f"{c.name} {c.old or 'unknown'} -> {c.new or 'unknown'}" for c in changes if _is_machine(c)
    ]
    if machine:
        text = _with_names("machine changed", machine)
        yield Cause(kind="environment", text=text, steps=first)


def _moves(changes: Iterable[Change]) -> tuple[str, ...]:
    """Return `numpy 2.4.5 -> 2.4.6`, `numpy==2.4.5 -> numpy>=2`, each once for all environments."""
    return tuple(dict.fromkeys(map(_move, changes)))


def _move(change: Change) -> str:
    name = change.name.removeprefix("requirement ")
    if change.change == "changed" and (change.old or "").startswith(name):
        return _delta(change)  # a requirement starts with its name
    return f"{name} {_delta(change)}"


def _delta(change: Change) -> str:
    match change.change:
        case "added":
            return f"added: {change.new}" if change.new else "added"
        case "removed":
            return f"removed: {change.old}" if change.old else "removed"
    return f"{change.old} -> {change.new}"


def _with_names(text: str, names: Iterable[str]) -> str:
    shown = truncate_list([*names], _SHOWN)
    return f"{text}: {shown}" if shown else text


def _unexplained(first: tuple[str, ...]) -> Iterator[Cause]:
    if first:
        text = "no change of code, inputs or environment explains it"
        yield Cause(kind="unexplained", text=text, steps=first)
