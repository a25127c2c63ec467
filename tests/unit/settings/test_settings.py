from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import NumericProfile
from pytest_flowrepro.model.patterns import Patterns, Terms
from pytest_flowrepro.settings.keys import Scope, known_keys
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.settings.settings import FlowSettings, Settings
from pytest_flowrepro.settings.variables import PassedThrough
from pytest_flowrepro.support.errors import SettingsError

if TYPE_CHECKING:
    from pytest_flowrepro.support.strict_json import Json

PAGE = Path(__file__).parents[3].joinpath("docs/reference/configuration.md").read_text("utf-8")


def settings(folder: Path, text: str) -> Settings:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return read_settings(folder)


def test_without_a_file_or_a_table_everything_is_the_default(tmp_path: Path) -> None:
    assert read_settings(tmp_path).for_flow("TrainFlow") == FlowSettings()
    assert settings(tmp_path, "[project]\nname = 'x'\n").flows is None


def test_a_flow_inherits_from_the_project_and_a_case_from_its_flow(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [tool.flowrepro]
        timeout = 30
        ignore = ["*.started_at"]
        groups = ["flows"]
        [tool.flowrepro.flow.TrainFlow]
        parameters = { alpha = 0.1, rows = 1000 }
        extras = ["plots"]
        timeout = 60
        [tool.flowrepro.flow.TrainFlow.case.small]
        parameters = { rows = 100 }
        """,
    )
    assert found.for_flow("OtherFlow").timeout == 30
    assert found.for_flow("TrainFlow").timeout == 60
    assert found.cases("TrainFlow") == (None, "small")
    small = found.for_flow("TrainFlow", "small")
    assert small.parameters == {"alpha": 0.1, "rows": 100}
    assert (small.timeout, small.patterns.ignore) == (60, ("*.started_at",))
    assert (small.extras, small.groups) == (("plots",), ("flows",))


def test_tasks_are_forked_unless_a_flow_says_no(tmp_path: Path) -> None:
    found = settings(tmp_path, "[tool.flowrepro.flow.TrainFlow]\nwarm = false\n")
    assert (found.for_flow("TrainFlow").warm, found.for_flow("OtherFlow").warm) == (False, True)


def test_a_setting_of_the_project_is_switched_off_for_a_flow_or_a_case(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [tool.flowrepro]
        conda = "pypi"
        wheelhouse = "wheels"
        encoders = "encoders.py"
        requirements = "requirements.txt"
        cwd = "jobs"
        max-workers = 2
        rtol = 1e-6
        atol = { "*.weights" = 1e-9 }
        env = { MODE = "test", TOKEN = { pass = true } }
        [tool.flowrepro.flow.TrainFlow]
        conda = false
        wheelhouse = false
        encoders = false
        requirements = false
        cwd = false
        max-workers = false
        rtol = false
        atol = false
        env = { MODE = false, TOKEN = false }
        [tool.flowrepro.flow.OtherFlow.case.small]
        wheelhouse = false
        env = { TOKEN = false }
        """,
    )
    assert found.for_flow("TrainFlow") == FlowSettings()
    small, other = found.for_flow("OtherFlow", "small"), found.for_flow("OtherFlow")
    assert (small.wheelhouse, small.env) == (None, {"MODE": "test"})
    assert other.wheelhouse == str(tmp_path / "wheels")
    assert small.encoders == "encoders.py"


@pytest.mark.parametrize(
    "table", ["flow-repro", "flowrepo", "flow_repro", "pytest-flowrepro", "FlowRepro", "flowrepros"]
)
def test_a_table_under_another_name_is_an_error_and_not_left_unread(
    tmp_path: Path, table: str
) -> None:
    with pytest.raises(SettingsError, match=r"unknown table; did you mean `tool\.flowrepro`\?"):
        settings(tmp_path, f"[tool.{table}]\nfail-on = ['code']\n")


@pytest.mark.parametrize("table", ["flow", "workflow", "flowfile", "pytest", "repro", "flit"])
def test_a_table_of_another_tool_is_left_alone(tmp_path: Path, table: str) -> None:
    assert settings(tmp_path, f"[tool.{table}]\nx = 1\n").flows is None


