"""What real Metaflow says about flows, and what it says instead when it cannot."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from flow_processes import flow_source, process_in
from situations import situation

from pytest_flowrepro.describe.describe import describe_flow
from pytest_flowrepro.model import FlowDescription, NamedFile
from pytest_flowrepro.rerun.rerun import Place
from pytest_flowrepro.support.errors import DescribeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import BuiltEnvironment

    Ask = Callable[[str], FlowDescription]

BODY = """
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TrainFlow()
"""


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bytecode of Metaflow, which each description would compile again."""
    return tmp_path_factory.mktemp("bytecode")


@pytest.fixture
def ask(flows: Path, tmp_path: Path, metaflow_environment: BuiltEnvironment, bytecode: Path) -> Ask:
    """Describe TrainFlow, as flows/train.py with this text; its folder is left as it was."""

    def describe(text: str) -> FlowDescription:
        file = flows / "train.py"
        file.write_text(dedent(text), encoding="utf-8")
        place = Place(root=tmp_path / "work").create()
        process = process_in(metaflow_environment, place, flow_source(file), timeout=60)
        process = replace(process, env={**process.env, "PYTHONPYCACHEPREFIX": str(bytecode)})
        before = sorted(flows.rglob("*"))
        try:
            return describe_flow(process, situation(file, root=tmp_path), workspace=place.root)
        finally:
            assert sorted(flows.rglob("*")) == before

    return describe


def test_the_graph_in_topological_order(ask: Ask) -> None:
    described = ask("""\
        from metaflow import FlowSpec, step

        class TrainFlow(FlowSpec):
            @step
            def end(self):
                pass
            @step
            def join(self, inputs):
                self.next(self.choose)
            @step
            def choose(self):
                self.way = "go"
                self.next({"go": self.left, "no": self.right}, condition="way")
            @step
            def left(self):
                self.next(self.end)
            @step
            def right(self):
                self.next(self.end)
            @step
            def start(self):
                self.rows = [1, 2]
                self.next(self.each, foreach="rows")
            @step
            def each(self):
                self.next(self.join)

        if __name__ == "__main__":
            TrainFlow()
        """)
    assert [(step.name, step.type, step.next) for step in described.steps] == [
        ("start", "foreach", ("each",)),
        ("each", "linear", ("join",)),
        ("join", "join", ("choose",)),
        ("choose", "split-switch", ("left", "right")),
        ("left", "linear", ("end",)),
        ("right", "linear", ("end",)),
        ("end", "end", ()),
    ]


def test_decorators_as_configs_and_mutators_leave_them(ask: Ask, flows: Path) -> None:
    (flows / "config.json").write_text('{"name": "demo", "times": 3}')
    described = ask("""\
        from functools import partial
        from metaflow import (Config, FlowMutator, FlowSpec, StepMutator, config_expr, environment,
                              flowrepro_observe, kubernetes, project, retry, step,
                              user_step_decorator)

        class with_retry(FlowMutator):
            def mutate(self, mutable_flow):
                for name, one in mutable_flow.steps:
                    if name == "end":
                        one.add_decorator(retry, deco_kwargs={"times": 1})

        class with_environment(StepMutator):
            def mutate(self, mutable_step):
                mutable_step.add_decorator("environment", deco_kwargs={"vars": {"A": "1"}})

        @user_step_decorator
        def timed(step_name, flow, inputs=None, attributes=None):
            yield

        @with_retry
        @project(name=config_expr("config.name"))
        class TrainFlow(FlowSpec):
            config = Config("config", default="config.json")

            @flowrepro_observe
            @timed(limit=3)
            @retry(times=config.times)
            @environment(vars={"set": set("fbdace"), "f": partial(print, 1), "o": object()})
            @step
            def start(self):
                self.next(self.end)

            @with_environment
            @kubernetes(image="python:3.11")
            @step
            def end(self):
                pass

        if __name__ == "__main__":
            TrainFlow()
        """)
    flow_wide = {one.name: one.attributes for one in described.decorators}
    start, end = ({one.name: one.attributes for one in step.decorators} for step in described.steps)
    assert flow_wide["project"] == {"name": "demo", "branch": None, "production": False}
    assert flow_wide["with_retry"] == {}
    assert set(start) == {"environment", "retry", "timed"}
    assert start["timed"] == {"limit": 3}
    assert isinstance(start["retry"], dict)
    assert start["retry"]["times"] == 3
    assert start["environment"] == {
        "vars": {
            "f": "functools.partial(<built-in function print>, 1)",
            "o": "<object object>",
            "set": ["a", "b", "c", "d", "e", "f"],
        }
    }
    assert isinstance(end["kubernetes"], dict)
    assert end["kubernetes"]["image"] == "python:3.11"
    assert end["environment"] == {"vars": {"A": "1"}}
    assert {"retry", "with_environment"} <= set(end)


