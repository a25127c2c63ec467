"""The files of the reports, such as of `--flow-repro-json`, and the terminal's summary."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from conftest import HELLO, SHARED
from report_schema import gitlab_validator, sarif_validator

from pytest_flowrepro.report import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project


def test_every_format_shows_each_change_and_xdist_writes_the_same(hello: Project) -> None:
    hello.edit("flow.py", '"hello "', '"hollow "')
    result = hello.check(*(f"--flow-repro-{form}=out/r.{form}" for form in FORMATS))
    result.stdout.fnmatch_lines(
        [
            "*= flow-repro =*",
            "drifted     flow.py::HelloFlow  3 artifacts changed*",
            "wrote out/r.json",
            "wrote out/r.md",
            "wrote out/r.html",
            "wrote out/r.sarif",
            "wrote out/r.gitlab",
        ]
    )
    changes = json_report(hello.path / "out" / "r.json")
    for form in FORMATS.keys() - {"json"}:
        text = (hello.path / "out" / f"r.{form}").read_text(encoding="utf-8")
        assert "HelloFlow" in text
        assert "greeting" in text
        assert "hollow world" in re.sub("</?mark>", "", text)
    for form, validator in {"sarif": sarif_validator(), "gitlab": gitlab_validator()}.items():
        validator.validate(json.loads((hello.path / "out" / f"r.{form}").read_bytes()))

    hello.check_apart("-n", "2", "--flow-repro-json=apart.json")
    assert json_report(hello.path / "apart.json") == changes


def json_report(file: Path) -> list[dict[str, Any]]:
    """The changes that it tells."""
    report = json.loads(file.read_bytes())
    assert report["schema"] == 1
    (flow,) = report["flows"]
    assert (flow["file"], flow["flow"], flow["case"]) == ("flow.py", "HelloFlow", None)
    assert flow["verdict"] == "drifted"
    assert set(flow["seconds"]) >= {"environment", "rerun", "capture"}
    changes: list[dict[str, Any]] = flow["changes"]
    assert [(change["kind"], change["name"]) for change in changes] == [
        ("code", "flow.py"),
        ("artifact", "greeting"),
        ("artifact", "letters"),
        ("artifact", "total"),
    ]
    code, *_, total = changes
    assert (total["change"], total["step"], total["index"]) == ("changed", "end", [])
    assert (total["old"], total["new"], total["gated"]) == ("5", "6", True)
    assert code["gated"] is False
    return changes


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_the_suite_of_junit_has_the_circumstances_of_the_run(
    unrun_project: Project, workers: tuple[str, ...]
) -> None:
    unrun_project.write("flow.py", HELLO)
    reports = ("--junitxml=r.xml", "--flow-repro-json=r.json")
    unrun_project.check_apart(*reports, "-k", "code", *workers)
    root = ET.fromstring((unrun_project.path / "r.xml").read_text())
    properties = root.iterfind("testsuite/properties/property")
    found = {entry.get("name"): entry.get("value") for entry in properties}
    run = json.loads((unrun_project.path / "r.json").read_bytes())["run"]
    for name in ("command", "version", "platform", "python", "resolution"):
        assert found[f"flowrepro.{name}"] == run[name]
    assert found["flowrepro.selection"] == "-k code"


def test_a_report_that_cannot_be_written_is_said(hello: Project) -> None:
    hello.write("taken", "a file, not a folder")
    result = hello.check("-k", "environment", "--flow-repro-json=taken/report.json")
    assert result.ret != 0
    assert "taken/report.json" in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("summary.md", "appended the report to the step summary"),
        ("", "no step summary was written: GITHUB_STEP_SUMMARY is not set"),
        (".", "ERROR: The report . cannot be written: Is a directory"),
    ],
)
def test_the_summary_of_a_step_is_appended_to_where_github_has_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, line: str
) -> None:
    project.write("flow.py", HELLO)
    project.write("summary.md", "before")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", variable)
    result = project.check("-k", "environment", "--flow-repro-step-summary")
    result.stdout.fnmatch_lines([line])
    start = "\n\n### Flow reproducibility: 1 no baseline\n" if variable == "summary.md" else ""
    assert (project.path / "summary.md").read_text().startswith(f"before{start}")


RED = "\x1b[31mno baseline  flow.py::HelloFlow"
NEITHER = "\nno baseline  flow.py::HelloFlow"


@pytest.mark.parametrize(
    ("environment", "option", "line"),
    [
        ({}, "--color=auto", RED),
        ({}, "--color=no", NEITHER),
        ({"NO_COLOR": "1"}, "--color=auto", NEITHER),
    ],
)
def test_a_verdict_is_colored_on_a_terminal_unless_the_user_says_no(
    project: Project, environment: dict[str, str], option: str, line: str
) -> None:
    project.write("flow.py", HELLO)

    shown = on_terminal(project, option, environment=environment)

    assert line in shown
    assert ("\x1b" in shown) is (line == RED)


READS_PLUGINS = """\
import contextlib

def pytest_sessionstart(session):
    for name, plugin in session.config.pluginmanager.list_name_plugin():
        for attribute in dir(plugin) if name.startswith("flowrepro") else ():
            with contextlib.suppress(TypeError):
                getattr(plugin, attribute)  # as pytest itself does until 8.4
"""


def test_a_report_does_not_depend_on_who_looks_at_the_plugins(unrun_project: Project) -> None:
    unrun_project.write("flow.py", HELLO)
    unrun_project.write("conftest.py", READS_PLUGINS)
    (flow,) = unrun_project.report()["flows"]
    assert flow["verdict"] == "no baseline"


def test_a_flow_that_reproduces_is_green(hello: Project) -> None:
    result = hello.check("--color=yes", "-k", "environment")

    result.stdout.fnmatch_lines(["\x1b[[]32menvironment reproduced  flow.py::HelloFlow*\x1b[[]0m"])


def test_without_a_terminal_there_are_no_escape_codes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PY_COLORS")  # pytester sets it
    project.write("flow.py", HELLO)

    result = project.check()

    result.stdout.fnmatch_lines(["no baseline  flow.py::HelloFlow*"])
    assert "\x1b" not in result.stdout.str()


def on_terminal(project: Project, *args: str, environment: dict[str, str]) -> str:
    """Return what a check writes to a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_COLOR")}
    kept.pop("PY_COLORS")  # pytester sets it
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "--flow-repro", *SHARED, *args],
        cwd=project.path,
        env={**kept, "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # Linux, where the other end is closed
            pass
        os.close(ours)
    return shown.decode().replace("\r\n", "\n")
