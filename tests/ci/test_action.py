"""The steps of the action that run something, in bash."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ci_files import ROOT, load
from flow_reports import REPRODUCED, report_of
from recorded_repository import FLOW

from pytest_flowrepro.model import VERDICTS, Shard, SplitFlow
from pytest_flowrepro.report import render_json

if TYPE_CHECKING:
    from ci_files import Runner

    from pytest_flowrepro.model import Verdict

STEPS = {step["name"]: step for step in load(ROOT / "action.yml")["runs"]["steps"] if "run" in step}
PYTHON = """\
if [ "$2" = venv ]; then
  mkdir -p "$3/bin"
  cp "$0" "$3/bin/python"
else
  printf '%s\\n' "$@" > "$LOG"
fi"""


@pytest.mark.parametrize(
    ("requirements", "installed"),
    [
        ("", [str(ROOT)]),
        ("pytest-flowrepro[conda] -r dev.txt", ["pytest-flowrepro[conda]", "-r", "dev.txt"]),
        ("'numpy < 3'\n$(touch injected)", ["numpy < 3", "$(touch", "injected)"]),
    ],
)
def test_requirements_replace_the_plugin_of_the_action(
    runner: Runner, requirements: str, installed: list[str]
) -> None:
    runner.install("python3", PYTHON)
    log, venv = runner.venv / "log", runner.venv / "new"
    code = runner.run_step(
        STEPS["Install pytest-flowrepro"],
        PYTHON=str(runner.venv / "bin/python3"),
        VENV=str(venv),
        REQUIREMENTS=requirements,
        LOG=str(log),
    )
    assert code == 0
    assert log.read_text().splitlines() == ["-m", "pip", "install", "pytest-xdist", *installed]


def test_a_failed_installation_fails(runner: Runner) -> None:
    runner.install("python3", PYTHON.replace("printf", "exit 1 #"))
    variables = {"PYTHON": str(runner.venv / "bin/python3"), "VENV": str(runner.venv / "new")}
    step = STEPS["Install pytest-flowrepro"]
    assert runner.run_step(step, **variables, REQUIREMENTS="") == 1
    assert runner.run_step(step, **variables, REQUIREMENTS="pytest-flowrepro") != 0


@pytest.mark.parametrize("versions", ["3.9.18\n3.11.7", "3.11.7", ""])
def test_the_python_versions_are_an_output_of_several_lines(runner: Runner, versions: str) -> None:
    status = 0 if versions else 2
    runner.install("flowrepro", f"[ \"$*\" = 'python --all' ] && echo '{versions}'; exit {status}")
    assert runner.run_step(STEPS["Read the Python versions of the baselines"]) == 0
    first, *lines, last = runner.output.read_text().splitlines()
    assert first == f"versions<<{last}"
    assert "\n".join(lines) == versions


@pytest.mark.parametrize("code", ["0", "1", "4"])
def test_the_last_step_ends_as_the_check_did(runner: Runner, code: str) -> None:
    step = STEPS["End with the exit code of the check"]
    assert runner.run_step(step, EXIT_CODE=code) == int(code)


# --- check ----------------------------------------------------------------------------

PYTEST = """\
printf '%s\\n' "$@" > arguments
for option; do
  case $option in --flow-repro-json=*) cp report.json "${option#*=}" ;; esac
