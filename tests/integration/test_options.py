"""The options that say how: timeout, installer, as-of, keep."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Project

SIX = """\
# /// script
# dependencies = ["six"]
# ///
import six
from metaflow import FlowSpec, step


class SixFlow(FlowSpec):
    @step
    def start(self):
        self.text = six.ensure_text(b"six")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SixFlow()
"""


def test_keep_keeps_the_working_directories_and_says_where(hello: Project) -> None:
    result = hello.check("--flow-repro-keep", "-k", "step[start]")
    match = re.search(r"^working directories: (.+)$", result.stdout.str(), re.MULTILINE)
    assert match is not None
    kept = Path(match[1])
    assert list(kept.glob("flows/HelloFlow-*/check/datastore/.metaflow/HelloFlow"))


def test_without_keep_nothing_is_left_behind(
    hello: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hello.check("-k", "environment").assert_outcomes(passed=1, deselected=4)
    wait_until(lambda: not list(tmp_path.glob("flowrepro-*")))


def test_pip_tools_records_and_checks(project: Project) -> None:
    project.write("flow.py", SIX)
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    result = project.record("--flow-repro-installer=pip-tools")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["flowrepro: *record, by pip-tools"])
    project.check("--flow-repro-installer=pip-tools").assert_outcomes(passed=4)
    # A lock is a lock: what one wrote, the other installs, to the same packages.
    result = project.check("--flow-repro-installer=uv", "-k", "environment")
    result.assert_outcomes(passed=1, deselected=3)


def test_an_option_that_cannot_be_meant_is_a_usage_error(
    unrun_project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = unrun_project.check("--flow-repro-timeout=0")
    assert list(tmp_path.glob("flowrepro-*")) == []
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--flow-repro-timeout: pass a number of seconds above 0*"])
