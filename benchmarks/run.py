"""What a check costs, measured side by side: `python benchmarks/run.py`.

Each row times two commands in turn, A B A B ..., as whole processes, and prints the median, the
least and the most of each in seconds. Every wheel is in the installer's cache before anything is
timed. The figures are for reading; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FIXTURES = Path(__file__).parent.parent / "fixtures"

# PYTHONDONTWRITEBYTECODE, for one, would make every bare run compile Metaflow anew.
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

FLOW = """\
from metaflow import FlowSpec, step


class Flow{n}(FlowSpec):
    @step
    def start(self):
        self.x = {n}
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Flow{n}()
"""

WIDE = """\
import pandas
from metaflow import FlowSpec, step


class WideFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range({items}))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.mean = float(pandas.Series(range(self.input + 1)).mean())
        self.next(self.join)

    @step
    def join(self, inputs):
        self.means = [one.mean for one in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WideFlow()
"""

TEST_MODULE = """\
import json


class TestThing{n}:
    def test_start(self):
        assert json.loads("{n}") == {n}

    def test_end(self):
        pass
"""


@dataclass(frozen=True)
class Command:
    """What is timed, and what is put back, untimed, before each time."""

    argv: Sequence[str | Path]
    cwd: Path
    before: Callable[[], None] = lambda: None
    env: dict[str, str] | None = None

    def seconds(self) -> float:
        self.before()
        started = time.perf_counter()
        done = subprocess.run(
            [os.fspath(arg) for arg in self.argv],
            cwd=self.cwd,
            env={**ENVIRONMENT, **(self.env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        spent = time.perf_counter() - started
        if done.returncode != 0:
            sys.exit(f"{self.argv}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return spent


def alternate(one: Command, other: Command, runs: int) -> tuple[list[float], list[float]]:
    one.seconds(), other.seconds()
    pairs = [(one.seconds(), other.seconds()) for _ in range(runs)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def row(title: str, times: Sequence[float]) -> None:
    least, most = min(times), max(times)
    print(f"  {title:<58} {statistics.median(times):7.3f}  {least:7.3f} .. {most:7.3f}")


def pytest_command(*args: str) -> list[str | Path]:
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]


def environment(folder: Path, runs: int) -> tuple[Path, Path]:
    """Building from a lock, against venv and pip; gives the lock and a built interpreter."""
    lock = FIXTURES / "flows/__flowrepro__/sales/SalesFlow/lock-base.txt"
    ours, theirs = folder / "ours", folder / "theirs"
    build = (
        "import sys; from pathlib import Path\n"
        "from pytest_flowrepro.environment import shared_environment\n"
        "from pytest_flowrepro.model import Lock\n"
        "shared_environment(Lock(text=Path(sys.argv[1]).read_text()), name='base',\n"
        "    requirements=('metaflow', 'numpy', 'pandas'), python=Path(sys.executable),\n"
        "    folder=Path(sys.argv[2]), installer='uv', timeout=600)\n"
    )
    pip = (
        f'"{sys.executable}" -m venv "{theirs}" && '
        f'"{theirs}/bin/pip" install -q --require-hashes -r "{lock}"'
    )
    mine = Command(
        [sys.executable, "-c", build, lock, ours],
        folder,
        before=lambda: shutil.rmtree(ours, ignore_errors=True),
    )
    venv = Command(
        ["sh", "-c", pip], folder, before=lambda: shutil.rmtree(theirs, ignore_errors=True)
    )
    a, b = alternate(mine, venv, max(2, runs // 2))
    print("environment of SalesFlow (metaflow, numpy, pandas) from its lock")
    row("build as a check does", a)
    row("python -m venv + pip install --require-hashes", b)
    print(f"  ratio of the medians: {statistics.median(a) / statistics.median(b):.3f}\n")
    (python,) = ours.glob("*/bin/python")
    return lock, python


def check(folder: Path, python: Path, runs: int) -> None:
    """A check of one flow, against the flow alone in a ready environment."""
    project = folder / "project"
    shutil.copytree(FIXTURES / "flows", project)
    shutil.copy(FIXTURES / "pyproject.toml", project)
    shutil.copy(FIXTURES / "requirements.txt", project)
    report = project / "report.json"
    ours = Command(
        pytest_command("--flow-repro", f"--flow-repro-json={report}", "sales.py"), project
    )
    bare = Command(
        [python, "sales.py", "--no-pylint", "run"], project, env={"USERNAME": "benchmark"}
    )
    ours.seconds(), bare.seconds()
    whole, alone, build = [], [], []
    for _ in range(runs):
        whole.append(ours.seconds())
        build.append(json.loads(report.read_bytes())["flows"][0]["seconds"]["environment"])
        alone.append(bare.seconds())
    print("check of SalesFlow (3 steps)")
    row("pytest --flow-repro sales.py", whole)
    row("of which building the environment", build)
    row("python sales.py run, in a ready environment", alone)
    over = [w - e - a for w, e, a in zip(whole, build, alone, strict=True)]
    row("overhead: check - environment - bare run", over)
    print()


def workers(folder: Path, runs: int, items: int) -> None:
    """A wide foreach with as many workers as the machine has processors, against Metaflow's 16."""
    reports, commands = [], []
    for name, table in (("machine", ""), ("sixteen", "[tool.flowrepro]\nmax-workers = 16\n")):
        project = folder / name
        project.mkdir()
        (project / "wide.py").write_text(WIDE.format(items=items), encoding="utf-8")
        (project / "pyproject.toml").write_text(f"[tool.pytest]\n{table}", encoding="utf-8")
        (project / "requirements.txt").write_text("metaflow\npandas\n", encoding="utf-8")
        report = project / "report.json"
        options = ("--flow-repro", f"--flow-repro-json={report}")
        Command(pytest_command(*options, "--flow-repro-update"), project).seconds()
        reports.append(report)
        commands.append(Command(pytest_command(*options), project))
    rerun: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for command, report, seconds in zip(commands, reports, rerun, strict=True):
            command.seconds()
            seconds.append(json.loads(report.read_bytes())["flows"][0]["seconds"]["rerun"])
    print(f"rerun of a foreach over {items} items, each with pandas")
    row("max-workers as the machine has processors (the default)", rerun[0])
    row("max-workers = 16, Metaflow's own default", rerun[1])
    print()


def off(folder: Path, runs: int) -> None:
    """Runs pytest with the plugin installed and not switched on, against without it."""
    module = folder / "off" / "test_one.py"
    module.parent.mkdir()
    module.write_text("def test_one():\n    pass\n", encoding="utf-8")
    a, b = alternate(
        Command(pytest_command(), module.parent),
        Command(pytest_command("-p", "no:flowrepro"), module.parent),
        runs * 4,
    )
    print("pytest with one test")
    row("plugin installed, off", a)
    row("-p no:flowrepro", b)
    print(f"  difference of the medians: {statistics.median(a) - statistics.median(b):+.4f} s\n")


def collection(folder: Path, runs: int) -> None:
    """Collecting 1,000 flow files, against plain pytest and 1,000 test modules."""
    flows, modules = folder / "flows", folder / "modules"
    for place in (flows, modules):
        place.mkdir()
    for n in range(1000):
        (flows / f"flow_{n}.py").write_text(FLOW.format(n=n), encoding="utf-8")
        (modules / f"test_{n}.py").write_text(TEST_MODULE.format(n=n), encoding="utf-8")
    a, b = alternate(
        Command(pytest_command("--collect-only", "--flow-repro"), flows),
        Command(pytest_command("--collect-only", "-p", "no:flowrepro"), modules),
        runs,
    )
    print("collecting 1,000 files")
    row("flows, pytest --flow-repro --collect-only (4,000 tests)", a)
    row("test modules, plain pytest (2,000 tests)", b)
    print(f"  ratio of the medians: {statistics.median(a) / statistics.median(b):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each command (default: 5)")
    parser.add_argument("--items", type=int, default=32, help="of the foreach (default: 32)")
    options = parser.parse_args()
    runs = options.runs
    print(f"seconds: median, least .. most of {runs} runs; Python {sys.version.split()[0]}, ")
    print(f"{os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="flowrepro-benchmark-") as name:
        folder = Path(name)
        off(folder, runs)
        collection(folder, runs)
        print()
        _, python = environment(folder, runs)
        check(folder, python, runs)
        workers(folder, runs, options.items)


if __name__ == "__main__":
    main()
