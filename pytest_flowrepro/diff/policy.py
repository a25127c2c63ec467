"""The differences between two policies, and which of them weaken a check. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING

from pytest_flowrepro.diff.pairs import change_of, paired
from pytest_flowrepro.diff.values.compare import compare
from pytest_flowrepro.diff.values.render import one_line
from pytest_flowrepro.model import Artifact, Change
from pytest_flowrepro.model.patterns import covers_pattern, may_overlap
from pytest_flowrepro.model.policy import MACHINE, policy_json
from pytest_flowrepro.support.text import truncate_list, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pytest_flowrepro.model import ChangeKind, Gate, Policy
    from pytest_flowrepro.model.patterns import Numbers, Terms
    from pytest_flowrepro.support.strict_json import Json

_TWINS: dict[str | None, ChangeKind] = {
    "parameters": "parameter",
    "configs": "parameter",
    "encoders": "code",
}
"""The other kind of change that a change of these settings also shows as."""


def diff_policy(old: Policy, new: Policy, *, gates: frozenset[Gate]) -> tuple[Change, ...]:
    """Return one change for each setting, pattern, variable, parameter, config and glob.

    They are gated if either policy gates them: to stop gating the policy is itself such a change. A
    reworded reason is not gated.
    """
    gated = "policy" in gates | old.fail_on | new.fail_on
    return tuple(_changes(old, new, gated=gated))


def without_duplicates(
    changes: Iterable[Change], *, is_shown: Callable[[Change], bool] = lambda _: True
) -> tuple[Change, ...]:
    """Return the changes, with one of each pair of a policy change and its twin of another kind.

    If only the change of the policy makes a test fail, it is kept, else the other one. Other
    changes count only if `is_shown` is true.
    """
    changes = tuple(changes)
    dropped: list[Change] = []
    for change in changes:
        kind = _TWINS.get(change.setting)
        twins = (c for c in changes if c.kind == kind and is_shown(c) and _same(change, c))
        twin = next(twins, None)
        if twin is not None:
            dropped.append(twin if change.gated and not twin.gated else change)
    return tuple(change for change in changes if change not in dropped)


def _same(change: Change, other: Change) -> bool:
    """Return whether a change of a setting shows as `other`.

    A parameter has the name of its attribute, which may differ from that of the command line: then
    it is the parameter with the same old and new values.
    """
    if change.name in {other.name, other.name.replace("_", "-")}:
        return True
    moved = ((change.old, other.old), (change.new, other.new))
    return other.kind == "parameter" and all(a in {None, b} for a, b in moved)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    text: str
    """The value as shown in a report."""
    exact: str
    """The value as compared."""
    reason: str | None = None
    value: Json = field(default=None, compare=False)


def _changes(old: Policy, new: Policy, *, gated: bool) -> Iterator[Change]:
    pairs = paired(dict(_policy_entries(old)), dict(_policy_entries(new)))
    for (setting, name), a, b in sorted(pairs, key=lambda pair: _SETTINGS.index(pair[0][0])):
        same = a is not None and b is not None and a.exact == b.exact
        if same and a == b:
            continue
        yield Change(
            kind="policy",
            change=change_of(a, b),
            setting=setting,
            name=name,
            old=(_reason(a) if same else a.text) if a else None,
            new=(_reason(b) if same else b.text) if b else None,
            gated=gated and not same,
            explanation=() if same else tuple(_explanation(a, b)),
            weakens=not same and _weakens(setting, name, old, new),
        )
    for setting in ("rtol", "atol"):
        sides = (old.patterns.numbers(setting), new.patterns.numbers(setting))
        yield from _reordered(setting, *sides, gated=gated)


def _reordered(setting: str, old: Numbers, new: Numbers, *, gated: bool) -> Iterator[Change]:
    """Yield a change if the order of two patterns that may cover one place has changed."""
    before, now = dict(old), dict(new)
    shared = [pattern for pattern in before if pattern in now]
    order = [pattern for pattern in now if pattern in before]
    deciding = [
        (a, b)
        for a, b in combinations(shared, 2)
        if order.index(a) > order.index(b) and may_overlap(a, b)
    ]
    if deciding:
        yield Change(
            kind="policy",
            change="changed",
            setting=setting,
            name="order of the patterns",
            old=visible(truncate_list(shared)),
            new=visible(truncate_list(order)),
            gated=gated,
            weakens=any(now[a] > now[b] for a, b in deciding),
        )


_SETTINGS = (
    "fail-on",
    "ignore",
    "rtol",
    "atol",
    "threads",
    "cpu",
    "env",
    "parameters",
    "configs",
    "include",
    "cwd",
    "after",
    "encoders",
    "conda",
    "conda-channels",
)


def _policy_entries(policy: Policy) -> Iterator[tuple[tuple[str, str], _Entry]]:
    """Yield the entries of a policy, by setting and name."""
    patterns = policy.patterns
    for pattern in patterns.ignore:
        yield ("ignore", pattern), _pattern_entry("ignored", patterns.terms_of("ignore", pattern))
    for key in ("rtol", "atol"):
        for pattern, number in patterns.numbers(key):
            yield (key, pattern), _pattern_entry(repr(number), patterns.terms_of(key, pattern))
    for name, value in policy.env:
        yield ("env", name), _value(name, value) if value is not None else _plain("passed through")
    for key, values in (("parameters", policy.parameters), ("configs", policy.configs)):
        for name, setting in values:
            yield (key, name), _value(name, setting)
    for pattern in policy.include:
        yield ("include", pattern), _plain("included")
    if policy.encoders:
        yield ("encoders", policy.encoders.path), _digest(policy.encoders.sha256)
    for key, text in (
        ("fail-on", ", ".join(sorted(policy.fail_on)) or "nothing"),
        ("cwd", policy.cwd or "the flow's own folder"),
        ("after", ", ".join(policy.after) or "no other flow"),
        ("conda", "from PyPI" if policy.conda_from_pypi else "from conda"),
        ("conda-channels", ", ".join(policy.conda_channels) or "the default"),
        ("threads", str(policy.numeric.threads or MACHINE)),
        ("cpu", policy.numeric.cpu or MACHINE),
    ):
        yield (key, key), _plain(text)


def _plain(text: str) -> _Entry:
    return _Entry(text=visible(text), exact=text)


def _digest(sha256: str) -> _Entry:
    return _Entry(text=sha256[:12], exact=sha256)


def _pattern_entry(text: str, terms: Terms) -> _Entry:
    until = f" until {terms.until}" if terms.until else ""
    return _Entry(text=f"{text}{until}", exact=f"{text}{until}", reason=terms.reason)


def _value(name: str, value: Json) -> _Entry:
    exact = json.dumps(value, sort_keys=True)
    return _Entry(text=one_line(_policy_artifact(name, exact, value)), exact=exact, value=value)


def _policy_artifact(name: str, exact: str, value: Json) -> Artifact:
    return Artifact(name=name, type="", digest=exact, value=value)


def _reason(entry: _Entry) -> str:
    return visible(f"reason: {entry.reason}") if entry.reason is not None else "no reason"


def _explanation(old: _Entry | None, new: _Entry | None) -> Iterator[str]:
    if new is not None and new.reason is not None:
        yield _reason(new)
    if old and new and None not in (old.value, new.value):
        sides = (_policy_artifact("", side.exact, side.value) for side in (old, new))
        lines = compare(*sides).lines
        if lines != (f"{old.text} -> {new.text}",):
            yield from lines


# --- weakenings -----------------------------------------------------------------------


def _weakens(setting: str, name: str, old: Policy, new: Policy) -> bool:
    """Return whether a check may fail less often with the setting as it is now."""
    match setting:
        case "fail-on":
            return not old.fail_on <= new.fail_on
        case "ignore":
            return _ignores_more(name, old, new)
        case "rtol" | "atol":
            return _tolerates_more(setting, name, old, new)
        case "env":
            return dict(new.env).get(name, "") is None
        case "threads" | "cpu":
            return policy_json(new)[setting] == MACHINE
    return False


def _ignores_more(pattern: str, old: Policy, new: Policy) -> bool:
    covering = (ignored for ignored in old.patterns.ignore if covers_pattern(ignored, pattern))
    end = _end(new, "ignore", pattern)
    return pattern in new.patterns.ignore and all(
        _end(old, "ignore", ignored) < end for ignored in covering
    )


def _tolerates_more(setting: str, pattern: str, old: Policy, new: Policy) -> bool:
    before, now = old.patterns.numbers(setting), new.patterns.numbers(setting)
    in_both = pattern in dict(before) and pattern in dict(now)
    longer = in_both and _end(new, setting, pattern) > _end(old, setting, pattern)
    return longer or _may_be_larger(pattern, before, now)


def _end(policy: Policy, setting: str, pattern: str) -> date:
    return policy.patterns.terms_of(setting, pattern).until or date.max


def _may_be_larger(name: str, old: Numbers, new: Numbers) -> bool:
    """Return whether the tolerance of a place that a pattern covers may be larger than before.

    The last pattern that covers a place decides.
    """
    before, now = dict(old).get(name), dict(new).get(name)
    if before is not None and now is not None:
        return now > before
    for pattern, number in reversed(old if before is None else new):
        smaller, larger = (number, now) if before is None else (before, number)
        assert smaller is not None
        assert larger is not None
        if larger > smaller and may_overlap(pattern, name):
            return True
        if covers_pattern(pattern, name):
            return False
    return now is not None and now > 0
