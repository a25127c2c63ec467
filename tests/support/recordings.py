"""A recording of a small flow, for the tests of what is done with recordings."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pytest_flowrepro.baseline.seal import is_seal, seal
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import (
    Artifact,
    CodeFile,
    Decorator,
    Environment,
    Interpreter,
    NumericProfile,
    Package,
    Policy,
    Recording,
    Step,
    System,
    Task,
    TaskLog,
    digest_of,
    lock_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_flowrepro.support.strict_json import Json

LOCK = (
    f"metaflow==2.19.39 \\\n    --hash=sha256:{'a' * 64}\n"
    f"numpy==2.4.5 \\\n    --hash=sha256:{'b' * 64}\n"
)
LOCK_FILE = lock_file(digest_of(LOCK))
"""The name of its file in `__flowrepro__`."""
POLICY = Policy(fail_on=frozenset({"environment", "artifacts", "policy"}))


def artifact(name: str = "score", value: Json = 0.91, *, type: str = "float") -> Artifact:  # noqa: A002
    return Artifact(name=name, type=type, digest=f"sha256:{value!r}", value=value)


def task(step: str, *artifacts: Artifact, index: tuple[int, ...] = ()) -> Task:
    return Task(step=step, index=index, artifacts=artifacts)


def recording(
    *tasks: Task,
    flow: str = "TrainFlow",
    case: str | None = None,
    lock: str = LOCK,
) -> Recording:
    """Of a flow that fans out over `train`; `tasks` take the place of those below."""
    some = (
        task("start", artifact("rows", 100, type="int")),
        task("train", artifact("score", 0.91), index=(0,)),
        task("train", artifact("score", 0.93), index=(1,)),
        task("end"),
    )
    numpy = Package(name="numpy", version="2.4.5", record="sha256:cc", via=("pandas",))
    metaflow = Package(name="metaflow", version="2.19.39", record="sha256:dd", via=())
    return Recording(
        flow=flow,
        case=case,
        code=(CodeFile(path="../shared.csv", sha256="11"), CodeFile(path="train.py", sha256="22")),
        environments=(
            Environment(
                name="base",
                python=Interpreter("cpython", "3.11.7"),
                requirements=("metaflow", "pandas>=2"),
                packages=(metaflow, numpy),
                lock=parse_pypi(lock),
            ),
        ),
        system=System(
            platform="linux",
            machine="x86_64",
            libc="glibc 2.36",
            numeric=NumericProfile(),
            processors=8,
            level="x86-64-v4",
            blas=(("base", (("numpy", "scipy-openblas 0.3.31"),)),),
        ),
        policy=POLICY,
        steps=(
            step("start", "train", type="foreach"),
            step("train", "join", decorators=(Decorator(name="retry", attributes={"times": 3}),)),
            step("join", "end", type="join"),
            step("end", type="end"),
        ),
        parameters=(artifact("alpha", 0.1),),
        tasks=tasks or some,
        runs=2,
    )


def step(
    name: str,
    *following: str,
    type: str = "linear",  # noqa: A002
    decorators: tuple[Decorator, ...] = (),
) -> Step:
    return Step(name=name, type=type, next=following, decorators=decorators)


def log(
    step: str,
    *index: int,
    ok: bool = True,
    attempts: int = 1,
    written: tuple[str, ...] = (),
    stderr: str = "",
) -> TaskLog:
    return TaskLog(
        step=step,
        index=index,
        ok=ok,
        attempts=attempts,
        written=written,
        stdout="",
        stderr=stderr,
    )


def names_in(folder: Path) -> list[str]:
    """The names of the files there, without the seal, whose name depends on the others."""
    return list(unsealed(path.name for path in folder.iterdir()))


def unsealed(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if not is_seal(name)))


def reseal(folder: Path) -> None:
    """Let a baseline that a test has edited be what was recorded."""
    files, values = {}, {}
    for path in folder.iterdir():
        if is_seal(path.name):
            path.unlink()
        elif path.is_file():
            files[path.name] = path.read_bytes().decode()
    for path in (folder / "values").glob("*.npz"):
        values[f"values/{path.name}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    name, text = seal(files, values)
    (folder / name).write_bytes(text.encode())
