from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import POLICY, artifact, recording

from pytest_flowrepro.diff import diff, diff_policy, without_duplicates
from pytest_flowrepro.model import Change, CodeFile, Gate, NumericProfile, Policy
from pytest_flowrepro.model.patterns import Patterns, Terms, number_at

NONE: frozenset[Gate] = frozenset()
DEFAULT = POLICY.fail_on


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


def between(old: dict[str, Any], new: dict[str, Any]) -> Change:
    """The one change between two policies that differ from the default in these fields."""
    return only(diff_policy(replace(POLICY, **old), replace(POLICY, **new), gates=NONE))


def ignoring(*ignore: str, until: date | None = None, reason: str | None = None) -> dict[str, Any]:
    terms = tuple(
        Terms(key="ignore", pattern=pattern, until=until, reason=reason)
        for pattern in ignore
        if until or reason
    )
    return {"patterns": Patterns(ignore=ignore, terms=terms)}


def tolerating(*rtol: tuple[str, float]) -> dict[str, Any]:
    return {"patterns": Patterns(rtol=rtol)}


def profile(**numeric: Any) -> dict[str, Any]:
    return {"numeric": NumericProfile(**numeric)}


SOON, LATE = date(2027, 3, 31), date(2028, 3, 31)
NOTHING: dict[str, Any] = {}
NARROW = {"fail_on": frozenset({"artifacts"})}
PASSED = {"env": (("MODE", None),)}
SMALL, LARGE = ("train", 1e-9), ("train", 0.5)

MOVED: list[tuple[dict[str, Any], dict[str, Any], str, str, bool]] = [
    (NOTHING, NARROW, "fail-on", "artifacts, environment, policy -> artifacts", True),
    (NARROW, NOTHING, "fail-on", "artifacts -> artifacts, environment, policy", False),
    (NOTHING, {"fail_on": NONE}, "fail-on", "artifacts, environment, policy -> nothing", True),
    (NOTHING, ignoring("*"), "ignore: *", "None -> ignored", True),
    (ignoring("*"), NOTHING, "ignore: *", "ignored -> None", False),
    (ignoring("a"), ignoring("a", "a.b"), "ignore: a.b", "None -> ignored", False),
    (ignoring("a.b"), ignoring("a.b", "a"), "ignore: a", "None -> ignored", True),
    (ignoring("a.?"), ignoring("a.?", "a.*"), "ignore: a.*", "None -> ignored", True),
    (
        ignoring("a", until=SOON),
        ignoring("a", until=LATE),
        "ignore: a",
        "ignored until 2027-03-31 -> ignored until 2028-03-31",
        True,
    ),
    (
        ignoring("a", until=LATE),
        ignoring("a", until=SOON),
        "ignore: a",
        "ignored until 2028-03-31 -> ignored until 2027-03-31",
        False,
    ),
    (
        ignoring("a", until=SOON),
        ignoring("a"),
        "ignore: a",
        "ignored until 2027-03-31 -> ignored",
        True,
    ),
    (NOTHING, tolerating(SMALL), "rtol: train", "None -> 1e-09", True),
    (tolerating(SMALL), tolerating(LARGE), "rtol: train", "1e-09 -> 0.5", True),
    (tolerating(LARGE), tolerating(SMALL), "rtol: train", "0.5 -> 1e-09", False),
    (tolerating(SMALL), NOTHING, "rtol: train", "1e-09 -> None", False),
    (NOTHING, tolerating(("train", 0.0)), "rtol: train", "None -> 0.0", False),
    (
        tolerating(("**", 0.5)),
        tolerating(("**", 0.5), SMALL),
        "rtol: train",
        "None -> 1e-09",
        False,
    ),
    (
        tolerating(("**", 0.5), SMALL),
        tolerating(("**", 0.5)),
        "rtol: train",
        "1e-09 -> None",
        True,
    ),
    (
        tolerating(("other", 0.5), SMALL),
        tolerating(("other", 0.5)),
        "rtol: train",
        "1e-09 -> None",
        False,
    ),
    (
        tolerating(("**", 0.5), ("train", 0.0)),
        tolerating(("train", 0.0), ("**", 0.5)),
        "rtol: order of the patterns",
        "**, train -> train, **",
        True,
    ),
    (
        tolerating(("train", 0.0), ("**", 0.5)),
        tolerating(("**", 0.5), ("train", 0.0)),
        "rtol: order of the patterns",
        "train, ** -> **, train",
        False,
    ),
    (
        {"patterns": Patterns(atol=(SMALL,))},
        {"patterns": Patterns(atol=(LARGE,))},
        "atol: train",
        "1e-09 -> 0.5",
        True,
    ),
    (NOTHING, {"env": (("MODE", "test"),)}, "env: MODE", "None -> 'test'", False),
    ({"env": (("MODE", "test"),)}, PASSED, "env: MODE", "'test' -> passed through", True),
    (PASSED, {"env": (("MODE", "test"),)}, "env: MODE", "passed through -> 'test'", False),
    ({"parameters": (("a", 1),)}, {"parameters": (("a", True),)}, "parameters: a", "1 -> ?", False),
    ({"configs": (("c", "a.json"),)}, NOTHING, "configs: c", "'a.json' -> None", False),
    (NOTHING, {"include": ("*.csv",)}, "include: *.csv", "None -> included", False),
    (NOTHING, {"cwd": "flows"}, "cwd", "the flow's own folder -> flows", False),
    ({"after": ("A", "B")}, {"after": ("B", "A")}, "after", "A, B -> B, A", False),
    (
        {"encoders": CodeFile(path="e.py", sha256="1" * 64)},
        {"encoders": CodeFile(path="e.py", sha256="2" * 64)},
        "encoders: e.py",
        f"{'1' * 12} -> {'2' * 12}",
        False,
    ),
    (NOTHING, {"conda_from_pypi": True}, "conda", "from conda -> from PyPI", False),
    (NOTHING, {"conda_channels": ("a", "b")}, "conda-channels", "the default -> a, b", False),
    (NOTHING, profile(threads=None), "threads", "1 -> machine", True),
    (profile(threads=None), profile(threads=2), "threads", "machine -> 2", False),
    (NOTHING, profile(cpu=None), "cpu", "x86-64-v3 -> machine", True),
    (NOTHING, profile(cpu="x86-64-v2"), "cpu", "x86-64-v3 -> x86-64-v2", False),
]


