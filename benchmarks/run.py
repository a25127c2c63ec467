"""What a check costs, measured side by side: `python benchmarks/run.py`.

Each block times its commands in turn, A B A B ..., as whole processes, and prints the median, the
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

from platformdirs import user_cache_path

from pytest_flowrepro.baseline import lock_files
from pytest_flowrepro.installers.index_settings import pip_tool, uv_tool

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


def alternate(runs: int, *commands: Command) -> tuple[list[float], ...]:
    """Return the seconds of each command, which has run once before, for the caches."""
    for command in commands:
        command.seconds()
    rounds = [[command.seconds() for command in commands] for _ in range(runs)]
    return tuple(map(list, zip(*rounds, strict=True)))


def row(title: str, times: Sequence[float]) -> None:
    least, most = min(times), max(times)
    print(f"  {title:<58} {statistics.median(times):7.3f}  {least:7.3f} .. {most:7.3f}")


def pytest_command(*args: str) -> list[str | Path]:
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]


def locking(folder: Path, runs: int) -> None:
    """One lock by each of the tools that a recording may use."""
    resolve = (
        "import sys; from pathlib import Path\n"
        "from pytest_flowrepro.lock import resolver\n"
        "from pytest_flowrepro.model import Requirements\n"
        "resolver(sys.argv[1]).resolve(\n"
        "    Requirements(lines=('metaflow', 'numpy', 'pandas'), source='benchmark'),\n"
        "    python=Path(sys.executable), workspace=Path.cwd(), timeout=600)\n"
    )
    tools = ("uv", "pip-tools")
    times = alternate(runs, *(Command([sys.executable, "-c", resolve, t], folder) for t in tools))
    print("lock of metaflow, numpy, pandas, with hashes")
    row("uv pip compile, for every platform", times[0])
    row("pip-compile, for this one", times[1])
    print()


def environment(folder: Path, runs: int) -> Path:
    """Measure a build from a lock against the tools by themselves; return a built interpreter."""
    (lock,) = lock_files(FIXTURES / "flows/__flowrepro__/sales/SalesFlow")
    ours, theirs = folder / "ours", folder / "theirs"
    build = (
        "import sys; from pathlib import Path\n"
        "from pytest_flowrepro.environment import InstallRequest, VirtualenvBuilder\n"
        "from pytest_flowrepro.lockfile.pypi import parse_pypi\n"
        "from pytest_flowrepro.model import Requirements\n"
        "asked = Requirements(lines=('metaflow', 'numpy', 'pandas'), source='')\n"
        "lock = parse_pypi(Path(sys.argv[1]).read_text())\n"
        "builder = VirtualenvBuilder(lock=lock, requirements=asked, python=Path(sys.executable))\n"
        "request = InstallRequest(name='base', installer='uv', timeout=600)\n"
        "builder.build(request, Path(sys.argv[2]))\n"
    )
    uv, pip = uv_tool(), pip_tool("pip")
    sync = f'{uv.argv[0]} venv -q -p "{sys.executable}" "{theirs}" && {uv.argv[0]} pip sync -q'
    sync += f' --require-hashes -p "{theirs}" {" ".join(uv.options)} --link-mode '
    install = f'-q --require-hashes --no-deps -r "{lock}"'
    virtualenv = f'"{sys.executable}" -m virtualenv -q --no-seed "{theirs}"'
    by_pip = f'"{sys.executable}" -m pip --python "{theirs}" install --no-compile {install}'
    shell = {
        "uv venv + uv pip sync, hard links, nothing verified": f'{sync} hardlink "{lock}"',
        "uv venv + uv pip sync, copies, nothing verified": f'{sync} copy "{lock}"',
        "virtualenv + pip install --no-compile": f"{virtualenv} && {by_pip}",
        "python -m venv + pip install": (
            f'"{sys.executable}" -m venv "{theirs}" && "{theirs}/bin/pip" install {install}'
        ),
    }

    def without(place: Path) -> Callable[[], None]:
        return lambda: shutil.rmtree(place, ignore_errors=True)

    env = {**pip.env, **uv.env}
    mine = Command([sys.executable, "-c", build, lock, ours], folder, before=without(ours))
    others = (Command(["sh", "-c", line], folder, without(theirs), env) for line in shell.values())
    times = alternate(max(2, runs // 2), mine, *others)
    print("environment of SalesFlow (metaflow, numpy, pandas) from its lock, hashes required")
    for title, seconds in zip(("build as a check does, from wheels", *shell), times, strict=True):
        row(title, seconds)
    print()
    (python,) = ours.glob("*/bin/python")
    return python


def sharing(folder: Path, flows: int) -> None:
    """Many flows with few locks, on two workers: how many environments are built."""
    project = folder / "sharing"
    project.mkdir()
    lines = ["[tool.pytest]", "[tool.flowrepro]", "record-runs = 1"]
    for n in range(flows):
        (project / f"flow_{n}.py").write_text(FLOW.format(n=n), encoding="utf-8")
        lines += [f"[tool.flowrepro.flow.Flow{n}]", f'requirements = "needs-{n % 3}.txt"']
    (project / "pyproject.toml").write_text("\n".join(lines), encoding="utf-8")
    for n, name in enumerate(("six", "idna", "colorama")):
        (project / f"needs-{n}.txt").write_text(f"metaflow\n{name}\n", encoding="utf-8")
    options = ("--flow-repro", "-n", "2", "--dist", "loadgroup")
    Command(pytest_command(*options, "--flow-repro-update"), project).seconds()
    kept = folder / "kept"
    kept.mkdir()
    gate = pytest_command(*options, "--flow-repro-keep", "-k", "environment")
    spent = Command(gate, project, env={"TMPDIR": str(kept)}).seconds()
    built = len(list(kept.glob("**/environments/*/flowrepro-complete")))
    print(f"the environments of {flows} flows with 3 locks, two workers")
    row(f"pytest --flow-repro -n 2 -k environment: {built} were built", [spent])
    print()


def check(folder: Path, python: Path, runs: int) -> None:
    """Measure a check of one flow against the flow alone in a ready environment."""
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
    """Measure a wide foreach: forked tasks, new interpreters, and Metaflow's 16 workers."""
    reports, commands = [], []
    tables = {
        "forks": "",
        "interpreters": "[tool.flowrepro]\nwarm = false\n",
        "sixteen": "[tool.flowrepro]\nmax-workers = 16\nwarm = false\n",
    }
    for name, table in tables.items():
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
    rerun: tuple[list[float], ...] = ([], [], [])
    for _ in range(runs):
        for command, report, seconds in zip(commands, reports, rerun, strict=True):
            command.seconds()
            seconds.append(json.loads(report.read_bytes())["flows"][0]["seconds"]["rerun"])
    print(f"rerun of a foreach over {items} items, each with pandas")
    row("tasks are forks, as many at a time as there are processors (the default)", rerun[0])
    row("warm = false", rerun[1])
    row("warm = false, max-workers = 16, Metaflow's own default", rerun[2])
    print()