done
exit 1"""


def outputs(runner: Runner) -> dict[str, str]:
    return dict(line.split("=", 1) for line in runner.output.read_text().splitlines())


def check(runner: Runner, **inputs: str) -> dict[str, str]:
    defaults = {"ARGS": "", "FRESH": "false", "MERGE": "", "UPDATE": "false"}
    done = runner.run_script("check.py", **defaults | inputs)
    assert done.returncode == 0, done.stderr
    return outputs(runner)


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        ({}, []),
        ({"UPDATE": "true"}, ["--flow-repro-update"]),
        ({"FRESH": "true"}, ["--flow-repro-env=fresh"]),
        ({"ARGS": "-k 'train or fit' -x; true"}, ["-k", "train or fit", "-x;", "true"]),
    ],
)
def test_inputs_become_options_of_pytest(
    runner: Runner, inputs: dict[str, str], options: list[str]
) -> None:
    runner.install("pytest", PYTEST)
    (runner.project / "report.json").write_text('{"flows": []}')
    check(runner, **inputs)
    arguments = (runner.project / "arguments").read_text().splitlines()
    assert arguments[0] == "--flow-repro"
    assert arguments[arguments.index("--flow-repro-step-summary") + 1 :] == options


def report(*verdicts: str) -> str:
    return json.dumps({"flows": [{"verdict": verdict} for verdict in verdicts]})


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        *((report("resolved", verdict), verdict) for verdict in VERDICTS),
        *((report(*pair), pair[1]) for pair in pairwise(VERDICTS)),
        (report(), "error"),
    ],
)
def test_the_worst_verdict_is_an_output(
    runner: Runner, tmp_path: Path, text: str, verdict: str
) -> None:
    runner.install("pytest", PYTEST)
    (runner.project / "report.json").write_text(text)
    reports = str(tmp_path / "reports")
    found = check(runner)
    assert found == {"exit-code": "1", "reports": reports, "verdict": verdict}


def test_a_session_without_a_report_is_an_error(runner: Runner) -> None:
    runner.install("pytest", "exit 3")
    found = check(runner)
    assert (found["exit-code"], found["verdict"]) == ("3", "error")


def test_what_a_review_needs_is_kept_with_the_reports(runner: Runner, tmp_path: Path) -> None:
    runner.install("pytest", "exit 1")
    (runner.project / ".flowrepro/last").mkdir(parents=True)
    (runner.project / ".flowrepro/last/manifest.json").touch()
    check(runner)
    assert (tmp_path / "reports/.flowrepro/last/manifest.json").is_file()


def shard_report(runner: Runner, number: int, verdict: Verdict) -> None:
    """Write the artifact of a shard with one flow, as actions/download-artifact does."""
    flows = tuple(
        SplitFlow(file="flow.py", flow=f"F{n}Flow", case=None, shard=n) for n in (1, 2, 3)
    )
    flow = replace(REPRODUCED, file="flow.py", flow=f"F{number}Flow", verdict=verdict)
    report = replace(report_of(flow), shard=Shard(number=number, count=3, flows=flows))
    folder = runner.project / f"shards/flow-repro-shard-{number}"
    (folder / f".flowrepro/last/F{number}Flow").mkdir(parents=True)
    (folder / "report.json").write_text(render_json(report))


@pytest.mark.parametrize(
    ("shards", "code", "worst"),
    [
        ({1: "reproduced", 2: "reproduced", 3: "accepted"}, "0", "accepted"),
        ({1: "reproduced", 2: "drifted", 3: "reproduced"}, "1", "drifted"),
        ({1: "reproduced", 3: "reproduced"}, "1", "error"),
        ({}, "2", "error"),
    ],
)
def test_the_reports_of_shards_are_merged(
    runner: Runner, tmp_path: Path, shards: dict[int, Verdict], code: str, worst: str
) -> None:
    (runner.project / "shards").mkdir()
    for number, verdict in shards.items():
        shard_report(runner, number, verdict)
    summary = tmp_path / "summary.md"
    found = check(runner, MERGE="shards", GITHUB_STEP_SUMMARY=str(summary))
    assert (found["exit-code"], found["verdict"]) == (code, worst)
    if shards:
        reports = Path(found["reports"])
        written = {file.name for file in reports.iterdir() if file.is_file()}
        assert written == {"report.html", "report.json", "report.md", "report.sarif"}
        assert len(json.loads((reports / "report.json").read_text())["flows"]) == 3
        kept = {f"F{number}Flow" for number in shards}
        assert {folder.name for folder in (reports / ".flowrepro/last").iterdir()} == kept
        assert summary.read_text().count("### Flow reproducibility: ") == 1


@pytest.mark.slow
def test_pytest_writes_all_reports(runner: Runner, tmp_path: Path) -> None:
    project = runner.project
    (project / "pyproject.toml").write_text("[tool.flowrepro]\n")
    (project / "train.py").write_text(FLOW.format(name="TrainFlow"))
    summary = tmp_path / "summary.md"
    found = check(runner, GITHUB_STEP_SUMMARY=str(summary))
    assert (found["exit-code"], found["verdict"]) == ("1", "no baseline")
    written = {file.name for file in Path(found["reports"]).iterdir()}
    assert written == {"junit.xml", "report.html", "report.json", "report.md", "report.sarif"}
    assert "1 no baseline" in summary.read_text()
