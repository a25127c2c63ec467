"""What becomes a test, and that collecting runs nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conftest import HELLO

if TYPE_CHECKING:
    from conftest import Project

NO_WORK = """\
import sys

def _refuse(event, args):
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "socket.connect"):
        raise RuntimeError("collecting did " + event)

sys.addaudithook(_refuse)
"""

IMPORTED = "open(__file__ + '.imported', 'w').close()\n"


def collected(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if "::" in line]


@pytest.fixture
def project(unrun_project: Project) -> Project:
    """Flows are collected here, not run."""
    return unrun_project


def test_a_flow_has_a_test_for_each_of_its_parts(project: Project) -> None:
    project.write("flows/hello-cloud.py", HELLO)
    result = project.check("--collect-only", "-q")
    assert collected(result) == [
        "flows/hello-cloud.py::HelloFlow::code",
        "flows/hello-cloud.py::HelloFlow::environment",
        "flows/hello-cloud.py::HelloFlow::step[start]",
        "flows/hello-cloud.py::HelloFlow::step[count]",
        "flows/hello-cloud.py::HelloFlow::step[end]",
    ]


def test_a_case_is_one_more_flow(project: Project) -> None:
    project.write("flow.py", HELLO)
    project.write(
        "pyproject.toml",
        '[tool.pytest]\n[tool.flowrepro.flow.HelloFlow.case.mars]\nparameters={whom="mars"}\n',
    )
    result = project.check("--collect-only", "-q", "-k", "code")
    assert collected(result) == ["flow.py::HelloFlow::code", "flow.py::HelloFlow@mars::code"]


CASES = ("mars", "über uns", "a[b]", "[0]", "a::b", "x]", "", "a/b")


def test_the_id_of_a_test_selects_it_whatever_the_name_of_its_case(project: Project) -> None:
    project.write("flow.py", HELLO)
    names = (json.dumps(case, ensure_ascii=False) for case in CASES)
    tables = "".join(f"[tool.flowrepro.flow.HelloFlow.case.{name}]\n" for name in names)
    expired = '[tool.flowrepro]\nignore = [{ pattern = "*.x", reason = "x", until = 2020-01-01 }]\n'
    project.write("pyproject.toml", f"[tool.pytest]\n{expired}{tables}")
    tests = collected(project.check("--collect-only", "-q"))
    assert len(tests) == len(set(tests)) == 5 * (1 + len(CASES))
    others_first = [*tests[1::2], *tests[::2]]
    assert collected(project.check("--collect-only", "-q", *others_first)) == others_first
    # Each is an error in the short summary, because of the pattern.
    result = project.check(*others_first)
    summary = [line for line in result.outlines if line.startswith(("ERROR flow", "FAILED flow"))]
    assert [line.split(" - ")[0].partition(" ")[2] for line in summary] == others_first


def test_collecting_starts_no_process_and_touches_no_network(project: Project) -> None:
    project.write("flow.py", HELLO)
    project.write("conftest.py", NO_WORK)
    result = project.check_apart("--collect-only", "-q")
    assert result.ret == 0
    assert len(collected(result)) == 5


def test_a_conftest_next_to_the_flows_is_honoured(project: Project) -> None:
    for folder in ("a", "b"):
        project.write(f"{folder}/flow.py", HELLO)
        project.write(f"{folder}/conftest.py", "collect_ignore = ['draft.py']\n")
        project.write(f"{folder}/draft.py", HELLO)
    result = project.check_apart("--collect-only", "-q", "-k", "code")
    assert collected(result) == ["a/flow.py::HelloFlow::code", "b/flow.py::HelloFlow::code"]


def test_a_flow_is_not_imported_even_when_it_is_named(project: Project) -> None:
    project.write("flow.py", IMPORTED + HELLO)
    result = project.check("--collect-only", "-q", "flow.py")
    assert len(collected(result)) == 5
    assert not (project.path / "flow.py.imported").exists()


def test_the_package_that_a_flow_is_in_is_not_imported(project: Project) -> None:
    project.write("flows/__init__.py", "raise AssertionError\n")
    project.write("flows/tiny.py", TINY)
    result = project.check("-k", "code")
    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["TinyFlow has no baseline yet"])


def test_a_test_module_that_mentions_flowspec_stays_a_test_module(project: Project) -> None:
    project.write("test_flow.py", HELLO + "\n\ndef test_it():\n    pass\n")
    project.write("metaflow.py", "FlowSpec = object\nParameter = lambda *a, **k: 0\nstep = id\n")
    result = project.check("--collect-only", "-q")
    assert collected(result) == ["test_flow.py::test_it"]


def test_flows_in_the_configuration_says_which_files(project: Project) -> None:
    project.write("flows/a.py", HELLO)
    project.write("drafts/b.py", HELLO)
    project.write("pyproject.toml", '[tool.pytest]\n[tool.flowrepro]\nflows = ["flows/*.py"]\n')
    result = project.check("--collect-only", "-q", "-k", "code")
    assert collected(result) == ["flows/a.py::HelloFlow::code"]
    # Named on the command line it is a flow all the same, and not a test module.
    result = project.check("--collect-only", "-q", "-k", "code", "drafts/b.py")
    assert collected(result) == ["drafts/b.py::HelloFlow::code"]


COMPANY = """\
import company