def name(change: Change) -> str:
    assert change.setting is not None
    return change.setting if change.setting == change.name else f"{change.setting}: {change.name}"


@pytest.mark.parametrize(("old", "new", "subject", "moved", "weakens"), MOVED)
def test_each_setting_is_one_change_with_both_values_in_words(
    old: dict[str, Any], new: dict[str, Any], subject: str, moved: str, weakens: bool
) -> None:
    change = between(old, new)
    assert name(change) == subject
    assert f"{change.old} -> {change.new}" == moved.replace("?", "True")
    assert change.weakens is weakens
    assert (change.kind, change.gated) == ("policy", True)


def test_every_field_of_a_policy_is_compared() -> None:
    compared = {key for old, new, *_ in MOVED for key in (*old, *new)}
    assert compared == {field.name for field in fields(Policy)}


def test_equal_policies_and_tolerances_of_other_places_in_another_order_do_not_differ() -> None:
    old = replace(POLICY, **tolerating(("a", 1e-3), ("b", 1e-6)))
    new = replace(POLICY, **tolerating(("b", 1e-6), ("a", 1e-3)))
    assert diff_policy(old, old, gates=DEFAULT) == ()
    assert diff_policy(old, new, gates=DEFAULT) == ()


@pytest.mark.parametrize(
    ("old", "new", "gates", "gated"),
    [
        (NONE, NONE, NONE, False),
        ({"policy"}, NONE, NONE, True),  # what removes the gate is held by it
        (NONE, {"policy"}, NONE, True),
        (NONE, NONE, {"policy"}, True),
    ],
)
def test_either_policy_gates_the_changes(old: Any, new: Any, gates: Any, gated: bool) -> None:
    before = replace(POLICY, fail_on=frozenset(old), cwd="a")
    now = replace(POLICY, fail_on=frozenset(new), cwd="b")
    changes = diff_policy(before, now, gates=frozenset(gates))
    assert {change.gated for change in changes} == {gated}


def test_a_reason_is_shown_with_its_pattern_and_fails_nothing_when_it_is_reworded() -> None:
    added = between(NOTHING, ignoring("a", reason="a clock"))
    assert added.explanation == ("reason: a clock",)
    reworded = between(ignoring("a", reason="a clock"), ignoring("a", reason="the clock"))
    assert (reworded.old, reworded.new) == ("reason: a clock", "reason: the clock")
    assert not reworded.gated
    assert not reworded.weakens
    assert between(ignoring("a", reason="x"), ignoring("a")).new == "no reason"


def test_a_large_value_is_explained_by_what_differs_in_it() -> None:
    before, now = ({"rows": list(range(50)), "name": n} for n in ("a", "b"))
    change = between({"configs": (("c", before),)}, {"configs": (("c", now),)})
    assert change.explanation == ("['name']: 'a' -> 'b'",)


