"""Settings that a verdict depends on: a change of them fails until the flow is recorded again."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from pytest_flowrepro.cli.main import main

if TYPE_CHECKING:
    import pytest
    from conftest import Project

HIDING = (
    '[tool.pytest]\n[tool.flowrepro]\nfail-on = ["artifacts"]\nignore = ["*"]\nrecord-runs = 1\n'
)
TERMS = '{{ pattern = "*", reason = "nothing is compared", until = "{day}" }}'


def test_a_change_that_hides_a_drift_fails_in_every_selection_and_report_until_recorded(
    hello: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(hello.path / "__flowrepro__", hello.path / "before" / "__flowrepro__")
    hello.edit("flow.py", '"hello "', '"hollow "')
    hello.write("pyproject.toml", HIDING)
    files = {form: f"report.{form}" for form in ("json", "md", "html", "xml")}
    reports = [f"--flow-repro-{form}={files[form]}" for form in ("json", "md", "html")]

    result = hello.check(*reports, f"--junitxml={files['xml']}")
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        [
            "HelloFlow policy drifted",
            "policy fail-on  changed: artifacts, environment, policy -> artifacts   a weakening",
            "policy ignore: [*]  added: ignored   a weakening",
            "What to do: undo the change of the settings, or record again *",
            "drifted     flow.py::HelloFlow  2 policy settings changed; policy weakened; *",
        ]
    )
    (flow,) = json.loads((hello.path / "report.json").read_bytes())["flows"]
    assert [(c["kind"], c["setting"], c["name"]) for c in flow["changes"]] == [
        ("policy", "fail-on", "fail-on"),
        ("policy", "ignore", "*"),
        ("code", None, "flow.py"),
    ]
    assert all(c["gated"] and c["weakens"] for c in flow["changes"][:2])
    for form in ("md", "html", "xml"):
        text = (hello.path / files[form]).read_text(encoding="utf-8")
        assert text.index("policy fail-on") < text.index("policy ignore: *")
        assert "a weakening" in text

    result = hello.check("-k", "environment")
    result.assert_outcomes(failed=1, deselected=4)
    result.stdout.fnmatch_lines(["policy ignore: [*]  added: ignored   a weakening"])

    # Recorded, it passes, and the reason is told; past its day the pattern is an error.
    hello.write("pyproject.toml", HIDING.replace('"*"', TERMS.format(day="2999-12-31")))
    hello.record().assert_outcomes(passed=5)
    hello.edit("flow.py", '"hollow "', '"hello "')
    result = hello.check()
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["*ignore: `[*]` was used: nothing is compared, until 2999-12-31"])
    hello.write("pyproject.toml", HIDING.replace('"*"', TERMS.format(day="2020-12-31")))
    result = hello.check("-k", "environment")
    result.assert_outcomes(errors=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "*/pyproject.toml: tool.flowrepro.ignore: `[*]` was valid until 2020-12-31: no*",
            "What to do: remove it, or give it a later day, and record again *",
        ]
    )

    capsys.readouterr()
    monkeypatch.chdir(hello.path)
    assert main(["diff", "before", "."]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "    cause: settings changed: fail-on, ignore"
    lines = [line for line in lines if not line.startswith("    cause: ")]
    assert lines[1].startswith("    policy fail-on  changed: artifacts, environment, policy -> ")
    assert lines[2] == "    policy ignore: *  added: ignored until 2999-12-31   a weakening"
    assert lines[3] == "        reason: nothing is compared"