def test_what_has_names_is_merged_by_name(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [tool.flowrepro]
        env = { MODE = "test", LEVEL = "1" }
        [tool.flowrepro.flow.TrainFlow]
        env = { LEVEL = "2", TOKEN = { pass = true } }
        configs = { model = "model.json" }
        [tool.flowrepro.flow.TrainFlow.case.big]
        configs = { limits = { rows = 9 } }
        """,
    )
    assert found.for_flow("OtherFlow").env == {"MODE": "test", "LEVEL": "1"}
    big = found.for_flow("TrainFlow", "big")
    assert big.env == {"MODE": "test", "LEVEL": "2", "TOKEN": PassedThrough()}
    assert big.configs == {"model": "model.json", "limits": {"value": {"rows": 9}}}


@pytest.mark.parametrize(
    ("written", "config"),
    [
        ('"small.json"', "small.json"),
        ('{ file = "small.json" }', "small.json"),
        ('{ value = "hello" }', {"value": "hello"}),
        ('{ value = "" }', {"value": ""}),
        ("{ value = { rows = 9 } }", {"value": {"rows": 9}}),
        ('{ value = { value = "hello" } }', {"value": {"value": "hello"}}),
        ('{ value = { file = "x" } }', {"value": {"file": "x"}}),
        ("{ rows = 9 }", {"value": {"rows": 9}}),
        ("{ file = 9 }", {"value": {"file": 9}}),
        ('{ value = "hello", rows = 9 }', {"value": {"value": "hello", "rows": 9}}),
        ("{}", {"value": {}}),
        ("[1, 2]", {"value": [1, 2]}),
        ("true", {"value": True}),
    ],
)
def test_a_config_is_a_file_or_a_value(tmp_path: Path, written: str, config: Json) -> None:
    found = settings(tmp_path, f"[tool.flowrepro.flow.TrainFlow]\nconfigs = {{ c = {written} }}")
    assert found.for_flow("TrainFlow").configs == {"c": config}


def test_tolerances_are_merged_by_pattern_and_the_own_come_last(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [tool.flowrepro]
        rtol = { "*.metrics" = 1e-6, "*.weights" = 1e-4 }
        [tool.flowrepro.flow.TrainFlow]
        rtol = { "*.metrics" = 0 }
        atol = { "train.weights" = 1e-9 }
        [tool.flowrepro.flow.TrainFlow.case.small]
        rtol = 1e-3
        """,
    )
    train = (("*.weights", 1e-4), ("*.metrics", 0.0))
    assert found.for_flow("TrainFlow").patterns == Patterns(
        rtol=train, atol=(("train.weights", 1e-9),)
    )
    assert found.for_flow("TrainFlow", "small").patterns.rtol == (*train, ("**", 1e-3))


DAY = date(2027, 3, 31)


