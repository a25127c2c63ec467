"""Code that is more than one file: base flows, mutators, added files, links, git."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.support.process import isolated_environment, run_process

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Project

GIT = shutil.which("git")


def manifest(project: Project, flow: str, stem: str) -> dict[str, Any]:
    file = project.path / "flows/__flowrepro__" / stem / flow / "manifest.json"
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def code(project: Project, flow: str, stem: str) -> list[str]:
    """What the package holds beside the flow's own folder, and what was put into that."""
    own = {"bakery", "bread.py", "price.py", "roast.py", "tide.py"}
    files = manifest(project, flow, stem)["code"]
    return [file for file in files if file.partition("/")[0] not in own]


def code_changes(project: Project, flow: str) -> list[str]:
    """What the last check said about the files of the package."""
    flows = json.loads((project.path / "report.json").read_bytes())["flows"]
    changes = next(one["changes"] for one in flows if one["flow"] == flow)
    return [f"{one['name']} {one['change']}" for one in changes if one["kind"] == "code"]


def shipped_by_metaflow(project: Project, flow_file: str, python: Path) -> set[str]:
    """The user's files in the package that Metaflow itself makes."""
    home = {"HOME": str(project.path / ".home"), "METAFLOW_USER": "tester"}
    save = ["--quiet", "--no-pylint", "package", "save", str(project.path / "package.tgz")]
    done = run_process(
        [python, flow_file, *save],
        env=isolated_environment({**home, "PYTHONDONTWRITEBYTECODE": "1"}),
        cwd=project.path / "flows",
        timeout=60,
    )
    assert done.ok, done.stderr
    with tarfile.open(project.path / "package.tgz") as archive:
        names = archive.getnames()
    metaflows = (".mf_code/metaflow/", ".mf_code/__", ".mf_meta/", ".mf_install")
    return {name for name in names if not name.startswith(metaflows)}


def test_code_from_other_modules_mutators_and_links(
    project: Project, metaflow_python: Path
) -> None:
    project.place_flows("code/everywhere")
    project.record().assert_outcomes(passed=19)
    price = manifest(project, "PriceFlow", "price")["code"]
    assert code(project, "PriceFlow", "price") == [
        "../discounts/seasons.py",
        "../pricing/base-price.txt",
        "../pricing/rates/__init__.py",
        "../pricing/rates/vat.txt",
        "discounts/seasons.py",
        "tariffs/today.txt",
    ]
    assert shipped_by_metaflow(project, "price.py", metaflow_python) == {
        ".mf_code/rates/__init__.py",
        ".mf_code/rates/vat.txt",
        *(file for file in price if not file.startswith("../")),
    }
    assert code(project, "RoastFlow", "roast") == [
        "../roastery/house_rules/__init__.py",
        "profile.json",
    ]
    assert code(project, "TideFlow", "tide") == [
        "../survey/datum.py",
        "../survey/stations/names.py",
        "../survey/tide.py",
        "readings/may.csv",
    ]
    roast = manifest(project, "RoastFlow", "roast")["steps"][1]["decorators"]
    assert {one["name"]: one["attributes"] for one in roast} == {
        "environment": {"vars": {"DRUM": "220"}},
        "house_rules.hotter": {},
        "house_rules.logged": {"unit": "C"},
        "house_rules.weighed": {},
        "retry": {"minutes_between_retries": "2", "times": 2},
    }

    project.write("roastery/house_rules/decaf.py", "")  # in a module that is packaged whole
    project.edit("flows/bakery/mixins.py", "50 * self.loaves", "60 * self.loaves")
    project.edit("pricing/base-price.txt", "49", "50")
    project.edit("pricing/rates/vat.txt", "de 19", "de 16")
    project.edit("roastery/house_rules/__init__.py", "+ 15", "+ 20")
    project.edit("flows/profile.json", "224", "226")
    project.edit("survey/datum.py", "0.5", "0.4")
    project.edit("harbour/stations/names.py", "quai", "port")
    project.edit("harbour/data/may.csv", "1.4", "1.3")
    assert sorted(project.drift()) == [  # all else reproduces
        "BreadFlow: artifact knead.dough changed",
        "PriceFlow: artifact end.base changed",
        "PriceFlow: artifact end.price changed",
        "PriceFlow: artifact start.vat changed",
        "RoastFlow: artifact end.bag changed",
        "RoastFlow: artifact roast.log changed",
        "RoastFlow: parameter profile changed",
        "RoastFlow: parameter second_crack changed",
        "RoastFlow: step roast.roast changed",
        "TideFlow: artifact end.high_water changed",
        "TideFlow: artifact end.station changed",
        "TideFlow: artifact start.heights changed",
    ]
    assert sorted(code_changes(project, "RoastFlow")) == [
        "../roastery/house_rules/__init__.py changed",
        "../roastery/house_rules/decaf.py added",
        "bakery/mixins.py changed",
        "profile.json changed",
    ]


@pytest.mark.skipif(GIT is None, reason="the flow runs the git program, which is not installed")
def test_a_flow_that_asks_git_does_not_drift_with_every_commit(project: Project) -> None:
    def git(*args: str) -> None:
        who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        subprocess.run([str(GIT), *who, *args], cwd=project.path, check=True)

    git("init", "--quiet", "--initial-branch=release-7")
    git("commit", "--quiet", "--allow-empty", "--message=first")
    project.place_flows("code/git")
    project.record().assert_outcomes(passed=4)
    git("commit", "--quiet", "--allow-empty", "--message=second")
    assert project.drift() == []
    project.edit("flows/release.py", '"--show-current"', '"--list", "none"')
    assert project.drift() == ["ReleaseFlow: artifact start.branch changed"]


def test_modules_elsewhere_in_the_project_come_with_the_lines_to_add(project: Project) -> None:
    project.place_flows("code/elsewhere")
    failed = project.record()
    failed.assert_outcomes(errors=8)
    advice = """\
    [tool.flowrepro.flow.OrdersFlow]
    include = ["../lib"]
    [tool.flowrepro.flow.ReturnsFlow]
    env = { PYTHONPATH = "../src" }
    include = ["../src"]
    """
    failed.stdout.fnmatch_lines([line.replace("[", "[[]") for line in advice.splitlines()[:-1]])
    settings = (project.path / "pyproject.toml").read_text(encoding="utf-8")
    project.write("pyproject.toml", settings + advice)
    project.record().assert_outcomes(passed=8)
