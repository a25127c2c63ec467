"""A git repository with recorded flows, for tests of the commands."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from recordings import artifact, recording, task

from pytest_flowrepro.baseline import baseline_folder, write_baseline

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

FLOW = """\
from metaflow import FlowSpec, step

class {name}(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    {name}()
"""


GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}
"""Variables for commits, without the settings of the user who runs the tests."""


def git(top: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=top, check=True)


def commit(top: Path) -> None:
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=m")


def record(top: Path, what: Recording, file: str = "flows/train.py") -> Path:
    folder = baseline_folder(top / file, what.flow, what.case)
    write_baseline(folder, what, root=top)
    return folder


MOVED = recording(task("start", artifact("rows", 101, type="int")))
"""As the recording in the repository, but with other tasks."""