def off(folder: Path, runs: int) -> None:
    """Measure pytest with the plugin installed and not switched on against pytest without it."""
    module = folder / "off" / "test_one.py"
    module.parent.mkdir()
    module.write_text("def test_one():\n    pass\n", encoding="utf-8")
    a, b = alternate(
        runs * 4,
        Command(pytest_command(), module.parent),
        Command(pytest_command("-p", "no:flowrepro"), module.parent),
    )
    print("pytest with one test")
    row("plugin installed, off", a)
    row("-p no:flowrepro", b)
    print(f"  difference of the medians: {statistics.median(a) - statistics.median(b):+.4f} s\n")


def collection(folder: Path, runs: int, number: int) -> None:
    """Measure the collection of flow files against plain pytest and as many test modules.

    Both have read the files before: pytest has their bytecode, the plugin their flows.
    """
    flows, modules = folder / "flows", folder / "modules"
    for place in (flows, modules):
        place.mkdir()
    for n in range(number):
        (flows / f"flow_{n}.py").write_text(FLOW.format(n=n), encoding="utf-8")
        (modules / f"test_{n}.py").write_text(TEST_MODULE.format(n=n), encoding="utf-8")
    a, b = alternate(
        runs,
        Command(pytest_command("--collect-only", "--flow-repro"), flows),
        Command(pytest_command("--collect-only", "-p", "no:flowrepro"), modules),
    )
    cold = Command(
        pytest_command("--collect-only", "--flow-repro"),
        flows,
        before=lambda: shutil.rmtree(user_cache_path("pytest-flowrepro") / "flows"),
    )
    print(f"collecting {number} files")
    row(f"flows, pytest --flow-repro --collect-only ({4 * number} tests)", a)
    row(f"test modules, plain pytest ({2 * number} tests)", b)
    print(f"  ratio of the medians: {statistics.median(a) / statistics.median(b):.3f}")
    row("flows that no session has read", [cold.seconds() for _ in range(runs)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each command (default: 5)")
    parser.add_argument("--items", type=int, default=32, help="of the foreach (default: 32)")
    parser.add_argument("--flows", type=int, default=20, help="of 3 locks (default: 20)")
    parser.add_argument("--files", type=int, default=5000, help="to collect (default: 5000)")
    options = parser.parse_args()
    runs = options.runs
    print(f"seconds: median, least .. most of {runs} runs; Python {sys.version.split()[0]}, ")
    print(f"{os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="flowrepro-benchmark-") as name:
        folder = Path(name)
        off(folder, runs)
        collection(folder, runs, options.files)
        print()
        locking(folder, runs)
        python = environment(folder, runs)
        sharing(folder, options.flows)
        check(folder, python, runs)
        workers(folder, runs, options.items)


if __name__ == "__main__":
    main()
