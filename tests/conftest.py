"""What several tests share: an environment with Metaflow in it, and small flow projects."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deepdiff  # noqa: F401  before a session of pytester: it forgets what that imports first
import pytest
from environments import build_environment
from filelock import FileLock
from platformdirs import user_cache_dir
from report_schema import report_schema, validator
from requirement_lines import requirement_lines

import pytest_flowrepro.plugin.session_plugin  # noqa: F401  likewise: half a second for each
from pytest_flowrepro.environment import InstallRequest
from pytest_flowrepro.lock import resolver
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import PASSING, BuiltEnvironment, Requirements, flow_title
from pytest_flowrepro.plugin.worker_store import SessionFolder
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["suite_markers"]

TESTS = Path(__file__).parent
FLOWS = TESTS / "flows"
"""Small real flows, a folder for each thing that a repository may do."""

HELLO = """\
from metaflow import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    name_to_greet = Parameter("whom", default="world")

    @step
    def start(self):
        self.greeting = "hello " + self.name_to_greet
        self.next(self.count)

    @step
    def count(self):
        self.letters = {letter: self.greeting.count(letter) for letter in "lo"}
        print("counted", len(self.greeting))
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(self.letters.values())


if __name__ == "__main__":
    HelloFlow()
"""


GIGABYTE = 1024**3
MEMORY = Path("/dev/shm")


def pytest_configure(config: pytest.Config) -> None:
    """Handle signals as in a shell, write bytecode, and put temporary files into memory, where
    there is enough of it: tests build dozens of environments of 5,000 files each.
    """
    # Each of the thousand processes that tests start would compile its modules anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # What nohup and a shell's `&` let tests ignore, the processes that they start would ignore.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput") or config.option.basetemp:
        return
    for left in MEMORY.glob("flowrepro-tests-*"):  # by a run that was killed
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    if not MEMORY.is_dir() or min(shutil.disk_usage(MEMORY).free, free_memory()) < 12 * GIGABYTE:
        return
    folder = MEMORY / f"flowrepro-tests-{os.getpid()}"
    (folder / "tmp").mkdir(parents=True)
    config.option.basetemp = folder / "pytest"
    os.environ["TMPDIR"] = str(folder / "tmp")
    tempfile.tempdir = None
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def free_memory() -> int:
    """In bytes; 0 where that is not known."""
    try:
        found = re.search(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the whole run, whichever xdist worker asks."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(sys, "_xdist_worker") or "popen-gw" in base.name else base


@pytest.fixture(scope="session")
def metaflow_environment(session_folder: Path) -> BuiltEnvironment:
    """Metaflow, pandas and numpy, ready to run."""
    folder = session_folder / "metaflow-environment"
    folder.mkdir(exist_ok=True)
    requirements = Requirements(
        requirements=requirement_lines("metaflow", "numpy", "pandas"), source="tests/conftest.py"
    )
    lock_file = folder / "lock.txt"
    with FileLock(folder / "lock.lock"):
        if not lock_file.exists():
            found = resolver("uv").resolve(
                requirements, python=Path(sys.executable), workspace=folder, timeout=300
            )
            lock_file.write_text(found.text, encoding="utf-8")
    return build_environment(
        parse_pypi(lock_file.read_text(encoding="utf-8")),
        InstallRequest(name="base", installer="uv", timeout=600),
        requirements=requirements.lines,
        folder=session_folder / "environments",  # that of flows that require the same
    )


@pytest.fixture(scope="session")
def metaflow_python(metaflow_environment: BuiltEnvironment) -> Path:
    return metaflow_environment.python


@dataclass(frozen=True)
class Project:
    """A repository with flows, and pytest run in it as a user runs it."""

    pytester: pytest.Pytester

    @property
    def path(self) -> Path:
        return self.pytester.path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def check(self, *args: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess("--flow-repro", *args)

    def check_apart(self, *args: str) -> pytest.RunResult:
        """In a process of its own: for xdist, and for what must not leak into this one."""
        return self.pytester.runpytest_subprocess("--flow-repro", *SHARED, *args)

    def record(self, *args: str) -> pytest.RunResult:
        return self.check("--flow-repro-update", *args)

    def place_flows(self, name: str) -> None:
        """Copy tests/flows/`name`, flows and pyproject.toml, into the project."""
        shutil.copytree(FLOWS / name, self.path, dirs_exist_ok=True, symlinks=True)

    def drift(self, *args: str) -> list[str]:
        """What a check of everything flags, gated or not: `FlowName: kind place change`.

        Code is left out: whoever breaks a flow changes its file. A flow that could not be checked
        is `FlowName: error`.
        """
        found = []
        for flow in self.report(*args)["flows"]:
            title = flow_title(flow["flow"], flow["case"])
            if flow["verdict"] not in PASSING | {"drifted"}:
                found.append(f"{title}: {flow['verdict']}")
            for change in flow["changes"]:
                if change["kind"] != "code":
                    index = "".join(f"[{number}]" for number in change["index"] or ())
                    place = ".".join(filter(None, (change["step"], change["name"])))
                    kind, how = change["kind"], change["change"]
                    found.append(f"{title}: {kind} {place}{index} {how}")
        return found

    def report(self, *args: str) -> dict[str, Any]:
        """The JSON report of a check."""
        self.check("--flow-repro-json=report.json", *args)
        report: dict[str, Any] = json.loads((self.path / "report.json").read_bytes())
        validator(report_schema()).validate(report)
        return report

    def baseline(self, flow: str, stem: str = "flow") -> Path:
        return self.path / "__flowrepro__" / stem / flow

    def lock(self, flow: str, environment: str = "base", stem: str = "flow") -> Path:
        """Return the file of a recorded lock."""
        manifest = json.loads((self.baseline(flow, stem) / "manifest.json").read_bytes())
        name: str = manifest["environments"][environment]["lock"]["file"]
        return self.path / "__flowrepro__" / name

    def baseline_bytes(self) -> dict[str, bytes]:
        folder = self.path / "__flowrepro__"
        files = (file for file in folder.rglob("*") if file.is_file())
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}

    def artifacts(self, flow: str, stem: str = "flow") -> dict[str, Any]:
        """step -> index path -> name -> record."""
        text = (self.baseline(flow, stem) / "artifacts.json").read_text(encoding="utf-8")
        steps: dict[str, Any] = json.loads(text)["steps"]
        return steps


SHARED = ("-p", "shared_environments")
"""For a session in a process of its own."""


def of_shared(session_folder: Path) -> dict[str, str]:
    """Return the variables of `SHARED`; the tested code is that of this checkout."""
    return {
        "PYTHONPATH": os.pathsep.join(map(str, (TESTS / "support", TESTS.parent))),
        "TESTS_ENVIRONMENTS": str(session_folder / "environments"),
    }


CACHES = {
    "RUSTUP_HOME": str(Path.home() / ".rustup"),  # pip asks for the version of rustc
    "UV_CACHE_DIR": user_cache_dir("uv"),
    "PIP_CACHE_DIR": user_cache_dir("pip"),
    "VIRTUALENV_OVERRIDE_APP_DATA": user_cache_dir("virtualenv"),
}
"""Of the user who runs the tests: pytester moves HOME, and would begin with empty ones."""


@pytest.fixture
def project(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, session_folder: Path
) -> Project:
    """A repository whose flows are run, in environments that all tests share."""
    return empty_project(pytester, monkeypatch, session_folder)


@pytest.fixture
def unrun_project(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """A repository whose flows are not run, nor their environments built: without a network."""
    return empty_project(pytester, monkeypatch, tmp_path_factory.mktemp("session"))


def empty_project(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, session_folder: Path
) -> Project:
    for name, folder in CACHES.items():
        monkeypatch.setenv(name, os.environ.get(name, folder))
    # Ours, too, would lie in pytester's HOME, which is the project that is tested.
    monkeypatch.setenv("XDG_CACHE_HOME", str(session_folder / "cache"))
    # Sessions in a process of their own need no hypothesis, which takes a second to import.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    # Sessions share what they build, as xdist's workers do.
    monkeypatch.setattr(SessionFolder, "environments", session_folder / "environments")
    for name, value in of_shared(session_folder).items():
        monkeypatch.setenv(name, value)
    pytester.makepyprojecttoml("[tool.pytest]\n")
    return Project(pytester)


def record_once(made: Path, fill: Callable[[Path], object], *args: str) -> Callable[[Path], None]:
    """Puts what `fill` writes, and its baselines, into a folder: a copy of `made`, which the first
    test that asks records, by pytest with `args`, for all of them.
    """
    with FileLock(made.with_suffix(".lock")):
        if not made.exists():
            part = made.with_suffix(".part")
            part.mkdir(exist_ok=True)
            (part / "pyproject.toml").write_text("[tool.pytest]\n", encoding="utf-8")
            fill(part)
            options = ("-p", "no:cacheprovider", "--flow-repro", "--flow-repro-update", *args)
            done = run_process(
                [sys.executable, "-m", "pytest", *SHARED, *options],
                env={**os.environ, **of_shared(made.parent)},
                cwd=part,
                timeout=300,
            )
            assert done.ok, done.stdout + done.stderr
            part.rename(made)

    def place(folder: Path) -> None:
        shutil.copytree(made, folder, dirs_exist_ok=True)

    return place


@pytest.fixture(scope="session")
def recorded_hello(session_folder: Path) -> Callable[[Path], None]:
    """Puts HelloFlow and its baseline into a folder."""
    return record_once(
        session_folder / "recorded-hello",
        lambda folder: (folder / "flow.py").write_text(HELLO, encoding="utf-8"),
    )


@pytest.fixture
def hello(project: Project, recorded_hello: Callable[[Path], None]) -> Project:
    """A project whose only flow, HelloFlow in flow.py, has a baseline."""
    recorded_hello(project.path)
    return project
