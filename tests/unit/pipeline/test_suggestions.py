"""What is proposed for values that differ between reruns: under it they no longer do."""

from __future__ import annotations

import tomllib
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from recordings import artifact, task

from pytest_flowrepro.diff.determinism import USUAL, Attempt, Conditions, classify
from pytest_flowrepro.model import NumericProfile
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns, Terms
from pytest_flowrepro.pipeline.suggestions import machine_proposals, random_proposals
from pytest_flowrepro.settings.reader import read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Task
    from pytest_flowrepro.support.strict_json import Json


def job(
    patterns: Patterns = NO_PATTERNS,
    case: str | None = None,
    profile: NumericProfile = NumericProfile(),  # noqa: B008  frozen
) -> Any:
    settings = SimpleNamespace(patterns=patterns, numeric=profile)
    return SimpleNamespace(settings=settings, table="tool.flowrepro.flow.TrainFlow", case=case)


def tasks(*values: Json) -> tuple[Task, ...]:
    """One for each value, of a foreach over `train` that sets `report`."""
    return tuple(
        task("train", artifact("report", value), index=(position,))
        for position, value in enumerate(values)
    )


def proposals(
    job: Any, first: tuple[Task, ...], again: tuple[Task, ...], seeded: tuple[Task, ...]
) -> tuple[str, ...]:
    conditions = (USUAL, Conditions(seed=1), USUAL)
    ran = zip(conditions, (first, seeded, again), strict=True)
    attempts = [Attempt(conditions=one, tasks=tasks) for one, tasks in ran]
    return random_proposals(job, attempts, classify(attempts))


def of_machine(job: Any, one: Json, other: Json) -> tuple[str, ...]:
    """Where `other` comes of another CPU."""
    conditions = (USUAL, Conditions(seed=1, threads=True, cpu=True), Conditions(seed=1))
    ran = zip((*conditions, Conditions(threads=True)), (one, other, one, one), strict=True)
    attempts = [Attempt(conditions=conditions, tasks=tasks(value)) for conditions, value in ran]
    return machine_proposals(job, attempts, classify(attempts))


def proposed(one: Json, other: Json) -> dict[str, Any]:
    lines = proposals(job(), tasks(one), tasks(other), tasks(one))[1:]
    table: dict[str, Any] = tomllib.loads("\n".join(lines))
    own: dict[str, Any] = table["tool"]["flowrepro"]["flow"]["TrainFlow"] if table else {}
    return own


RTOL = {"rtol": {"train.report": 1e-8}}
CASES: list[tuple[str, Json, Json, dict[str, Any]]] = [
    ("a number, a little", 1.0, 1.0 + 3e-9, RTOL),
    ("numbers, a little", {"a": [1.0, 2.0]}, {"a": [1.0, 2.0 + 9e-9]}, RTOL),
    ("a number beside 0", 0.0, 3e-13, {"atol": {"train.report": 1e-12}}),
    (
        "numbers near 0 and others",
        [0.0, 1.0],
        [1e-12, 1.0 + 9e-10],
        {"atol": {"train.report": 1e-9}},
    ),
    ("a clock", 1763845706.25, 1763845709.5, {"ignore": ["train.report"]}),
    ("a number, too much", 1.0, 1.1, {"ignore": ["train.report"]}),
    ("one place", {"at": "mon", "n": 1}, {"at": "tue", "n": 1}, {"ignore": ["train.report.at"]}),
    ("one place in a list", ["a", "b"], ["a", "c"], {"ignore": ["train.report.1"]}),
    (
        "a field of all the items of a list",
        [{"id": "a", "n": 1}, {"id": "b", "n": 2}],
        [{"id": "c", "n": 1}, {"id": "d", "n": 2}],
        {"ignore": ["train.report.*.id"]},
    ),
    (
        "a place and a number",
        {"at": "mon", "auc": 1.0},
        {"at": "tue", "auc": 1.0 + 3e-9},
        {"ignore": ["train.report.at"], **RTOL},
    ),
    (
        "a name with a dot",
        {"a.b": "x", "c": 1},
        {"a.b": "y", "c": 1},
        {"ignore": ["train.report.a?b"]},
    ),
    ("another type", ["a"], {"a": 1}, {"ignore": ["train.report"]}),
    (
        "more places than are worth a line each",
        dict.fromkeys("abcdef", 1),
        dict.fromkeys("abcdef", 2),
        {"ignore": ["train.report"]},
    ),
    (
        "what is not known whole",
        {"$cut": {"type": "str", "length": 9, "digest": "1", "first": "a"}},
        {"$cut": {"type": "str", "length": 9, "digest": "2", "first": "a"}},
        {"ignore": ["train.report"]},
    ),
]


