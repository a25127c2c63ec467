"""The how-to's examples of an encoder file and of the hook, and what goes wrong with either."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Project

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "teach-it-your-rules.md"
_BLOCK = re.compile(r"^```\w+\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

CURVES = """\
from curves import Curve
from metaflow import FlowSpec, step


class Broken(Curve):
    pass


class CurveFlow(FlowSpec):
    @step
    def start(self):
        self.curve = Curve([1.0, 2.0])
        self.numbers = list(range(4))
        self.next(self.work, foreach="numbers")

    @step
    def work(self):
        self.double = Curve([2 * self.curve.points[-1] + self.input])
        self.next(self.join)

    @step
    def join(self, inputs):
        self.highest = max(one.double.points[0] for one in inputs)
        self.broken = Broken([self.highest])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    CurveFlow()
"""


def example(name: str) -> str:
    found: dict[str, str] = dict(_BLOCK.findall(HOW_TO.read_text(encoding="utf-8")))
    return found[name]


def test_an_encoder_says_what_of_an_object_is_compared(project: Project) -> None:
    project.write("flows/curves.py", example("flows/curves.py"))
    project.write("flows/flow.py", CURVES)
    encoders = example("flowrepro_encoders.py").replace(
        "}\n", '    "__main__.Broken": lambda broken: broken.color,\n    "x.Y": str,\n}\n'
    )
    project.write("flowrepro_encoders.py", encoders)
    project.write("pyproject.toml", f"[tool.pytest]\n{example('pyproject.toml')}record-runs = 3\n")
    result = project.record()
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines_random(
        [
            "*differs from run to run: join.broken.*",
            "*join: broken is compared by its pickle only (the encoder of __main__.Broken raised *",
            "*the encoder for x.Y was not used: *",
        ]
    )

    project.edit("flows/flow.py", "[1.0, 2.0]", "[1.0, 2.5]")
    project.edit("flowrepro_encoders.py", '"x.Y": str', '"x.Y": repr')
    reports = [f"--flow-repro-{suffix}=report.{suffix}" for suffix in ("md", "json", "html")]
    result = project.check(*reports)
    result.assert_outcomes(passed=2, failed=4)
    failed = "join: broken is compared by its pickle only (the encoder of __main__.Broken raised "
    for suffix in ("md", "json", "html"):
        assert failed in (project.path / f"report.{suffix}").read_text(encoding="utf-8")
    assert failed in result.stdout.str()
    result.stdout.fnmatch_lines(
        [
            "CurveFlow policy drifted",
            "policy encoders: ../flowrepro_encoders.py  changed: *",
            "CurveFlow step[[]start[]] drifted",
            "start.curve  changed: curves.Curve(as={'points': [[]1.0, 2.0[]], 'unit': 'V'}) -> *",
            "    .as[[]'points'[]][[]1[]]: 2.0 -> 2.5 (by 0.5, relative 0.25)",
            "CurveFlow step[[]work[]] drifted; it started at start.curve",
            "    work.double: 4 of 4 tasks, first at [[]0[]]  changed: *",
            "    started at start.curve",
            "    flow.py  changed: *   code file   shown only",
        ]
    )
    markdown = (project.path / "report.md").read_text(encoding="utf-8")
    assert markdown.index("- `start.curve") < markdown.index("  - `work.double: 4 of 4 tasks")


def test_a_conftest_accepts_a_change_which_stays_in_sight(hello: Project) -> None:
    hello.write("conftest.py", example("conftest.py"))
    hello.edit("flow.py", '"hello "', '"hollow "')
    result = hello.check_apart("-n", "2", "--flow-repro-json=report.json")
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["*end.total  changed: 5 -> 6   accepted by conftest.py"])
    (flow,) = json.loads((hello.path / "report.json").read_bytes())["flows"]
    changes = {change["name"]: change for change in flow["changes"]}
    assert [changes[name]["gated"] for name in ("greeting", "letters", "total")] == [1, 1, 0]
    assert changes["total"]["accepted_by"] == "conftest.py"
    assert [changes[name]["origin"] for name in ("greeting", "letters", "total")] == [
        "first",
        "derived",
        "derived",
    ]


def test_a_hook_that_breaks_is_an_error_that_names_it(hello: Project) -> None:
    hello.write("conftest.py", "def pytest_flowrepro_accept_change(change):\n    return 1 / 0\n")
    hello.write("requirements.txt", "metaflow>2\n")  # not what was recorded
    result = hello.check("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "conftest.py: pytest_flowrepro_accept_change raised ZeroDivisionError: division by *",
            "*conftest.py*, line 2, in pytest_flowrepro_accept_change",
            "What to do: fix the hook; it was called with the change of requirement metaflow",
        ]
    )
    result.stdout.no_fnmatch_line("*_callers.py*")
    result.stdout.no_fnmatch_line("*artifacts unchanged*")
