"""The differences between two recordings, and their places inside values."""

from pytest_flowrepro.diff.causes import causes_of
from pytest_flowrepro.diff.environments import diff_environments, diff_system
from pytest_flowrepro.diff.graph import compared_graph, uncompared_graph
from pytest_flowrepro.diff.pattern_usage import ignored_inside, unmatched, unneeded, used
from pytest_flowrepro.diff.pictures.pictures import with_pictures
from pytest_flowrepro.diff.policy import diff_policy, without_duplicates
from pytest_flowrepro.diff.recordings import (
    diff,
    diff_artifacts,
    diff_baselines,
    diff_code,
    diff_steps,
    mark_loaded,
)
from pytest_flowrepro.diff.tolerance import compare_artifact, is_allowed, is_within_tolerance
from pytest_flowrepro.diff.values.compare import compare
from pytest_flowrepro.diff.values.render import one_line
from pytest_flowrepro.diff.values.walk import Limits

__all__ = [
    "Limits",
    "causes_of",
    "compare",
    "compare_artifact",
    "compared_graph",
    "diff",
    "diff_artifacts",
    "diff_baselines",
    "diff_code",
    "diff_environments",
    "diff_policy",
    "diff_steps",
    "diff_system",
    "ignored_inside",
    "is_allowed",
    "is_within_tolerance",
    "mark_loaded",
    "one_line",
    "uncompared_graph",
    "unmatched",
    "unneeded",
    "used",
    "with_pictures",
    "without_duplicates",
]