@pytest.mark.parametrize(("_", "one", "other", "lines"), CASES, ids=[case[0] for case in CASES])
def test_the_smallest_set_of_lines_is_proposed(
    _: str, one: Json, other: Json, lines: dict[str, Any]
) -> None:
    assert proposed(one, other) == lines


def test_one_pattern_is_for_all_the_tasks_of_a_step() -> None:
    first, again = tasks(1.0, 1.0), tasks(1.0 + 3e-9, 1.0 + 3e-7)
    assert proposals(job(), first, again, first)[-1] == 'rtol = { "train.report" = 1e-6 }'


def test_what_differs_under_another_hash_seed_only_is_not_a_matter_of_patterns() -> None:
    assert proposals(job(), tasks("a"), tasks("a"), tasks("b")) == ()


def test_the_lines_include_existing_patterns_as_they_replace_them() -> None:
    given = Patterns(ignore=("start.now",), rtol=(("**", 1e-9),))
    first, again = tasks({"at": "mon"}), tasks({"at": "tue"})
    found = proposals(job(given, case="a b"), first, again, first)
    assert found[1:] == (
        '[tool.flowrepro.flow.TrainFlow.case."a b"]',
        'ignore = ["start.now", "train.report.at"]',
    )
    ignored = job(Patterns(ignore=("train.report",)))
    assert proposals(ignored, first, again, first) == ()


def test_reasons_and_ends_of_what_is_given_are_kept(tmp_path: Path) -> None:
    terms = (
        Terms(key="ignore", pattern="start.now", reason='a "clock"', until=date(2027, 3, 31)),
        Terms(key="rtol", pattern="**", reason="BLAS"),
    )
    given = Patterns(ignore=("start.now",), rtol=(("**", 1e-9),), terms=terms)
    first, again = tasks({"at": "mon", "n": 1.0}), tasks({"at": "tue", "n": 1.0 + 3e-8})
    lines = proposals(job(given), first, again, first)[1:]
    (tmp_path / "pyproject.toml").write_text("\n".join(lines))
    found = read_settings(tmp_path).for_flow("TrainFlow").patterns
    assert found.ignore[0] == "start.now"
    assert len(found.ignore) == len(found.rtol) == 2
    assert found.terms == terms


def test_the_lines_are_read_back_as_settings(tmp_path: Path) -> None:
    lines = proposals(job(), tasks(1.0), tasks(1.0 + 3e-9), tasks(1.0))[1:]
    (tmp_path / "pyproject.toml").write_text("\n".join(lines))
    found = read_settings(tmp_path).for_flow("TrainFlow").patterns
    assert found == Patterns(rtol=(("train.report", 1e-8),))


# The profile, and what the other machine gave -> the end of the sentence, and the lines to paste.
PINNED = NumericProfile()
OPEN = NumericProfile(threads=1, cpu=None)
LITTLE = 1.0 + 3e-9
RECORDED = ' Recorded under threads = 1 and cpu = "x86-64-v3", as it will be checked'
DRIFTS = " It will drift on other machines; to pin it, add to pyproject.toml:"
TABLE = "[tool.flowrepro.flow.TrainFlow]"
PIN, TOLERANCE = 'cpu = "x86-64-v3"', 'rtol = { "train.report" = 1e-8 }'
ON_MACHINES = [
    (
        PINNED,
        LITTLE,
        f"{RECORDED}; to accept differences on machines that cannot apply that, add:",
        (TABLE, TOLERANCE),
    ),
    (PINNED, 2.0, RECORDED, ()),
    (OPEN, LITTLE, DRIFTS, (TABLE, PIN, "or accept the differences:", TOLERANCE)),
    (OPEN, 2.0, DRIFTS, (TABLE, PIN)),
]


@pytest.mark.parametrize(("profile", "other", "sentence", "lines"), ON_MACHINES)
def test_what_depends_on_the_machine_comes_with_a_pin_or_a_tolerance(
    profile: NumericProfile, other: float, sentence: str, lines: tuple[str, ...]
) -> None:
    what = f"depends on the machine (CPU): train.report.{sentence}"
    assert of_machine(job(profile=profile), 1.0, other) == (what, *lines)


def test_nothing_is_said_of_what_is_ignored_or_the_same_everywhere() -> None:
    assert of_machine(job(Patterns(ignore=("train",))), 1.0, 2.0) == ()
    assert of_machine(job(), 1.0, 1.0) == ()