def test_parameters_and_the_files_that_defaults_name(ask: Ask, flows: Path) -> None:
    (flows / "config.json").write_text('{"rows": "rows.csv"}')
    described = ask(f"""\
from metaflow import Config, FlowSpec, IncludeFile, JSONType, Parameter, step

class TrainFlow(FlowSpec):
    alpha = Parameter("alpha-rate", default=0.1)
    needed = Parameter("needed", required=True)
    table = Parameter("table", type=JSONType, default='{{"a": 1}}')
    today = Parameter("today", default=lambda context: "computed")
    config = Config("config", default="config.json")
    parsed = Config("parsed", default="config.json", parser=lambda text: {{"a": text}})
    inline = Config("inline", default_value={{"b": 2}})
    rows = IncludeFile("rows", default=config.rows)
    model = IncludeFile("model", default=lambda context: "models/model.bin")
    broken = IncludeFile("broken", default=lambda context: 1 / 0)
    given = IncludeFile("given", required=True)
{BODY}""")
    found = {one.name: (one.type, one.required, one.default) for one in described.parameters}
    assert found == {
        "alpha-rate": ("Parameter", False, "0.1"),
        "broken": ("IncludeFile", False, None),
        "config": ("Config", False, "config.json"),
        "given": ("IncludeFile", True, None),
        "inline": ("Config", False, '{"b": 2}'),
        "model": ("IncludeFile", False, None),
        "needed": ("Parameter", True, None),
        "parsed": ("Config", False, "config.json"),
        "rows": ("IncludeFile", False, "rows.csv"),
        "table": ("Parameter", False, '{"a": 1}'),
        "today": ("Parameter", False, None),
    }
    assert described.files == tuple(
        NamedFile(source=flows / name) for name in ("config.json", "models/model.bin", "rows.csv")
    )


def test_files_that_a_mutator_adds_to_the_users_code(ask: Ask, flows: Path) -> None:
    for name in ("a.yaml", "__flowrepro__/train/b.yaml", "sub/c.yaml", "d.json"):
        (flows / name).parent.mkdir(parents=True, exist_ok=True)
        (flows / name).write_text("")
    described = ask(f"""\
from metaflow import FlowSpec, step
from metaflow.plugins.package_suffixes_mutator import package_suffixes

@package_suffixes([".yaml"])
class TrainFlow(FlowSpec):
{BODY}""")
    assert described.files == tuple(
        NamedFile(source=flows / name, place=name) for name in ("a.yaml", "sub/c.yaml")
    )


def test_modules_and_files_that_metaflow_packages_from_elsewhere(ask: Ask, tmp_path: Path) -> None:
    policy = 'METAFLOW_PACKAGE_POLICY = "include"\n'
    texts = {
        "lib/rates/__init__.py": policy,
        "lib/rates/deep/data.txt": "",
        "lib/rates/gone.pyc": "",
        "lib/single.py": policy,
        "lib/rules.py": "from metaflow import StepMutator\nclass rule(StepMutator): pass\n",
        "lib/added/__init__.py": "",
        "lib/not_asked_for.py": "",
        "code.txt": "",
        "users.txt": "",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    described = ask(f"""\
import sys
sys.path.append("../lib")
import added, not_asked_for, rates, rules, single
import json, requests
json.METAFLOW_PACKAGE_POLICY = requests.METAFLOW_PACKAGE_POLICY = "include"  # both are installed
from metaflow import FlowMutator, FlowSpec, step
from metaflow.packaging_sys import ContentType

class adds(FlowMutator):
    def add_to_package(self):
        yield "../code.txt", "a.txt"
        yield requests.__file__, "requests.py"
        yield "../users.txt", "data/b.txt", ContentType.USER_CONTENT
        yield "../made-elsewhere.txt", "c.txt", ContentType.USER_CONTENT
        yield added, None, ContentType.MODULE_CONTENT

@adds
class TrainFlow(FlowSpec):
{BODY}""")
    assert {(str(file.source.relative_to(tmp_path)), file.place) for file in described.files} == {
        ("code.txt", "a.txt"),
        ("flows/train.py", None),
        ("lib/added/__init__.py", None),
        ("lib/rates/__init__.py", None),
        ("lib/rates/deep/data.txt", None),
        ("lib/rules.py", None),
        ("lib/single.py", None),
        ("users.txt", "data/b.txt"),
    }


FAILING_CONFIG = 'Config("c", default="train.py", parser=lambda text: 1 / 0)'
HEAD = "from metaflow import Config, FlowSpec, Parameter, pypi, step\n"


@pytest.mark.parametrize(
    ("text", "what", "detail"),
    [
        (
            f"{HEAD}class TrainFlow(FlowSpec):\n{BODY.replace('self.end', 'self.nowhere')}",
            "Metaflow cannot load TrainFlow",
            "self.next() transition to an unknown step, nowhere",
        ),
        (f"{HEAD}class TrainFlow(FlowSpec): pass\nTrainFlow()", "cannot load", "one start step"),
        (
            f'{HEAD}class TrainFlow(FlowSpec):\n    c = Config("c", default="gone.json")\n{BODY}',
            "gone.json: The file for config 'c' of TrainFlow cannot be read",
            "default configuration file 'gone.json'",
        ),
        (
            f'{HEAD}class TrainFlow(FlowSpec):\n    c = Config("c", default="train.py")\n{BODY}',
            "cannot start without its config 'c': its value is not valid JSON",
            "configuration value for 'c' is not valid JSON",
        ),
        (
            f'{HEAD}class TrainFlow(FlowSpec):\n    c = Config("c", required=True)\n{BODY}',
            "TrainFlow cannot start without its config 'c'",
            "missing configuration for 'c'",
        ),
        (
            f"{HEAD}class TrainFlow(FlowSpec):\n    c = {FAILING_CONFIG}\n{BODY}",
            "cannot start without a config: its parser failed",
            "in <lambda>",
        ),
        (f"{HEAD}class TrainFlow(FlowSpec", "cannot load", "was never closed"),
    ],
)
def test_what_metaflow_says_instead(ask: Ask, text: str, what: str, detail: str) -> None:
    with pytest.raises(DescribeError) as caught:
        ask(text)
    assert what in caught.value.what
    assert detail in caught.value.detail
    assert "site-packages" not in caught.value.detail


def test_the_flow_that_was_asked_for_among_several(ask: Ask) -> None:
    text = f"{HEAD}class TrainFlow(FlowSpec):\n{BODY}"
    other = text.replace("TrainFlow", "OtherFlow")
    assert ask(other + text).name == "TrainFlow"
