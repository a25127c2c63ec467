"""A flow that edits an installed file in place: neither another flow nor a cache has the edit."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_path
from uv import find_uv_bin

from pytest_flowrepro.plugin.worker_store import SessionFolder
from pytest_flowrepro.support.process import run_process, user_environment

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from conftest import Project

FLOW = """\
import six
from metaflow import FlowSpec, step


class {name}Flow(FlowSpec):
    @step
    def start(self):
        self.version = six.__version__
        {edit}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    {name}Flow()
"""
EDIT = """\
with open(six.__file__, "a") as file:
            file.write("__version__ = 'edited'\\n")"""


def users_environment(folder: Path) -> Path:
    """six.py in an environment of the user's, which shares it with the user's cache of uv."""
    uv = find_uv_bin()
    for argv in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "--quiet", "--link-mode=hardlink", "--python", str(folder), "six"],
    ):
        done = run_process(argv, env=user_environment({}), cwd=folder.parent, timeout=120)
        assert done.ok, done.stderr
    (six,) = folder.rglob("six.py")
    assert six.stat().st_nlink > 1
    return six


def check(
    project: Project, monkeypatch: pytest.MonkeyPatch, session: str, *args: str
) -> dict[str, Any]:
    """Flow -> its report, of a session that builds its environments itself."""
    environments = project.path.parent / f"edited-{session}"
    monkeypatch.setattr(SessionFolder, "environments", environments)
    flows = project.report(*args)["flows"]
    assert len(list(environments.glob("*-*/flowrepro-complete"))) == 2
    return {flow["flow"]: flow for flow in flows}


def test_an_edit_is_reported_and_stays_in_its_environment(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(project.path.parent / "edited-users-cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(project.path.parent / "edited-cache"))
    project.write("pyproject.toml", "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n")
    project.write("requirements.txt", "metaflow\nsix\n")
    project.write("a_patch.py", FLOW.format(name="Patch", edit=EDIT))
    project.write("b_plain.py", FLOW.format(name="Plain", edit="pass"))
    # Somebody debugged six in an environment of theirs: uv's own cache has the edit, too.
    users = users_environment(project.path.parent / "edited-users")
    original = users.read_text(encoding="utf-8")
    users.write_text(original + "__version__ = 'debugged'\n", encoding="utf-8")
    debugged = users.stat()

    recorded = check(project, monkeypatch, "recorded", "--flow-repro-update")

    told = "while PatchFlow ran, installed files were changed: six.py; "
    assert told + "the next flow gets a fresh environment" in recorded["PatchFlow"]["notes"]
    assert not any("installed files" in note for note in recorded["PlainFlow"]["notes"])
    (version,) = (line.split('"')[1] for line in original.splitlines() if "__version__ =" in line)
    for flow, stem in (("PatchFlow", "a_patch"), ("PlainFlow", "b_plain")):
        assert project.artifacts(flow, stem)["start"]["[]"]["version"]["value"] == version

    checked = check(project, monkeypatch, "checked")

    assert [flow["verdict"] for flow in checked.values()] == ["reproduced", "reproduced"]
    after = users.stat()
    assert (after.st_mtime_ns, after.st_size) == (debugged.st_mtime_ns, debugged.st_size)
    (cached,) = user_cache_path("pytest-flowrepro").glob("wheels/*/*/six-*.whl")
    assert zipfile.ZipFile(cached).read("six.py").decode() == original