def test_what_a_policy_says_reaches_no_terminal_raw() -> None:
    change = between(NOTHING, {**ignoring("a", reason="\x1b[2J"), "cwd": "\x1b"} | {"cwd": None})
    assert "\x1b" not in "".join(change.explanation)
    assert "\x1b" not in (between(NOTHING, {"cwd": "\x1b"}).new or "")
    assert "\x1b" not in (between(NOTHING, {"env": (("A", "\x1b"),)}).new or "")


# --- weakenings -----------------------------------------------------------------------

_patterns = st.sampled_from(["**", "*", "train", "train.a", "train.*", "*.a", "train.a.b", "t?ain"])
_numbers = st.lists(
    st.tuples(_patterns, st.sampled_from([0.0, 1e-6, 1e-3])), unique_by=lambda e: e[0], max_size=4
).map(tuple)
_PLACES = [("train",), ("train", "a"), ("train", "a", "b"), ("train", "c"), ("join", "a"), ("x",)]


@given(old=_numbers, new=_numbers)
def test_a_place_whose_tolerance_grew_is_never_without_the_label(old: Any, new: Any) -> None:
    policies = [replace(POLICY, patterns=Patterns(rtol=numbers)) for numbers in (old, new)]
    changes = diff_policy(*policies, gates=NONE)
    if any(number_at(new, place) > number_at(old, place) for place in _PLACES):
        assert any(change.weakens for change in changes)


_ignored = st.lists(_patterns, unique=True, max_size=4).map(tuple)


@given(old=_ignored, new=_ignored)
def test_a_place_that_is_ignored_now_is_never_without_the_label(old: Any, new: Any) -> None:
    before, now = (Patterns(ignore=ignore) for ignore in (old, new))
    policies = [replace(POLICY, patterns=patterns) for patterns in (before, now)]
    if any(now.ignores(*place) and not before.ignores(*place) for place in _PLACES):
        assert any(change.weakens for change in diff_policy(*policies, gates=NONE))


# --- what is shown already ------------------------------------------------------------


def kinds(changes: tuple[Change, ...]) -> list[tuple[str, str]]:
    return [(change.kind, change.name) for change in changes]


def test_a_parameter_and_the_encoders_are_reported_once_by_what_counts() -> None:
    code = (CodeFile(path="enc.py", sha256="11"), CodeFile(path="train.py", sha256="22"))
    settings: dict[str, Any] = {"parameters": (("alpha", 0.1),), "encoders": code[0]}
    old = replace(recording(), code=code, policy=replace(POLICY, **settings))
    encoders = CodeFile(path="enc.py", sha256="33")
    changed: dict[str, Any] = {"parameters": (("alpha", 0.2),), "encoders": encoders}
    new = replace(
        old,
        code=(encoders, code[1]),
        policy=replace(POLICY, **changed),
        parameters=(artifact("alpha", 0.2),),
    )
    # The parameter is gated by itself; the code is not, and the policy is.
    expected = [("policy", "enc.py"), ("parameter", "alpha")]
    assert kinds(without_duplicates(diff(old, new, gates=DEFAULT))) == expected
    expected = [("code", "enc.py"), ("parameter", "alpha")]
    assert kinds(without_duplicates(diff(old, new, gates=DEFAULT | {"code"}))) == expected
    # Without the artifacts' gate the parameter fails by the policy alone.
    expected = [("policy", "alpha"), ("policy", "enc.py")]
    assert kinds(without_duplicates(diff(old, new, gates=frozenset({"policy"})))) == expected


def test_a_parameter_under_another_name_is_reported_once_where_its_values_moved_alike() -> None:
    old = replace(recording(), parameters=(artifact("rate", 0.1), artifact("rows", 5)))
    new = replace(
        old,
        policy=replace(POLICY, parameters=(("learning-rate", 0.2),)),
        parameters=(artifact("rate", 0.2), artifact("rows", 5)),
    )
    assert kinds(without_duplicates(diff(old, new, gates=DEFAULT))) == [("parameter", "rate")]
    other = replace(new, parameters=(artifact("rate", 0.1), artifact("rows", 6)))
    changes = without_duplicates(diff(old, other, gates=DEFAULT))
    assert kinds(changes) == [("policy", "learning-rate"), ("parameter", "rows")]


def test_what_is_not_shown_takes_nothing_away() -> None:
    old = recording()
    policy = replace(POLICY, parameters=(("alpha", 0.2),))
    new = replace(old, policy=policy, parameters=(artifact("alpha", 0.2),))
    changes = without_duplicates(diff(old, new, gates=DEFAULT), is_shown=lambda _: False)
    assert kinds(changes) == [("policy", "alpha"), ("parameter", "alpha")]
