"""Values of libraries, as docs/reference/types.md tells: one test for each row of its tables."""

from __future__ import annotations

import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import FLOWS
from environments import build_environment
from filelock import FileLock
from requirement_lines import requirement_lines

from pytest_flowrepro.diff import compare_artifact, is_within_tolerance
from pytest_flowrepro.diff.values.compare import MALFORMED, UNEXPLAINED, UNSHOWN, compare
from pytest_flowrepro.diff.values.tables import UNRECORDED
from pytest_flowrepro.environment import InstallRequest, learn_modules
from pytest_flowrepro.lock import resolver
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Artifact, Requirements
from pytest_flowrepro.model.patterns import Patterns
from pytest_flowrepro.support.in_venv import IN_VENV
from pytest_flowrepro.support.process import run_process, user_environment

if TYPE_CHECKING:
    from conftest import Project

    from pytest_flowrepro.diff.values.compare import Comparison
    from pytest_flowrepro.model import BuiltEnvironment

TYPES = FLOWS / "types"
PROBE = Path(__file__).parents[1] / "support" / "types_probe.py"
TOLERANCE_PROBE = PROBE.with_name("tolerance_probe.py")
PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "types.md").read_text("utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
OF_THE_FLOW = "metaflow.Run"
"""Only a flow can build one: TypesFlow does."""

OWN_PYTHON = os.environ.get("FLOWREPRO_TYPES_PYTHON")
"""An interpreter that has the libraries already, and may have torch."""

Read = dict[str, dict[str, Any]]
"""Name -> the `place` of its change, and what is known of its pickles `0`, `1` and `same`."""


@pytest.fixture(scope="session")
def types_environment(session_folder: Path) -> BuiltEnvironment:
    """With all libraries but torch, whose wheel on PyPI brings gigabytes of CUDA."""
    folder = session_folder / "types-environment"
    folder.mkdir(exist_ok=True)
    lines = tuple((TYPES / "requirements.txt").read_text("utf-8").split())
    with FileLock(folder / "lock.lock"):
        lock_file = folder / "lock.txt"
        if not lock_file.exists():
            found = resolver("uv").resolve(
                Requirements(requirements=requirement_lines(*lines), source="requirements.txt"),
                python=Path(sys.executable),
                workspace=folder,
                timeout=300,
            )
            lock_file.write_text(found.text, encoding="utf-8")
    return build_environment(
        parse_pypi(lock_file.read_text("utf-8")),
        InstallRequest(name="base", installer="uv", timeout=600),
        requirements=lines,
        folder=session_folder / "environments",  # the flow below runs in the same one
    )


@dataclass(frozen=True)
class Probe:
    """Runs types_probe.py and tolerance_probe.py of tests/support with the libraries."""

    python: Path
    bytecode: dict[str, str]

    def __call__(self, seed: int, *args: str | Path) -> None:
        self.run(PROBE, TYPES, seed, *args)

    def run(self, script: Path, values: Path, seed: int, *args: str | Path) -> None:
        path = {"PYTHONHASHSEED": str(seed), "PYTHONPATH": f"{values}{os.pathsep}{IN_VENV}"}
        env = user_environment({**path, **self.bytecode})
        done = run_process([self.python, script, *args], env=env, cwd=values, timeout=300)
        assert done.ok, done.stdout + done.stderr


@pytest.fixture(scope="session")
def probe(request: pytest.FixtureRequest, session_folder: Path) -> Probe:
    if OWN_PYTHON:
        return Probe(Path(OWN_PYTHON), {})
    built: BuiltEnvironment = request.getfixturevalue("types_environment")
    return Probe(built.python, {"PYTHONPYCACHEPREFIX": str(session_folder / "types-pycache")})


@pytest.fixture
def compiled(
    project: Project,
    types_environment: BuiltEnvironment,
    read: tuple[Read, Read],
    session_folder: Path,
) -> Project:
    """A project whose session compiles, before the reruns, what the probe needed: 10 s less."""
    assert read
    learn_modules([types_environment], session_folder / "types-pycache")
    return project


@pytest.fixture(scope="session")
def read(session_folder: Path, probe: Probe) -> tuple[Read, Read]:
    """What was built under hash seed 0 and under 1, each read by a process of its own under seed 0,
    the second one in the opposite order.
    """
    made = session_folder / "types-values"
    made.mkdir(exist_ok=True)
    results = (made / "0.json", made / "1.json")
    with FileLock(session_folder / "types-values.lock"), ThreadPoolExecutor() as pool:
        if not results[1].exists():
            stored = (made / "0.pickle", made / "1.pickle")
            # One after the other: the second one has the bytecode of the first.
            for seed in (0, 1):
                probe(seed, "build", stored[seed])
            orders = ("forwards", "backwards")
            for _ in pool.map(probe, (0, 0), ("read", "read"), stored, results, orders):
                pass
    first, second = (json.loads(result.read_bytes()) for result in results)
    return first, second


def artifact(found: dict[str, Any]) -> Artifact:
    return Artifact(name="value", **found)


@pytest.mark.parametrize("row", [row for row in ROWS if row != OF_THE_FLOW])
def test_a_value_is_compared_by_what_it_means(row: str, read: tuple[Read, Read]) -> None:
    first, second = (one.get(row, {}) for one in read)
    if row.startswith("torch") and not first:
        pytest.skip(
            "needs torch, whose wheel on PyPI brings gigabytes of CUDA: name an interpreter that "
            "has it and the other libraries in FLOWREPRO_TYPES_PYTHON"
        )

    digests = {shape: first[shape]["digest"] for shape in first if shape != "place"}
    assert digests == {shape: second[shape]["digest"] for shape in digests}
    assert digests.get("same", digests["0"]) == digests["0"]
    assert digests["1"] != digests["0"]

    lines = compare(artifact(first["0"]), artifact(first["1"])).lines
    assert any(first["place"] in line for line in lines), lines


def test_the_page_has_a_row_for_each_value(read: tuple[Read, Read]) -> None:
    assert len(ROWS) == len(set(ROWS))
    built = {row for row in ROWS if not row.startswith("torch")} - {OF_THE_FLOW}
    assert {name for name in read[0] if not name.startswith("torch")} == built


@pytest.fixture(scope="session")
def numbers(session_folder: Path, probe: Probe) -> tuple[Any, Path]:
    """What tests/support/tolerance_probe.py found, and the folder of the values that it stored."""
    folder = session_folder / "tolerance-values"
    folder.mkdir(exist_ok=True)
    result = folder / "result.json"
    with FileLock(session_folder / "tolerance-values.lock"):
        if not result.exists():
            probe.run(TOLERANCE_PROBE, FLOWS / "numbers", 0, result, folder)
    return json.loads(result.read_bytes()), folder


def probed(found: dict[str, Any], folder: Path) -> Artifact:
    stored = found["stored"] and folder / found["stored"]
    return Artifact(name="value", **{**found, "stored": stored})


VAGUE = {UNSHOWN, UNEXPLAINED, MALFORMED, UNRECORDED}
"""What tells no place."""


def is_named(place: str, found: Comparison) -> bool:
    return any(place in line for line in found.lines) and not VAGUE & {*found.lines}


def test_a_tolerance_holds_for_every_number_wherever_it_is(numbers: tuple[Any, Path]) -> None:
    found, folder = numbers
    percent = Patterns(rtol=(("**", 0.01),))
    wrong = []
    for name, case in found["numbers"].items():
        base, below, above = (probed(case[side], folder) for side in ("base", "below", "above"))
        let_pass, drifted = (
            compare_artifact("start", base, new, percent) for new in (below, above)
        )
        assert let_pass
        assert drifted
        if not is_within_tolerance(let_pass) or not let_pass.tolerated or let_pass.lines:
            wrong.append((name, "below", let_pass))
        if (
            is_within_tolerance(drifted)
            or not drifted.complete
            or not is_named(case["place"], drifted)
        ):
            wrong.append((name, "above", drifted))
    assert wrong == []
    assert len(found["numbers"]) > 500


def test_no_tolerance_lets_pass_what_is_not_a_number(numbers: tuple[Any, Path]) -> None:
    found, folder = numbers
    anything = Patterns(rtol=(("**", 10.0),), atol=(("**", 100.0),))
    wrong = []
    for name, case in found["exact"].items():
        old, new = (probed(case[side], folder) for side in ("old", "new"))
        drifted = compare_artifact("start", old, new, anything)
        if drifted is None or is_within_tolerance(drifted) or not is_named("", drifted):
            wrong.append((name, drifted))
    assert wrong == []
    assert len(found["exact"]) > 60


EXPLAINED = {
    "array": ".data: 1 of 3 elements differs, at [2]: 3.0 -> 4.0",
    "category": ".values: 1 of 3 elements differs, at [2]: 'a' -> 'b'",
    "distribution": ".args[1]: 1 -> 2",
    "figure": ".axes[0]['lines'][0]: 1 of 6 elements differs, at [2, 1]: 3.0 -> 4.0",
    "frame": ".n.values: 1 of 3 elements differs, at [2]: 3 -> 4",
    "graph": "['weight']: 2 -> 3",
    "lgb": ".booster.trees[0]",
    "matrix": ".data: 1 of 3 elements differs, at [1]: 2.0 -> 3.0",
    "model": ".coef_: 4 of 4 elements differ, first at [0, 0]",
    "order": ".item: 'i0' -> 'i1'",
    "picture": ".pixels: 1 of 36 elements differs, at [2, 1, 2]: 9 -> 10",
    "prices": ".data['a']: 1 of 2 elements differs, at [1]: 2 -> 3",
    "reference": ".pathspec: 'TypesFlow/<run>' -> 'TypesFlow/<run>/start'",
    "station": ".depths: added 'r1'",
    "table": ".n.values: 1 of 3 elements differs, at [2]: 3 -> 4",
    "words": ".vocabulary_['baz1']: added 1",
    "xgb": ".gradient_booster['model']['trees'][0]",
}


def test_artifacts_of_libraries_reproduce_and_a_changed_leaf_is_named(compiled: Project) -> None:
    project = compiled
    project.place_flows("types")
    project.record().assert_outcomes(passed=4)
    recorded = project.artifacts("TypesFlow", "types_flow")["start"]["[]"]
    assert recorded.keys() == {*EXPLAINED, "kept"}
    assert {name for name in recorded if "picture" in recorded[name]} == {"figure", "picture"}

    # Among what reproduces is CountVectorizer, whose state holds an address in memory.
    project.edit("types_flow.py", "CHANGED = 0", "CHANGED = 1")
    (flow,) = project.report()["flows"]
    changes = [change for change in flow["changes"] if change["kind"] != "code"]
    assert all(change["gated"] for change in changes)
    assert {change["name"] for change in changes} == EXPLAINED.keys()
    for change in changes:
        place = EXPLAINED[change["name"]]
        assert any(place in line for line in change["explanation"]), change["explanation"]
    images = {change["name"]: change["pictures"] for change in changes if change["pictures"]}
    for name in ("figure", "picture"):
        (drawn,) = images[name]
        assert drawn["kind"] == "images"
        assert drawn["old"] != drawn["new"]
