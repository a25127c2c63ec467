"""A recording in place of another one: which packages move, and which stay as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from local_index import LocalIndex, wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Project

HARVEST = """\
from metaflow import FlowSpec, pypi, step


class HarvestFlow(FlowSpec):
    @step
    def start(self):
        import flowrepro_pears

        self.pears = flowrepro_pears.VERSION
        self.next(self.pick)

    @pypi(packages={"flowrepro-plums": ">=1"})
    @step
    def pick(self):
        import flowrepro_plums

        self.plums = flowrepro_plums.VERSION
        self.crates = 7
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HarvestFlow()
"""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    """An index in addition to the usual one, with two packages."""
    with LocalIndex() as index:
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.url)
        index.add(wheel("flowrepro-pears", "1.0"))
        index.add(wheel("flowrepro-plums", "1.0"))
        yield index


def versions(project: Project) -> tuple[str, str]:
    """The pears and the plums of the baseline, which its locks and its artifacts agree on."""
    recorded = project.artifacts("HarvestFlow")
    pears = recorded["start"]["[]"]["pears"]["value"]
    plums = recorded["pick"]["[]"]["plums"]["value"]
    base, pick = (project.lock("HarvestFlow", name) for name in ("base", "step-pick"))
    assert f"flowrepro-pears=={pears} " in base.read_text("utf-8")
    assert f"flowrepro-plums=={plums} " in pick.read_text("utf-8")
    return pears, plums


def test_packages_move_only_if_that_was_declared_or_asked_for(
    project: Project, index: LocalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("flow.py", HARVEST)
    project.write("requirements.txt", "metaflow\nflowrepro-pears\n")
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    first = project.record()
    first.assert_outcomes(passed=5)
    first.stdout.no_fnmatch_line("recorded locks were kept*")
    assert versions(project) == ("1.0", "1.0")

    index.add(wheel("flowrepro-pears", "2.0"))
    index.add(wheel("flowrepro-plums", "2.0"))
    index.asked.clear()
    monkeypatch.setenv("CI", "true")
    project.edit("flow.py", "self.crates = 7", "self.crates = 8")
    again = project.record()
    again.assert_outcomes(passed=5)
    again.stdout.fnmatch_lines(
        [
            "recorded    flow.py::HarvestFlow  updated; 1 artifact changed*",
            "recorded locks were kept unless a note says otherwise; --flow-repro-env=fresh *",
            "wrote 1 baseline in CI without a comparison: *",
        ]
    )
    assert versions(project) == ("1.0", "1.0")
    assert index.asked == [], "a recorded lock whose wheels are in the cache needs no index"

    project.write("requirements.txt", "metaflow\nflowrepro-pears>=1\n")
    changed = project.record()
    changed.stdout.fnmatch_lines(
        ["    environment base: resolved anew, as its requirements changed"]
    )
    changed.stdout.no_fnmatch_line("*environment step-pick: resolved anew*")
    assert versions(project) == ("2.0", "1.0")

    fresh = project.record("--flow-repro-env=fresh")
    fresh.stdout.fnmatch_lines(["*flowrepro-plums  changed: 1.0 -> 2.0 *"])
    fresh.stdout.no_fnmatch_line("recorded locks were kept*")
    assert versions(project) == ("2.0", "2.0")
