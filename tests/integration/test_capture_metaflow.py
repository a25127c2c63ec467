"""What is read back from the datastore of a real Metaflow run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flow_processes import flow_source, process_in

from pytest_flowrepro.capture.capture import Reading, capture
from pytest_flowrepro.rerun.rerun import Place, RunOptions, rerun_flow

if TYPE_CHECKING:
    from pytest_flowrepro.model import Artifact, BuiltEnvironment, Capture, TaskLog
    from pytest_flowrepro.support.strict_json import Json

FLOW = """
import dataclasses, sys
from metaflow import Config, FlowSpec, IncludeFile, Parameter, catch, current, retry, step
from shapes import Model

@dataclasses.dataclass
class Point:
    x: int

class GridFlow(FlowSpec):
    SCALE = {"factor": 2}
    alpha = Parameter("alpha", default=0.5)
    text = IncludeFile("text", default="words.txt")
    config = Config("config", default="config.json")

    @step
    def start(self):
        self.point = Point(1)
        self.model = Model({"b", "a"})
        self.rows = ["p", "q"]
        self.untouched = [1, 2]
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.letter = self.input
        self.columns = [1, 2]
        self.point.x  # loaded and stored again, not changed
        self.next(self.cell, foreach="columns")

    @retry(times=1, minutes_between_retries=0)
    @step
    def cell(self):
        print("attempt", current.retry_count)
        if current.retry_count == 0 and self.input == 2:
            self.half = "way"
            raise ValueError("the first attempt fails")
        self.value = self.letter * self.input
        self.next(self.join_cells)

    @step
    def join_cells(self, inputs):
        self.values = [one.value for one in inputs]
        self.merge_artifacts(inputs, exclude=["value"])
        self.next(self.join_rows)

    @step
    def join_rows(self, inputs):
        self.values = [one.values for one in inputs]
        self.point = inputs[0].point
        self.merge_artifacts(inputs, include=["untouched"])
        self.next(self.caught)

    @catch(var="oops")
    @step
    def caught(self):
        raise KeyError("caught")
        self.next(self.end)

    @step
    def end(self):
        self.late = 1
        print("last words")
        raise RuntimeError("the end fails")

GridFlow()  # at module level: reading artifacts must not start it again
"""
SHAPES = """
class Model:
    def __init__(self, words):
        self.words = words
"""


@pytest.fixture(scope="module")
def captured(
    metaflow_environment: BuiltEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> Capture:
    place = Place(root=tmp_path_factory.mktemp("grid") / "run").create()
    files = {"grid.py": FLOW, "shapes.py": SHAPES, "words.txt": "b a\n", "config.json": '{"lr": 1}'}
    for name, text in files.items():
        (place.copy / name).write_text(text, encoding="utf-8")
    flow = flow_source(place.copy / "grid.py", "GridFlow")
    process = process_in(metaflow_environment, place, flow, hash_seed=1)
    run = rerun_flow(process, place, RunOptions(parameters={"alpha": 0.25}, max_workers=2))
    assert not run.ok, "its last step fails"
    reading = Reading(
        process=process,
        datastore=place.datastore,
        observed=place.observed,
        workspace=place.root,
        steps=("start", "row", "cell", "join_cells", "join_rows", "caught", "end"),
        timeout=60,
    )
    return capture(run, reading)


def artifact(captured: Capture, step: str, name: str) -> Artifact:
    task = next(task for task in captured.tasks if task.step == step)
    return next(artifact for artifact in task.artifacts if artifact.name == name)


def log(captured: Capture, step: str, *index: int) -> TaskLog:
    return next(log for log in captured.logs if (log.step, log.index) == (step, index))


def test_parameters_included_files_configs_and_constants(captured: Capture) -> None:
    assert {artifact.name: artifact.value for artifact in captured.parameters} == {
        "SCALE": {"factor": 2},
        "alpha": 0.25,
        "config": {"lr": 1},
        "text": "b a\n",
    }


def test_each_artifact_is_reported_where_it_was_set_or_changed(captured: Capture) -> None:
    found = [(t.step, t.index, [a.name for a in t.artifacts]) for t in captured.tasks]
    assert found == [
        ("start", (), ["model", "point", "rows", "untouched"]),
        ("row", (0,), ["columns", "letter"]),
        ("row", (1,), ["columns", "letter"]),
        ("cell", (0, 0), ["value"]),
        ("cell", (0, 1), ["value"]),
        ("cell", (1, 0), ["value"]),
        ("cell", (1, 1), ["value"]),
        ("join_cells", (0,), ["values"]),
        ("join_cells", (1,), ["values"]),
        ("join_rows", (), ["point", "values"]),
        ("caught", (), ["oops"]),
    ]


def test_a_class_of_the_flows_own_file_is_read_without_starting_the_flow(captured: Capture) -> None:
    point = artifact(captured, "start", "point")
    assert (point.type, point.opaque) == ("__main__.Point", False)
    expected: Json = {"$dataclass": {"type": "__main__.Point", "fields": {"x": 1}}}
    assert point.value == expected


def test_an_object_of_a_local_module_is_its_class_and_attributes(captured: Capture) -> None:
    model = artifact(captured, "start", "model")
    assert (model.type, model.opaque) == ("shapes.Model", False)
    fields: Json = {"words": {"$set": ["a", "b"]}}
    assert model.value == {"$object": {"type": "shapes.Model", "fields": fields}}


def test_a_caught_exception_is_read_without_its_paths(captured: Capture) -> None:
    value = artifact(captured, "caught", "oops").value
    assert isinstance(value, dict)
    assert value["$exception"] == {
        "type": "metaflow.exception.MetaflowExceptionWrapper",
        "fields": {"type": "builtins.KeyError", "exception": "'caught'"},
    }


def test_a_retried_task_is_known_by_its_last_attempt(captured: Capture) -> None:
    assert log(captured, "cell", 0, 1).stdout == "attempt 1\n"
    assert log(captured, "cell", 0, 0).stdout == "attempt 0\n"
    assert log(captured, "cell", 0, 1).ok


def test_a_failed_step_leaves_its_words_and_no_artifacts(captured: Capture) -> None:
    failed = log(captured, "end")
    assert not failed.ok
    assert failed.stdout == "last words\n"
    assert "RuntimeError: the end fails" in failed.stderr
    assert "[MFLOG" not in failed.stderr
    assert all(task.step != "end" for task in captured.tasks)
