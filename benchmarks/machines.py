"""Count the false drifts of numerical flows on machines that this one pretends to be.

    python benchmarks/machines.py            every machine
    python benchmarks/machines.py --quick    two of them, to see that it works
    python benchmarks/machines.py --cost 5   instead, what pinning costs: five pairs of reruns

A flow with a step for each library is recorded twice, with the default numeric profile and with
none (`threads = "machine"`, `cpu = "machine"`), and checked on each of the machines. Nothing is
changed in between, so every artifact that drifts is a false drift.

How a machine is emulated: below what a rerun sets itself, a plugin adds what the other machine
would have let the libraries see, by their own variables. 1 and 2 processors are real, by the
affinity mask of the process, where this machine has them; more are threads that the libraries are
told to start. A CPU level is what the libraries are told to use, numpy by the features of its own,
and what /proc/cpuinfo would say. So it shows that a profile overrides what the libraries see. It
does not show what another CPU computes under equal instructions. x86-64-v2 is below the default
profile, which it cannot have: there drifts are right, and reported with that reason.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

REQUIREMENTS = """\
metaflow
numpy
scipy
scikit-learn
xgboost-cpu
lightgbm
pandas
polars
"""

FLOW = """\
from metaflow import FlowSpec, step


class NumbersFlow(FlowSpec):
    @step
    def start(self):
        import numpy as np

        numbers = np.random.default_rng(7)
        self.rows = numbers.standard_normal((3000, 20))
        self.target = self.rows @ numbers.standard_normal(20) + numbers.standard_normal(3000)
        self.next(self.algebra)

    @step
    def algebra(self):
        import numpy as np
        import scipy.linalg

        square = self.rows[:300] @ self.rows[300:600].T / 100 + np.eye(300)
        self.product = square @ square
        self.solved = np.linalg.solve(square, self.rows[:300, :3])
        self.singular = np.linalg.svd(self.rows)[1]
        self.logs = np.log(np.abs(self.rows)) + np.exp(self.rows) ** 1.3
        self.expm = scipy.linalg.expm(square[:20, :20] / 9)
        self.next(self.scikit_learn)

    @step
    def scikit_learn(self):
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA
        from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
        from sklearn.linear_model import LinearRegression, LogisticRegression

        rows, target = self.rows, self.target
        self.linear = LinearRegression().fit(rows, target).coef_
        self.logistic = LogisticRegression().fit(rows, target > 0).coef_
        self.components = PCA(5).fit(rows).components_
        self.centers = KMeans(5, n_init=2, random_state=0).fit(rows).cluster_centers_
        boosted = HistGradientBoostingRegressor(max_iter=20, random_state=0)
        self.boosted = boosted.fit(rows, target).predict(rows)
        forest = RandomForestRegressor(5, random_state=0, n_jobs=-1)
        self.forest = forest.fit(rows, target).predict(rows)
        self.next(self.xgboost)

    @step
    def xgboost(self):
        import xgboost

        data = xgboost.DMatrix(self.rows, self.target)
        self.hist = xgboost.train({"tree_method": "hist"}, data, 20).predict(data)
        self.exact = xgboost.train({"tree_method": "exact"}, data, 20).predict(data)
        self.linear = xgboost.train({"booster": "gblinear"}, data, 20).predict(data)
        self.next(self.lightgbm)

    @step
    def lightgbm(self):
        import lightgbm

        def trained(**parameters):
            parameters = {"verbose": -1, "objective": "regression", **parameters}
            data = lightgbm.Dataset(self.rows, self.target)
            return lightgbm.train(parameters, data, 20).predict(self.rows)

        self.trees = trained()
        self.bagged = trained(bagging_fraction=0.5, bagging_freq=1)
        self.next(self.pandas)

    @step
    def pandas(self):
        import pandas

        frame = pandas.DataFrame(self.rows)
        self.correlations = frame.corr()
        self.spread = frame.groupby(frame[0] > 0).std()
        self.rolling = frame.rolling(7).std().dropna()
        self.next(self.polars)

    @step
    def polars(self):
        import numpy as np
        import polars

        numbers = np.random.default_rng(7).standard_normal(1_000_000)
        frame = polars.DataFrame({"x": numbers, "group": np.arange(numbers.size) % 7})
        x = polars.col("x")
        self.groups = frame.group_by("group").agg(x.sum(), x.std().alias("std")).sort("group")
        self.totals = frame.lazy().select(x.mean(), x.exp().sum().alias("exp")).collect()
        streamed = frame.lazy().group_by("group").agg(x.sum(), x.std().alias("std"))
        self.streamed = streamed.sort("group").collect(engine="streaming")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NumbersFlow()
"""

PINNED = "[tool.pytest]\n[tool.flowrepro]\nrecord-runs = 1\n"
PROFILES = {
    "default profile": PINNED,
    "no profile": PINNED + 'threads = "machine"\ncpu = "machine"\n',
}

PLUGIN = """\
import json
import os
from pathlib import Path

