from __future__ import annotations

import os
import traceback

import pytest

from pytest_flowrepro.said import (
    missing_object,
    missing_variable,
    namespace_advice,
    object_advice,
    other_namespace,
    variable_advice,
)


def test_a_variable_that_was_looked_up_in_vain_is_named() -> None:
    try:
        os.environ["NO_SUCH_VARIABLE"]
    except KeyError:
        said = traceback.format_exc()
    assert missing_variable(said) == "NO_SUCH_VARIABLE"
    assert 'env = { NO_SUCH_VARIABLE = "..." }' in variable_advice("NO_SUCH_VARIABLE", "XFlow")


def test_the_key_of_another_mapping_is_no_variable() -> None:
    try:
        {"columns": 3}["rows"]
    except KeyError:
        said = traceback.format_exc()
    assert missing_variable(said) is None


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("    Object not found:\n    Flow('IngestFlow') does not exist\n", "IngestFlow"),
        ("metaflow.exception.MetaflowNotFound: Run('A/17') does not exist", "A/17"),
        ("FileNotFoundError: 'rows.csv' does not exist", None),
    ],
)
def test_what_metaflows_client_did_not_find_is_named(said: str, path: str | None) -> None:
    assert missing_object(said) == path


def test_a_flow_that_is_missing_is_to_run_before() -> None:
    advice = object_advice("IngestFlow", "TrainFlow")
    assert '[tool.flowrepro.flow.TrainFlow]\n    after = ["IngestFlow"]' in advice
    assert "latest_run" not in advice
    assert "`Flow('IngestFlow').latest_run`" in object_advice("IngestFlow/17", "TrainFlow")


def test_a_namespace_is_named() -> None:
    said = "Object not in the current namespace:\n    Object not in namespace 'production:x'"
    assert other_namespace(said) == "production:x"
    assert "namespace(None)" in namespace_advice("production:x")
