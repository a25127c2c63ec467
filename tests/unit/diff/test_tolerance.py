from __future__ import annotations

from recordings import artifact

from pytest_flowrepro.diff.tolerance import Allowed, compare_artifact, is_allowed
from pytest_flowrepro.diff.values.rules import Tolerance
from pytest_flowrepro.model.patterns import NO_PATTERNS, Patterns

PATTERNS = Patterns(ignore=("train.report.at",), rtol=(("train.report", 1e-6),), atol=(("**", 1),))


def test_the_rules_of_an_artifact_are_those_of_the_places_inside_it() -> None:
    rules = Allowed(patterns=PATTERNS, step="train", name="report")
    assert rules.ignored(("at",))
    assert not rules.ignored(("auc",))
    assert rules.tolerance(("auc", "0")) == Tolerance(rtol=1e-6, atol=1)
    assert Allowed(patterns=PATTERNS, step="end", name="x").tolerance(()) == Tolerance(atol=1)


def test_only_what_differs_and_is_spoken_of_is_looked_into() -> None:
    one, other = artifact("report", 0.5), artifact("report", 0.6)
    assert compare_artifact("train", one, one, PATTERNS) is None
    assert compare_artifact("train", one, other, NO_PATTERNS) is None
    assert is_allowed("train", one, one, NO_PATTERNS)
    assert is_allowed("train", one, other, PATTERNS)
    assert not is_allowed("train", one, other, NO_PATTERNS)