from pytest_flowrepro import hardware, numeric, process, rerun
from pytest_flowrepro.pipeline import prepare
from pytest_flowrepro.model import NumericProfile

MACHINE = json.loads(os.environ["BENCHMARK_MACHINE"])
PROFILE = NumericProfile(threads=MACHINE["threads"], cpu=MACHINE["level"])
REAL = hardware.read_hardware()
asked = prepare.read_numerics
features = ()


def read_numerics(built):
    global features
    found = asked(built)
    features = found
    return found


def isolated_environment(extra):
    below = numeric.variables(PROFILE, REAL, features) if features else {}
    return {**below, **process.isolated_environment(extra)}


prepare.read_numerics = read_numerics
rerun.isolated_environment = isolated_environment
if MACHINE["cpuinfo"]:
    hardware._CPUINFO = Path(MACHINE["cpuinfo"])
"""

_FLAGS = {
    "x86-64-v2": "cx16 lahf_lm popcnt sse4_1 sse4_2 ssse3",
}
_FLAGS["x86-64-v3"] = f"{_FLAGS['x86-64-v2']} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
LEVELS = (None, "x86-64-v3", "x86-64-v2")
"""None is this machine's own."""
THREADS = (1, 2, 4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cost", type=int, default=0, metavar="PAIRS")
    given = parser.parse_args()
    machines = [(threads, level) for level in LEVELS for threads in THREADS]
    machines = [(1, None), (16, "x86-64-v3")] if given.quick else machines
    with tempfile.TemporaryDirectory() as folder:
        projects = {name: _recorded(Path(folder) / name, text) for name, text in PROFILES.items()}
        if given.cost:
            _compare_costs(projects, given.cost)
        else:
            _count_drifts(projects, machines)


def _count_drifts(projects: dict[str, Path], machines: list[tuple[int, str | None]]) -> None:
    print(f"{'machine':24}" + "".join(f"{name:>18}" for name in projects))
    totals: Counter[str] = Counter()
    for threads, level in machines:
        found = {name: _drifted(project, threads, level) for name, project in projects.items()}
        totals.update({name: len(drifted) for name, drifted in found.items()})
        counts = "".join(f"{len(drifted):>18}" for drifted in found.values())
        print(f"{threads:>2} threads, {level or 'this CPU':12}{counts}", flush=True)
        for name, drifted in found.items():
            if drifted:
                print(f"    {name}: {', '.join(drifted)}", flush=True)
    print(f"artifacts that drifted: {dict(totals)}, of {len(machines)} machines")


def _compare_costs(projects: dict[str, Path], pairs: int) -> None:
    """Print the seconds of the stage `rerun`, one check of each project after the other."""
    for _ in range(pairs):
        here = os.cpu_count() or 1
        flows = {name: _check(project, here, None) for name, project in projects.items()}
        print({name: flow["seconds"]["rerun"] for name, flow in flows.items()}, flush=True)


def _recorded(folder: Path, configuration: str) -> Path:
    folder.mkdir()
    for name, text in {
        "flow.py": FLOW,
        "requirements.txt": REQUIREMENTS,
        "pyproject.toml": configuration,
        "emulated.py": PLUGIN,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = _pytest(folder, "--flow-repro-update")
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return folder


def _drifted(project: Path, threads: int, level: str | None) -> list[str]:
    """`step.artifact` of whatever a check on such a machine calls another value."""
    changes = _check(project, threads, level)["changes"]
    return [f"{c['step']}.{c['name']}" for c in changes if c["kind"] == "artifact"]


def _check(project: Path, threads: int, level: str | None) -> dict[str, Any]:
    """Return the flow in the report of a check on such a machine."""
    cpuinfo = project / "cpuinfo"
    cpuinfo.write_text(f"flags : {_FLAGS.get(level or '', '')}\n", encoding="utf-8")
    machine = {"threads": threads, "level": level, "cpuinfo": str(cpuinfo) if level else None}
    done = _pytest(
        project,
        *("-p", "emulated", "--flow-repro-json=report.json"),
        env={"BENCHMARK_MACHINE": json.dumps(machine), "PYTHONPATH": str(project)},
        processors=threads,
    )
    if done.returncode > 1:
        sys.exit(done.stdout + done.stderr)
    flow: dict[str, Any]
    (flow,) = json.loads((project / "report.json").read_bytes())["flows"]
    if flow["verdict"] == "error":
        sys.exit(done.stdout)
    return flow


def _pytest(
    folder: Path, *args: str, env: dict[str, str] | None = None, processors: int | None = None
) -> subprocess.CompletedProcess[str]:
    mine = os.sched_getaffinity(0)
    allowed = set(sorted(mine)[:processors])
    os.sched_setaffinity(0, allowed)
    try:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--flow-repro", *args],
            cwd=folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.sched_setaffinity(0, mine)


if __name__ == "__main__":
    main()
