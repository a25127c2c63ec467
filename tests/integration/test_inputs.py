"""Everything that a flow is told: parameters, configs, files, variables, and where it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project

TOKEN = "s3cr3t-t0ken"


@pytest.fixture
def inputs(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    project.place_flows("inputs")
    return project


def test_every_input_reaches_the_flow_and_each_that_changes_is_flagged(inputs: Project) -> None:
    reports = [f"--flow-repro-{form}=report.{form}" for form in ("json", "md", "html")]
    result = inputs.record("-rA", "--junitxml=report.xml", *reports)
    result.assert_outcomes(passed=12)
    what_is_passed_through_is_written_nowhere(inputs, result)
    start = inputs.artifacts("ForecastFlow", "forecast")["start"]["[]"]
    assert {name: artifact["value"] for name, artifact in start.items()} == {
        "base": 3 * 2 * 7,  # settings/model.json, the JSON parameter, the default of `days`
        "price": 21.0,  # settings/rates.txt, by the config's own parser
        "capped": 12,  # the config's value in pyproject.toml
        "shout": "SALE: 5%",  # a plain config's text in pyproject.toml
        "words": 4,  # notes.txt, in latin-1
        "first_bytes": {"$bytes": "\\x89LOG"},  # logo.bin
        "mode": "dry",  # @environment, with config_expr
        "till": "till-7",  # @secrets
        "currency": "EUR",  # `env`
        "session": {"token": "[SHOP_TOKEN]", "length": len(TOKEN)},  # `env`, passed through
    }
    end = inputs.artifacts("ForecastFlow", "forecast")["end"]["[]"]
    assert end["label"]["value"] == "north/winter"  # a required parameter, a computed default

    inputs.edit("settings/model-big.json", '"base": 4', '"base": 5')
    inputs.edit("settings/rates.txt", "usd = 1", "usd = 1.1")
    inputs.edit("stock/shelf.csv", "pens,3", "pens,4")
    (inputs.path / "logo.bin").write_bytes(b"\x89LOG\x00\xfe")
    assert inputs.drift() == [  # all else reproduces
        "ForecastFlow: parameter logo changed",
        "ForecastFlow: parameter rates changed",
        "ForecastFlow@big: parameter banner changed",
        "ForecastFlow@big: parameter logo changed",
        "ForecastFlow@big: parameter model changed",
        "ForecastFlow@big: parameter rates changed",
        "ForecastFlow@big: artifact start.base changed",
        "ForecastFlow@big: artifact start.price changed",
        "ForecastFlow@big: artifact start.shout changed",
        "StockFlow: artifact start.items changed",
        "StockFlow: artifact start.total changed",
    ]


def what_is_passed_through_is_written_nowhere(inputs: Project, result: pytest.RunResult) -> None:
    assert "signed in with [SHOP_TOKEN]" in result.stdout.str()
    assert TOKEN not in result.stdout.str()
    written = {file for file in inputs.path.rglob("*") if file.is_file()}
    assert {inputs.path / f"report.{form}" for form in ("json", "md", "html", "xml")} <= written
    assert [file for file in written if TOKEN.encode() in file.read_bytes()] == []


def test_a_variable_that_is_to_be_passed_through_and_is_not_there_is_named(
    inputs: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_TOKEN")
    result = inputs.record("forecast.py", "-k", "code")
    result.assert_outcomes(errors=2, deselected=6)
    result.stdout.fnmatch_lines(
        [
            "pyproject.toml: the `env` of ForecastFlow passes through SHOP_TOKEN, which *",
            "What to do: set SHOP_TOKEN where pytest is started, *",
        ]
    )


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (
            'whom = Parameter("whom", required=True)\n    n = Parameter("how-many", required=True)',
            [
                "*HelloFlow cannot start without its required parameters how-many, whom",
                "*[[]tool.flowrepro.flow.HelloFlow[]]",
                "*parameters = { how-many = ..., whom = ... }",
            ],
        ),
        (
            'whom = os.environ["GREETED"]',
            [
                "*HelloFlow needs the environment variable `GREETED`",
                "*[[]tool.flowrepro.flow.HelloFlow[]]",
                '*env = { GREETED = "..." }*',
            ],
        ),
    ],
)
def test_what_is_missing_is_reported_with_the_line_to_add(
    project: Project, declared: str, said: list[str]
) -> None:
    source = HELLO.replace('name_to_greet = Parameter("whom", default="world")', declared)
    project.write("flow.py", "import os\n" + source)
    result = project.record("-k", "code")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(said)


def test_a_step_that_lacks_a_variable_says_so_with_the_line_to_add(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '__import__("os").environ["GREETING"]')
    result = hello.check("-k", "start")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["*set `GREETING` in `env`*", '*env = { GREETING = "..." }*'])
    hello.write(
        "pyproject.toml",
        '[tool.pytest]\n[tool.flowrepro.flow.HelloFlow]\nenv = { GREETING = "hello " }\n',
    )
    assert hello.drift() == ["HelloFlow: policy GREETING added"]
