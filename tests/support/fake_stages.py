"""Stages that answer at once, for tests of what the pipeline makes of their answers."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flow_processes import flow_source
from locks import locked
from recordings import artifact, log, step

from pytest_flowrepro.model import (
    BuiltEnvironment,
    Capture,
    Environment,
    FlowDescription,
    Interpreter,
    Package,
    PypiLock,
    Run,
    Task,
)
from pytest_flowrepro.pipeline.job import Job
from pytest_flowrepro.pipeline.stages import Stages
from pytest_flowrepro.settings.settings import FlowSettings
from pytest_flowrepro.support.ending import Ending
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_flowrepro.advice.advice import Situation
    from pytest_flowrepro.capture.capture import Reading
    from pytest_flowrepro.environment import EnvironmentBuilder, InstallRequest
    from pytest_flowrepro.model import FlowProcess, Lock, Parameter, Requirements, Step
    from pytest_flowrepro.rerun.rerun import Place, RunOptions
    from pytest_flowrepro.support.strict_json import Json

TRAIN = "from metaflow import FlowSpec\n\n\nclass TrainFlow(FlowSpec): ...\n\n\nTrainFlow()\n"


def job_of(root: Path, **more: object) -> Job:
    """TrainFlow in a project, which is created; `more` are fields of the job."""
    file = root / "train.py"
    if not file.exists():
        root.mkdir(exist_ok=True)
        file.write_text(TRAIN, encoding="utf-8")
        (root / "requirements.txt").write_text("metaflow\nalpha\n", encoding="utf-8")
    fields = {
        "flow": flow_source(file),
        "case": None,
        "settings": FlowSettings(),
        "root": root,
        "folder": root.parent / "session",
        "environments": root.parent / "environments",
        "resolutions": root.parent / "resolutions",
    }
    return Job(**{**fields, **more})  # type: ignore[arg-type]


def earlier(job: Job) -> Job:
    """The same job in an earlier session."""
    return replace(job, resolutions=job.resolutions.with_name("earlier"))


@dataclass
class FakeStages:
    """The answers of the stages, and a record of their calls."""

    pins: tuple[str, ...] = ("alpha==1.0", "metaflow==2.19.39")
    """The resolution of any requirements today."""
    steps: tuple[Step, ...] = (step("start", "end", type="start"), step("end", type="end"))
    python: Interpreter = field(default_factory=lambda: Interpreter("cpython", "3.11.7"))
    """The interpreter that is found, whatever is asked for."""
    absent: Interpreter | None = None
    """An interpreter that this machine does not have."""
    parameters: tuple[Parameter, ...] = ()
    artifact: str = "score"
    """The only artifact, which is set in `end`."""
    value: Callable[[int, int], Json] = lambda _seed, _number: 0.9
    """Its value, by the hash seed and the number of the rerun."""
    ending: Ending = field(default_factory=Ending)
    """The end of each rerun."""
    run_id: str | None = "17"
    output: str = ""
    lost: str | None = None
    """A file of the run that is not there, below its root."""
    calls: list[str] = field(default_factory=list)
    """One line for each call."""
    requests: list[InstallRequest] = field(default_factory=list)
    processes: list[FlowProcess] = field(default_factory=list)
    reruns: int = 0
    observed: Path | None = None
    """The folder for the records of the tasks of the last rerun."""

    @property
    def stages(self) -> Stages:
        return Stages(
            find_interpreter=self.find_interpreter,
            identify_interpreter=lambda _: self.python,
            resolve=self.resolve,
            build=self.build,
            describe=self.describe,
            rerun=self.rerun,
            capture=self.capture,
        )

    def find_interpreter(
        self,
        requires: str | None = None,
        *,
        recorded: Interpreter | None = None,
        requested: Interpreter | None = None,
        requested_by: str = "",
    ) -> Path:
        self.calls.append(f"find {recorded or requested or requires or 'any'}{requested_by}")
        if recorded is not None and recorded == self.absent:
            raise EnvironmentBuildError(f"{recorded} was not found", hint="install it")
        return Path(sys.executable)

    def resolve(
        self, job: Job, requirements: Requirements, python: Path | None, workspace: Path
    ) -> Lock:
        assert (python, workspace.is_relative_to(job.resolutions)) == (Path(sys.executable), True)
        self.calls.append(f"resolve {' '.join(requirements.lines)}")
        return locked(*self.pins)

    def build(
        self, builder: EnvironmentBuilder, request: InstallRequest, folder: Path
    ) -> BuiltEnvironment:
        self.calls.append(f"build {request.name}")
        self.requests.append(request)
        place = folder / builder.lock.contents[-8:]
        (place / "lib" / "python3.11" / "site-packages").mkdir(parents=True, exist_ok=True)
        assert isinstance(builder.lock, PypiLock)
        packages = (
            Package(name=one.name, version=one.version, record=f"sha256:{one.version}", via=())
            for one in builder.lock.packages
        )
        manifest = Environment(
            name=request.name,
            python=self.python,
            packages=tuple(packages),
            lock=builder.lock,
            requirements=tuple(sorted(builder.requirements.lines)),
            constraints=builder.requirements.constraint_sources,
            steps=request.steps,
        )
        return BuiltEnvironment(
            path=place,
            python=place / "bin" / "python",
            manifest=manifest,
            notes=builder.requirements.notes,
        )

    def describe(
        self, process: FlowProcess, situation: Situation, _: Path, __: Sequence[str]
    ) -> FlowDescription:
        self.calls.append(f"describe {situation.flow.name}")
        return FlowDescription(
            name=process.flow.name,
            steps=self.steps,
            decorators=(),
            parameters=self.parameters,
            files=(),
        )

    def rerun(self, process: FlowProcess, place: Place, _: RunOptions, __: Sequence[Path]) -> Run:
        seed = process.env["PYTHONHASHSEED"]
        self.calls.append(f"rerun {process.flow.name} under hash seed {seed}")
        self.processes.append(process)
        self.observed = place.observed
        run = Run(
            flow=process.flow.name,
            run_id=self.run_id,
            datastore=place.datastore,
            observed=place.observed,
            ending=self.ending,
            output=self.output,
            seconds=60,
        )
        if run.run_id:
            self._leave_records(run)
        if self.lost:
            (place.root / self.lost).unlink()
        return run

    def capture(self, run: Run, _: Reading) -> Capture:
        self.calls.append(f"capture {run.flow}")
        self.reruns += 1
        seed = int(self.processes[-1].env["PYTHONHASHSEED"])
        set_in_end = artifact(self.artifact, self.value(seed, self.reruns))
        return Capture(
            parameters=(),
            tasks=tuple(
                Task(step=one.name, index=(), artifacts=(set_in_end,) if one.name == "end" else ())
                for one in self.steps
            ),
            logs=tuple(log(one.name) for one in self.steps),
        )

    def _leave_records(self, run: Run) -> None:
        """Write the files that Metaflow and our extension leave of a run that ended well."""
        tasks = {one.name: str(number) for number, one in enumerate(self.steps, start=1)}
        started: list[Json] = [{"step": name, "task_id": id_} for name, id_ in tasks.items()]
        _write(run.observed / "started.jsonl", *started)
        _write(run.observed / "graph.json", {"steps": [_graph_step(one) for one in self.steps]})
        for name, id_ in {"_parameters": "0", **tasks}.items():
            folder = run.datastore / ".metaflow" / run.flow / str(run.run_id) / name / id_
            for file in ("attempt.json", "DONE.lock"):
                _write(folder / f"0.{file}", {})
            _write(folder / "0.data.json", {"objects": {}})
            observation: dict[str, Json] = {"step": name, "task_id": id_, "attempt": 0, "ok": True}
            observation |= {"join": False, "inputs": [], "set": [], "cards": []}
            observation |= {"written": [], "modules": [], "sources": []}
            _write(run.observed / f"{name}-{id_}-0.json", observation)


def _write(file: Path, *lines: Json) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def _graph_step(one: Step) -> Json:
    decorators: list[Json] = [
        {"name": decorator.name, "attributes": decorator.attributes} for decorator in one.decorators
    ]
    return {"name": one.name, "type": one.type, "next": list(one.next), "decorators": decorators}
