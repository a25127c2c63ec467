"""The action, the workflows and the recipes that people copy."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ci_files import RECIPES, ROOT, load
from flow_reports import REPRODUCED, report_of

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.report import render_json

if TYPE_CHECKING:
    from collections.abc import Iterator

ACTION = ROOT / "action.yml"
WORKFLOWS = (*sorted(RECIPES.glob("github*.yml")), *sorted(ROOT.glob(".github/workflows/*.yml")))
GITLAB = RECIPES / "gitlab-ci.yml"
GITLAB_SHARDS = RECIPES / "gitlab-shards.yml"
SHARDS = RECIPES / "github-shards.yml"
PAGE = ROOT / "docs/how-to/gate-ci.md"

SCHEMAS = {
    ACTION: ("vendor.github-actions",),
    **dict.fromkeys(WORKFLOWS, ("vendor.github-workflows",)),
    **dict.fromkeys((GITLAB, GITLAB_SHARDS), ("vendor.gitlab-ci", "--data-transform", "gitlab-ci")),
}
OWN = "OWNER/pytest-flowrepro@COMMIT"
"""The action as the recipes name it; the reader fills in both."""


def name_of(value: object) -> str:
    return value.relative_to(ROOT).as_posix() if isinstance(value, Path) else str(value)


def steps_of(file: Path) -> list[dict[str, Any]]:
    document = load(file)
    jobs = document.get("jobs", {"action": document.get("runs")})
    return [step for job in jobs.values() for step in job["steps"]]


def commands() -> Iterator[str]:
    """Yield the commands of the recipes, one line each, and those of the page."""
    for file in RECIPES.glob("github*.yml"):
        yield from (step["run"] for step in steps_of(file) if "run" in step)
    for job in (*load(GITLAB).values(), *load(GITLAB_SHARDS).values()):
        yield from (*job.get("before_script", ()), *job.get("script", ()))
    for hook in load(ROOT / ".pre-commit-hooks.yaml"):
        yield hook["entry"]
    yield from re.findall(r"^    ((?:pytest|flowrepro) .*)$", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize("file", SCHEMAS, ids=name_of)
def test_a_file_is_valid_by_the_schema_of_its_kind(file: Path) -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", *SCHEMAS[file], str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", [ACTION, *WORKFLOWS], ids=name_of)
def test_actions_are_pinned_to_a_commit_with_its_version(file: Path) -> None:
    used = re.findall(r"uses: *(.*)", file.read_text())
    pinned = re.compile(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert used
    assert [use for use in used if use not in {OWN, "./"} and not pinned.fullmatch(use)] == []


def test_the_action_and_the_recipes_use_the_same_commits() -> None:
    files = [ACTION, *RECIPES.glob("github*.yml")]
    used = {use for file in files for use in re.findall(r"uses: *(.*@.* # .*)", file.read_text())}
    assert len(used) == len({use.partition("@")[0] for use in used})


@pytest.mark.parametrize("file", [ACTION, *WORKFLOWS], ids=name_of)
def test_no_expression_is_run_as_text_of_a_shell(file: Path) -> None:
    assert [step["run"] for step in steps_of(file) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=name_of)
def test_a_workflow_limits_its_permissions_and_its_time(file: Path) -> None:
    workflow = load(file)
    assert "permissions" in workflow
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@pytest.mark.parametrize("file", WORKFLOWS, ids=name_of)
def test_no_flow_finds_the_token_of_the_checkout(file: Path) -> None:
    checkouts = [step for step in steps_of(file) if "/checkout@" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_each_input_is_used_and_each_reference_has_a_target() -> None:
    text, action = ACTION.read_text(), load(ACTION)
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == set(action["inputs"])
    ids = {step["id"] for step in steps_of(ACTION) if "id" in step}
    assert set(re.findall(r"\bsteps\.([\w-]+)\.", text)) == ids


@pytest.mark.parametrize(
    "step", [step for step in steps_of(ACTION) if "run" in step], ids=lambda step: step["name"]
)
def test_each_variable_of_a_step_is_set(step: dict[str, Any]) -> None:
    scripts = [(ROOT / name).read_text() for name in re.findall(r"action/\w+\.py", step["run"])]
    read = {
        *re.findall(r"\$\{?([A-Z_]+)", step["run"]),
        *re.findall(r"environ\[['\"]([A-Z_]+)['\"]\]", "".join(scripts)),
        *re.findall(r'"([A-Z_]+)": "--', "".join(scripts)),
    }
    by_runner = {"GITHUB_ACTION_PATH", "GITHUB_OUTPUT", "GITHUB_REPOSITORY", "RANDOM"}
    assert read - by_runner == set(step["env"]) - {"GH_TOKEN"}


@pytest.fixture(scope="module")
def pytest_options() -> set[str]:
    argv = [sys.executable, "-m", "pytest", "--help"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    shown = re.findall(r"(?<![\w-])--?[a-z][\w-]*", done.stdout)
    return {*shown, "--junitxml"}  # an alias of --junit-xml


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("pytest ")])
def test_the_options_of_a_command_exist(command: str, pytest_options: set[str]) -> None:
    words = shlex.split(command)
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert "--flow-repro" in options
    assert options <= pytest_options


@pytest.mark.parametrize(
    "arguments",
    sorted({found for c in commands() for found in re.findall(r"(?<!-)flowrepro ([a-z][^)]*)", c)}),
)
def test_the_commands_of_flowrepro_exist(arguments: str) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main([*arguments.split(), "--help"])


def test_each_recipe_is_in_the_page() -> None:
    included = re.findall(r'^--8<-- "docs/how-to/ci/(.*)"$', PAGE.read_text(), re.MULTILINE)
    assert sorted(included) == sorted(file.name for file in RECIPES.iterdir())


def test_the_pre_commit_recipe_names_a_hook() -> None:
    (repository,) = load(RECIPES / "pre-commit-config.yaml")["repos"]
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert {hook["id"] for hook in repository["hooks"]} <= hooks


def test_the_reports_of_gitlab_are_the_files_that_the_job_writes() -> None:
    common, *jobs = load(GITLAB).values()
    for job in jobs:
        own = job.get("artifacts", {"reports": {}})["reports"]
        reports = {**common["artifacts"]["reports"], **own}
        files = {*reports.values(), *common["artifacts"]["paths"]} - {".flowrepro"}
        written = re.findall(r"=(\S+\.\w+)", " ".join(job["script"]))
        assert sorted(files) == sorted(written)


def test_the_merge_of_github_gets_the_artifact_of_each_shard() -> None:
    times, shard, merge = load(SHARDS)["jobs"].values()
    numbers = shard["strategy"]["matrix"]["shard"]
    inputs = shard["steps"][-1]["with"]
    assert numbers == [*range(1, len(numbers) + 1)]
    assert f" --flow-repro-shard=${{{{ matrix.shard }}}}/{len(numbers)} " in inputs["args"]
    download, merged = (step["with"] for step in merge["steps"][1:3])
    assert merged["merge"] == download["path"]
    names = [inputs["name"].replace("${{ matrix.shard }}", str(n)) for n in numbers]
    uploaded = [*names, "flow-repro", times["steps"][1]["with"]["name"]]
    assert [name for name in uploaded if fnmatchcase(name, download["pattern"])] == names
    assert shard["steps"][1]["with"]["pattern"] == times["steps"][1]["with"]["name"]


def test_the_merge_of_github_runs_if_a_shard_failed() -> None:
    shard, merge = list(load(SHARDS)["jobs"].values())[1:]
    assert (shard["strategy"]["fail-fast"], merge["if"]) == (False, "${{ !cancelled() }}")


def test_the_merge_of_gitlab_gets_the_report_of_each_shard() -> None:
    common, shard, merge = load(GITLAB_SHARDS).values()
    assert merge["needs"] == ["flow-repro-shard"]
    assert all(rule["when"] == "always" for rule in common["rules"])
    report = re.search(r"--flow-repro-json=(\S+)", " ".join(shard["script"]))
    assert report is not None
    written = report[1].replace("$CI_NODE_INDEX", "2")
    (pattern, *_) = [path for path in shard["artifacts"]["paths"] if path.endswith(".json")]
    assert fnmatchcase(written, pattern)
    outputs = [merge["artifacts"]["paths"][0], merge["artifacts"]["reports"]["codequality"]]
    assert outputs == re.findall(r"--output=(\S+)", " ".join(merge["script"]))
    assert not any(fnmatchcase(output, pattern) for output in outputs)
    assert all(f"flowrepro merge-reports {pattern} " in line for line in merge["script"])


def test_the_scripts_of_the_merge_of_gitlab_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = []
    for verdict in ("reproduced", "drifted"):
        report = report_of(replace(REPRODUCED, verdict=verdict))
        Path("flow-repro-1.json").write_text(render_json(report))
        for line in load(GITLAB_SHARDS)["flow-repro"]["script"]:
            words = shlex.split(line.replace("flow-repro-*.json", "flow-repro-1.json"))
            codes.append(main(words[1:]))
    assert codes == [0, 0, 0, 1]
    assert Path("flow-repro.html").is_file()
    assert len(json.loads(Path("flow-repro.json").read_text())) == 0
