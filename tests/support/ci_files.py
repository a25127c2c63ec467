"""The files of CI, and what an action or a workflow finds on a machine of GitHub."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs/how-to/ci"


def load(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@dataclass(kw_only=True)
class Runner:
    """A machine that runs steps of the action, with a folder of programs in the place of a venv."""

    venv: Path
    output: Path
    """The file that GITHUB_OUTPUT names."""
    project: Path
    """The working directory of the steps."""
    environment: dict[str, str] = field(default_factory=dict)

    def install(self, name: str, script: str) -> None:
        """Put a bash script into the venv."""
        file = self.venv / "bin" / name
        file.write_text(f"#!/usr/bin/env bash\n{script}\n")
        file.chmod(0o755)

    def start(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder."""
        return subprocess.run(
            command,
            cwd=self.project,
            env={**os.environ, **self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def run_script(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the action by the Python of the venv."""
        return self.start(str(self.venv / "bin/python"), str(ROOT / "action" / name), **environment)

    def run_step(self, step: dict[str, Any], **environment: str) -> int:
        """Run a `run` of the action as GitHub does, and return its exit code."""
        done = self.start(
            "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"], **environment
        )
        assert not done.stderr, done.stderr
        return done.returncode
