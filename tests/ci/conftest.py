from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from ci_files import ROOT, Runner

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    venv, output = tmp_path / "venv", tmp_path / "output"
    (venv / "bin").mkdir(parents=True)
    output.touch()
    (venv / "bin/python").symlink_to(sys.executable)
    (tmp_path / "project").mkdir()
    runner = Runner(venv=venv, output=output, project=tmp_path / "project")
    runner.environment = {
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(output),
        "PATH": f"{venv}/bin:{os.environ['PATH']}",
        "REPORTS": str(tmp_path / "reports"),
        "VENV": str(venv),
    }
    for name, module in (("pytest", "pytest"), ("flowrepro", "pytest_flowrepro")):
        runner.install(name, f'exec {shlex.quote(sys.executable)} -m {module} "$@"')
    return runner
