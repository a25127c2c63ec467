from __future__ import annotations

import pytest

from pytest_flowrepro.model.patterns import Patterns, covers, number_at, quoted, reaches

# Pattern, place, and whether the one covers the other.
COVERED = [
    ("train.score", "train/score", True),
    ("train.score", "train/score/auc/3", True),
    ("train.*", "train/score", True),
    ("train", "train/score", True),
    ("*.score", "train/score", True),
    ("train.score", "train/scores", False),
    ("train.score.auc", "train/score", False),
    ("train.metrics.*.auc", "train/metrics/valid/auc", True),
    ("train.metrics.*.auc", "train/metrics/valid/fold/auc", False),
    ("train.metrics.**.auc", "train/metrics/valid/fold/auc", True),
    ("train.metrics.**.auc", "train/metrics/auc", True),
    ("**.created_at", "start/config/created_at", True),
    ("**", "start/config", True),
    ("train.rows.*.id", "train/rows/17/id", True),
    ("train.rows.0.id", "train/rows/17/id", False),
    ("train.fold[0-4]", "train/fold3", True),
    ("train.sizes.gpt?4", "train/sizes/gpt.4", True),
    ("train.sizes.gpt.4", "train/sizes/gpt.4", False),
    ("Train.score", "train/score", False),
]


@pytest.mark.parametrize(("pattern", "place", "covered"), COVERED)
def test_a_pattern_covers_a_place_label_by_label_and_all_inside_it(
    pattern: str, place: str, *, covered: bool
) -> None:
    assert covers(pattern, tuple(place.split("/"))) is covered


@pytest.mark.parametrize(
    ("pattern", "reached"),
    [
        ("train.score", True),
        ("train.score.auc", True),
        ("train", True),
        ("**.auc", True),
        ("train.**", True),
        ("start.**", False),
        ("train.rows.auc", False),
        ("score", False),
    ],
)
def test_a_pattern_reaches_an_artifact_where_it_may_cover_something_inside(
    pattern: str, *, reached: bool
) -> None:
    assert reaches(pattern, "train", "score") is reached


def test_the_last_number_that_covers_a_place_counts() -> None:
    numbers = (("**", 1e-6), ("train.weights", 1e-4), ("train.weights.bias", 0.0))
    assert number_at(numbers, ("end", "score")) == 1e-6
    assert number_at(numbers, ("train", "weights", "0")) == 1e-4
    assert number_at(numbers, ("train", "weights", "bias")) == 0
    assert number_at(numbers[1:], ("end", "score")) == 0


@pytest.mark.parametrize("label", ["auc", "gpt.4", "a*b", "[0]", "what?", "**", "a\nb", "é"])
def test_a_quoted_label_matches_itself(label: str) -> None:
    assert covers(f"train.{quoted(label)}.x", ("train", label, "x"))
    assert not covers(f"train.{quoted(label)}", ("train", f"{label}s"))


def test_what_has_to_be_known_whole_is_what_numbers_or_inner_places_are_about() -> None:
    patterns = Patterns(
        ignore=("start.now", "*.started_at", "start.config.created_at"),
        rtol=(("train.metrics.*.auc", 1e-6), ("train.metrics.f1", 1e-6), ("end", 1e-6)),
    )
    assert patterns.artifacts() == ("start.config", "train.metrics", "end.*")
    assert Patterns(ignore=("**.created_at",)).artifacts() == ("*",)
    assert Patterns(ignore=("start.**.id",)).artifacts() == ("start.*",)