def test_a_pattern_may_have_a_reason_and_an_end(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [tool.flowrepro]
        ignore = ["start.at", { pattern = "a.b", reason = "drawn anew", until = "2027-03-31" }]
        rtol = { "**" = { tolerance = 1e-6, until = 2027-03-31 }, "a" = 0 }
        atol = { "tolerance" = 1, "b" = { tolerance = 2, reason = "rounded" } }
        [tool.flowrepro.flow.TrainFlow]
        rtol = { "**" = 1e-9 }
        [tool.flowrepro.flow.OtherFlow]
        ignore = [{ pattern = "c" }]
        """,
    )
    drawn = Terms(key="ignore", pattern="a.b", reason="drawn anew", until=DAY)
    ending = Terms(key="rtol", pattern="**", until=DAY)
    rounded = Terms(key="atol", pattern="b", reason="rounded")
    atol = (("tolerance", 1.0), ("b", 2.0))
    assert found.project.patterns == Patterns(
        ignore=("start.at", "a.b"),
        rtol=(("**", 1e-6), ("a", 0.0)),
        atol=atol,
        terms=(drawn, ending, rounded),
    )
    assert found.for_flow("TrainFlow").patterns == Patterns(
        ignore=("start.at", "a.b"),
        rtol=(("a", 0.0), ("**", 1e-9)),
        atol=atol,
        terms=(drawn, rounded),
    )
    assert found.for_flow("OtherFlow").patterns.terms == (ending, rounded)
    places = [terms.place for terms in found.for_flow("OtherFlow").patterns.terms]
    assert places == ["tool.flowrepro.rtol", "tool.flowrepro.atol"]


def test_a_pattern_holds_on_its_last_day_and_is_past_on_the_next(tmp_path: Path) -> None:
    found = settings(
        tmp_path, "[tool.flowrepro]\nignore = [{ pattern = 'a', until = 2027-03-31 }]\n"
    )
    patterns = found.project.patterns
    assert patterns.expired(DAY) == ()
    assert patterns.expired(date(2027, 4, 1)) == patterns.terms


def test_the_channels_of_conda_packages_may_be_those_of_one_flow(tmp_path: Path) -> None:
    project = settings(
        tmp_path,
        """
        [tool.flowrepro]
        conda-channels = ["conda-forge"]
        flow.TrainFlow.conda-channels = ["https://conda.corp/ml", "conda-forge"]
        flow.TrainFlow.conda = "pypi"
        """,
    )
    train, other = project.for_flow("TrainFlow"), project.for_flow("OtherFlow")
    assert train.conda_channels == ("https://conda.corp/ml", "conda-forge")
    assert (train.conda_from_pypi, other.conda_from_pypi) == (True, False)
    assert other.conda_channels == ("conda-forge",)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("wheels", "{root}/wheels"),
        ("../wheels", "{root.parent}/wheels"),
        ("/srv/wheels", "/srv/wheels"),
        ("~/wheels", "{home}/wheels"),
        ("s3://bucket/wheels", "s3://bucket/wheels"),
    ],
)
def test_a_wheelhouse_is_a_url_or_a_folder_seen_from_the_file(
    tmp_path: Path, given: str, found: str
) -> None:
    project = settings(
        tmp_path,
        f"[tool.flowrepro]\nwheelhouse = 'unused'\nflow.TrainFlow.wheelhouse = '{given}'\n",
    )
    expected = found.format(root=tmp_path, home=Path.home())
    assert project.for_flow("TrainFlow").wheelhouse == expected
    assert project.for_flow("OtherFlow").wheelhouse == str(tmp_path / "unused")


def test_credentials_in_a_value_of_the_wrong_type_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, "[tool.flowrepro]\nwheelhouse = ['s3://bob:hunter2@bucket/w']\n")
    assert "wheelhouse: must be a folder or a URL, or false, not an array" in caught.value.what
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("fail_on = []", "tool.flowrepro.fail_on: unknown key; did you mean `fail-on`"),
        ("nonsense = 1", "tool.flowrepro.nonsense: unknown key; known: flows, "),
        ('fail-on = ["speed"]', "tool.flowrepro.fail-on: must be a list out of "),
        ('fail-on = ["artifact"]', "not an array (['artifact']); did you mean `artifacts`?"),
        ('fail-on = ["artifacts", "Enviroment"]', "; did you mean `environment`?"),
        ('values = "ful"', "not a string ('ful'); did you mean `full`?"),
        ('conda = "PyPI"', "not a string ('PyPI'); did you mean `pypi`?"),
        ("conda = true", 'tool.flowrepro.conda: must be "pypi" or false, not a boolean (True)'),
        ("wheelhouse = true", "must be a folder or a URL, or false, not a boolean (True)"),
        (
            "record-runs = false",
            "tool.flowrepro.record-runs: must be an integer from 1 to",
        ),
        ("timeout = true", "tool.flowrepro.timeout: must be a number of seconds above 0, not a b"),
        ("timeout = 0", "tool.flowrepro.timeout: must be a number of seconds above 0"),
        ("timeout = nan", "tool.flowrepro.timeout: must be a number of seconds above 0"),
        (
            'record-runs = "2"',
            "tool.flowrepro.record-runs: must be an integer from 1 to 11, not",
        ),
        (
            "record-runs = 12",
            "tool.flowrepro.record-runs: must be an integer from 1 to 11, not",
        ),
        (
            'values = "all"',
            'tool.flowrepro.values: must be "summary", "full", or a number of bytes',
        ),
        ("values = true", "tool.flowrepro.values: must be"),
        ("values = -1", "tool.flowrepro.values: must be"),
        ("values = 100_000_001", "a number of bytes up to 100_000_000, not an integer"),
        ('flows = "flows/*.py"', "tool.flowrepro.flows: must be a list of globs, not a string"),
        ('ignore = "start.rows"', "tool.flowrepro.ignore: must be a list of patterns like"),
        ("ignore = [1]", "tool.flowrepro.ignore: must be a list of patterns like"),
        ("ignore = [{}]", "tool.flowrepro.ignore[0].pattern: is missing; it must be a pattern"),
        ('ignore = [{ pattern = "a..b" }]', "tool.flowrepro.ignore: `a..b` has an empty label"),
        (
            'ignore = ["a", { pattern = "a", reson = "x" }]',
            "tool.flowrepro.ignore[1].reson: unknown key; did you mean `reason`?",
        ),
        (
            'ignore = [{ pattern = "a", reason = 1 }]',
            "tool.flowrepro.ignore[0].reason: must be a sentence, not an integer (1)",
        ),
        (
            'ignore = [{ pattern = "a", until = "soon" }]',
            "ignore[0].until: must be a day like 2027-03-31, not a string ('soon')",
        ),
        ('ignore = [{ pattern = "a", until = "20270331" }]', "until: must be a day like"),
        ('ignore = [{ pattern = "a", until = "2027-02-30" }]', "until: must be a day like"),
        ('ignore = [{ pattern = "a", until = 2027-03-31T00:00:00 }]', "until: must be a day like"),
        ('ignore = [{ pattern = "a", until = 20270331 }]', "until: must be a day like"),
        (
            'rtol = { "a.b" = { reason = "x" } }',
            'tool.flowrepro.rtol."a.b".tolerance: is missing; it must be a finite number',
        ),
        (
            'atol = { "a.b" = { tolerence = 1 } }',
            'atol."a.b".tolerence: unknown key; did you mean `tolerance`?',
        ),
        (
            'rtol = { "a.b" = { tolerance = -1 } }',
            'rtol."a.b".tolerance: must be a finite number that is 0 or above, not an integer',
        ),
        ('ignore = ["start..rows"]', "tool.flowrepro.ignore: `start..rows` has an empty label"),
        ('ignore = ["start.rows[*].id"]', "`start.rows[*].id` has `[*]`: positions are labels"),
        ("rtol = -1e-6", "tool.flowrepro.rtol: must be a finite number that is 0 or above, or a t"),
        ("rtol = nan", "tool.flowrepro.rtol: must be a finite number that is 0 or above, or a ta"),
        ("atol = inf", "tool.flowrepro.atol: must be a finite number that is 0 or above, or a ta"),
        (f"atol = 1{'0' * 400}", "tool.flowrepro.atol: must be a finite number that is 0 or abo"),
        ("rtol = true", "tool.flowrepro.rtol: must be a finite number that is 0 or above, or a t"),
        ('rtol = { "" = 1 }', "tool.flowrepro.rtol: `` has an empty label"),
        ('rtol = { "a.b" = "1" }', "rtol: `a.b` must have a finite number that is 0 or above, no"),
        ("rtol = { train.weights = 1e-6 }", "; put a pattern in quotes"),
        ("flow.A.rtol = { x = nan }", "tool.flowrepro.flow.A.rtol: `x` must have a finite number"),
        ("flow = 3", "tool.flowrepro.flow: must be a table, not an integer (3)"),
        ("parameters = {}", "tool.flowrepro.parameters: unknown key"),
        ("flow.A.flows = []", "tool.flowrepro.flow.A.flows: unknown key"),
        (
            "flow.A.includes = []",
            "flow.A.includes: unknown key; did you mean `include`",
        ),
        ("flow.A.case.b.case = {}", "tool.flowrepro.flow.A.case.b.case: unknown key"),
        ("flow.A.parameters.day = 2026-01-02", "flow.A.parameters: must be a table of values"),
        ("flow.A.encoders = ['a.py']", "flow.A.encoders: must be a path, or false, not an array"),
        ("flow.A.requirements = ''", "flow.A.requirements: must be a path, or false, not a string"),
        ('extras = "plots"', "tool.flowrepro.extras: must be a list of extras, not a string"),
        ("groups = [1]", "tool.flowrepro.groups: must be a list of dependency groups, not an arr"),
        ("warm = 1", "tool.flowrepro.warm: must be true or false, not an integer (1)"),
        ("max-workers = 0", "tool.flowrepro.max-workers: must be an integer above 0, or false, no"),
        ('cwd = "../x"', "tool.flowrepro.cwd: must be a folder, relative to this file"),
        ('cwd = "/x"', "tool.flowrepro.cwd: must be a folder, relative to this file"),
        ('after = ["B"]', "tool.flowrepro.after: unknown key"),
        ('flow.A.after = "B"', "flow.A.after: must be a list of flows, not a string ('B')"),
        ("flow.A.configs = { a = 1979-05-27 }", "flow.A.configs: must be a table of files"),
        ("flow.A.configs = 3", "flow.A.configs: must be a table of files (strings) and values"),
        ("env = 3", "tool.flowrepro.env: must be a table, not an integer (3)"),
        ("env.MODE = 3", "env.MODE: must be a string, or { pass = true } to take it"),
        ("env.MODE = { pass = 1 }", "env.MODE: must be a string, or { pass = true }"),
        ('env.HOME = "x"', "tool.flowrepro.env.HOME: is reserved: the rerun sets it"),
        ('env.FLOWREPRO_X = "x"', "env.FLOWREPRO_X: is reserved: the rerun sets it"),
        ('env."A=B" = "x"', "env.A=B: not a valid name of an environment variable"),
    ],
)
def test_a_key_that_cannot_be_meant_is_named(tmp_path: Path, table: str, problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, f"[tool.flowrepro]\n{table}\n")
    assert problem in str(caught.value)
    assert str(tmp_path / "pyproject.toml") in str(caught.value)
    assert "What to do: correct the keys" in str(caught.value)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, "[tool.flowrepro]\ntimeout = -1\nflow.A.x = 1\n")
    assert "tool.flowrepro.timeout" in caught.value.what
    assert "tool.flowrepro.flow.A.x" in caught.value.what


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"pyproject\.toml cannot be read: .*line 1"):
        settings(tmp_path, "[tool\n")


def test_flows_names_files(tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    flow = tmp_path / "flows" / "train.py"
    flow.touch()
    found = settings(tmp_path, '[tool.flowrepro]\nflows = ["flows/*.py"]')
    assert found.flow_files() == frozenset({flow})


def test_a_pattern_of_flows_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    found = settings(tmp_path, '[tool.flowrepro]\nflows = ["flow/*.py"]')
    with pytest.raises(SettingsError, match=r"flows: `flow/\*\.py` matches no file"):
        found.flow_files()


def test_the_numeric_profile_is_inherited_key_by_key(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        [tool.flowrepro]
        threads = 2
        [tool.flowrepro.flow.TrainFlow]
        cpu = "machine"
        [tool.flowrepro.flow.TrainFlow.case.big]
        threads = "machine"
        cpu = "x86-64-v4"
        """,
    )
    assert FlowSettings().numeric == NumericProfile(threads=1, cpu="x86-64-v3")
    assert found.for_flow("OtherFlow").numeric == NumericProfile(threads=2, cpu="x86-64-v3")
    assert found.for_flow("TrainFlow").numeric == NumericProfile(threads=2, cpu=None)
    big = found.for_flow("TrainFlow", "big").numeric
    assert big == NumericProfile(threads=None, cpu="x86-64-v4")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("threads = 0", r'threads: must be an integer above 0 or "machine", not an integer \(0\)'),
        ("threads = true", "threads: must be an integer above 0"),
        ('threads = "all"', "threads: must be an integer above 0"),
        ('cpu = "haswell"', 'cpu: must be one of "x86-64-v2", "x86-64-v3", "x86-64-v4", or "machi'),
        ('cpu = "x86_64_v3"', "did you mean `x86-64-v3`?"),
        ('threads = "machines"', "did you mean `machine`?"),
        ("cpu = 3", "cpu: must be one of"),
        ("cpu = []", "cpu: must be one of"),
    ],
)
def test_a_profile_that_does_not_exist_is_refused(line: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=error):
        settings(tmp_path, f"[tool.flowrepro]\n{line}\n")