class CompanyFlow(company.Flow):
    pass

if __name__ == "__main__":
    CompanyFlow()  # on metaflow
"""


def test_a_file_that_flows_names_and_that_has_no_flow_is_an_error(project: Project) -> None:
    project.write("flows/a.py", HELLO)
    project.write("flows/b.py", "import metaflow\n" + COMPANY)
    project.write("flows/base.py", HELLO.partition("if __name__")[0])
    table = '[tool.pytest]\n[tool.flowrepro]\nflows = ["flows/a.py", "flows/b.py"]\n'
    project.write("pyproject.toml", table)
    result = project.check("--collect-only")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    said = "*flows/b.py: no flow was found: its class CompanyFlow (line 4) derives from *"
    result.stdout.fnmatch_lines([said, "What to do: *class CompanyFlow(company.Flow, FlowSpec)*"])
    for table in ("", '[tool.flowrepro]\nflows = ["flows/*.py"]\n'):
        project.write("pyproject.toml", f"[tool.pytest]\n{table}")
        result = project.check("--collect-only")
        assert result.ret == 0
        result.stdout.fnmatch_lines([f"*PytestConfigWarning: {said}"])
        result.stdout.no_fnmatch_line("*base.py*")
    result = project.check("--collect-only", "flows/base.py")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*base.py: no flow was found: it defines HelloFlow, and no call*"])


def test_a_flow_with_a_syntax_error_is_an_error_that_names_file_and_line(project: Project) -> None:
    project.write("flow.py", HELLO.replace("def start(self):", "def start(self:"))
    result = project.check()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*flow.py*line 8*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_bad_configuration_is_a_usage_error(project: Project) -> None:
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nfail_on = []\n")
    result = project.check()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*tool.flowrepro.fail_on: unknown key; did you mean*"])


TINY = """\
from metaflow import FlowSpec, step


class TinyFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TinyFlow()
"""
CODE = "TinyFlow::code"


def ids(project: Project, *args: str) -> list[str]:
    result = project.check("--collect-only", "-q", "-k", "code or test_", *args)
    assert result.ret == pytest.ExitCode.OK, result.stderr.str()
    return collected(result)


@pytest.mark.parametrize(
    ("configuration", "file"),
    [
        ('testpaths = ["tests"]\n', "jobs/tiny.py"),
        ('testpaths = ["tests"]\n', "tiny.py"),
        ('testpaths = ["tests"]\n', "tests/flows/tiny.py"),
        ('testpaths = ["tests"]\n[tool.flowrepro]\nflows = ["jobs/*.py"]\n', "jobs/tiny.py"),
        ('testpaths = ["tests"]\n[tool.flowrepro]\nflows = ["build/*"]\n', "build/tiny_test.py"),
        ('addopts = ["tests"]\n', "jobs/tiny.py"),
        ('addopts = ["--ignore=jobs"]\n[tool.flowrepro]\nflows = ["jobs/*"]\n', "jobs/tiny.py"),
        ('norecursedirs = ["jobs"]\n[tool.flowrepro]\nflows = ["jobs/*"]\n', "jobs/tiny.py"),
        ('[tool.flowrepro]\nflows = ["../shared/*.py"]\n', "../shared/tiny.py"),
    ],
)
def test_flows_are_collected_wherever_the_projects_tests_lie(
    project: Project, configuration: str, file: str
) -> None:
    project.write("p/pyproject.toml", f"[tool.pytest]\n{configuration}")
    project.write(f"p/{file}", TINY)
    project.write("p/tests/test_it.py", "def test_it():\n    pass\n")
    project.write("p/jobs/notes.txt", "")
    if "test" in configuration:
        project.write("p/jobs/test_other.py", "raise AssertionError\n")
        project.write("p/elsewhere/conftest.py", "raise AssertionError\n")
    project.pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.path / "p")
        found = ids(project)
        # pytest leaves the path out of the id of a file that lies elsewhere.
        shown = "" if file.startswith("..") else file
        assert sorted(found) == sorted([f"{shown}::{CODE}", "tests/test_it.py::test_it"])
        # What somebody asks for is all that is collected.
        if shown and "ignore" not in configuration:
            assert ids(project, "tests/test_it.py", file) == [
                "tests/test_it.py::test_it",
                f"{shown}::{CODE}",
            ]


def test_a_file_is_collected_once_whatever_links_lead_to_it(project: Project) -> None:
    project.write("flows/tiny.py", TINY)
    project.write("common/tools/__init__.py", "")
    (project.path / "flows" / "tools").symlink_to("../common/tools")
    (project.path / "common" / "tools" / "back").symlink_to("../../flows")
    (project.path / "flows" / "alias.py").symlink_to("tiny.py")
    assert ids(project) == [f"flows/tiny.py::{CODE}"]
    assert ids(project, "common") == [f"common/tools/back/tiny.py::{CODE}"]
    assert ids(project, "flows/alias.py") == [f"flows/alias.py::{CODE}"]
    assert ids(project, "flows/alias.py", "flows/tiny.py") == [f"flows/tiny.py::{CODE}"]
    project.write("pyproject.toml", '[tool.flowrepro]\nflows = ["flows/alias.py"]\n')
    assert ids(project) == [f"flows/alias.py::{CODE}"]


@pytest.mark.parametrize("args", [(), ("-k", "nothing"), ("--lf",), ("test_it.py",)])
def test_a_run_that_finds_no_flow_fails_and_says_where_it_looked(
    project: Project, args: tuple[str, ...]
) -> None:
    project.write("test_it.py", "def test_it():\n    pass\n")
    result = project.check(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"*no flow was found, so nothing is checked: *{project.path}*"
    result.stderr.fnmatch_lines([said, "What to do:*"])


def test_a_run_that_deselects_its_flows_may_pass(project: Project) -> None:
    project.write("test_it.py", "def test_it():\n    pass\n")
    project.write("tiny.py", TINY)
    project.check("-k", "test_it").assert_outcomes(passed=1, deselected=4)
    # A file that the last failures are not in is skipped as a whole.
    project.write("test_it.py", "def test_it():\n    raise AssertionError\n")
    project.check("test_it.py::test_it", "tiny.py", "-k", "test_it")
    assert project.check("--lf").ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("folder", "args"),
    [
        ("p", ("--flow-repro-md", "../out/summary.md")),
        ("p", ("--flow-repro-json", "../out/summary.md", "flows")),
        ("p/flows", ()),
        ("p", ("-c", "ci/pytest.ini", "flows")),
        (".", ("p/flows/tiny.py",)),
    ],
)
def test_the_projects_configuration_is_used_wherever_pytest_has_its_rootdir(
    project: Project, folder: str, args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("p/pyproject.toml", "[tool.flowrepro.flow.TinyFlow.case.small]\n")
    project.write("p/flows/tiny.py", TINY)
    project.write("p/ci/pytest.ini", "[pytest]\n")
    project.write("out/summary.md", "")
    if folder == "p/flows":
        project.write("p/flows/pytest.ini", "[pytest]\n")
    (project.path / "pyproject.toml").unlink()
    monkeypatch.chdir(project.path / folder)
    found = ids(project, *args)
    assert [name.partition("::")[2] for name in found] == [CODE, "TinyFlow@small::code"]


def test_a_flow_with_another_configuration_than_the_runs_is_an_error(project: Project) -> None:
    project.write("pyproject.toml", "[tool.pytest.ini_options]\n[tool.flowrepro]\n")
    project.write("a/pyproject.toml", "[tool.flowrepro]\nfail-on = ['code']\n")
    project.write("a/tiny.py", TINY)
    project.write("top.py", TINY)
    result = project.check()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    files = f"{project.path}/pyproject.toml and {project.path}/a/pyproject.toml"
    result.stdout.fnmatch_lines([f"{files} both have a table [[]tool.flowrepro[]]"])
    result = project.check("a")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*both have a table [[]tool.flowrepro[]]"])
    assert ids(project, "--rootdir", "a", "a") == [f"tiny.py::{CODE}"]