DOCUMENTED = re.findall(r"(?m)^\| `([\w-]+)` \| (project|all|flow, case) \| (.*?) \|", PAGE)
"""Key, tables and default of each row of the documentation's table."""


def test_the_documentation_has_every_key_and_its_tables() -> None:
    scopes: dict[Scope, str] = {"project": "project", "flow": "flow, case", "all": "all"}
    declared = {
        (key, tables)
        for scope, tables in scopes.items()
        for settings in (Settings, FlowSettings)
        for key in known_keys(settings, scope)
    }

    assert {(key, tables) for key, tables, _ in DOCUMENTED} == declared
    assert len(DOCUMENTED) == len(declared)


@pytest.mark.parametrize(
    ("key", "tables", "value"),
    [
        (key, tables, default[1:-1])
        for key, tables, default in DOCUMENTED
        if re.fullmatch("`[^`]+`", default)
    ],
)
def test_a_documented_default_is_the_default(
    tmp_path: Path, key: str, tables: str, value: str
) -> None:
    table = "tool.flowrepro" if tables == "project" else "tool.flowrepro.flow.TrainFlow"
    found = settings(tmp_path, f"[{table}]\n{key} = {value}\n")

    assert found.for_flow("TrainFlow") == FlowSettings()
    assert replace(found, by_flow={}) == Settings(file=tmp_path / "pyproject.toml")


def test_the_documentation_names_the_keys_that_false_switches_off(tmp_path: Path) -> None:
    (listed,) = re.findall(
        r"`false` switches off, .*?: (.*?), and each variable of `env`", PAGE.replace("\n", " ")
    )
    accepted = set()
    for key, _, _ in DOCUMENTED:
        with contextlib.suppress(SettingsError):
            settings(tmp_path, f"[tool.flowrepro.flow.TrainFlow]\n{key} = false\n")
            accepted.add(key)

    assert accepted - {"warm"} == set(re.findall("`([^`]+)`", listed))
