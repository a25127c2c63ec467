"""The composition of the stages: what is asked of which, in which order, and what is made of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from fake_stages import FakeStages, earlier, job_of
from flow_processes import flow_source
from locks import locked
from recordings import step

from pytest_flowrepro.environment import begin_use, others_meanwhile, used_by
from pytest_flowrepro.lockfile.conda import parse_conda
from pytest_flowrepro.model import Decorator, Interpreter, Parameter
from pytest_flowrepro.pipeline.job import Doing, Upstream
from pytest_flowrepro.pipeline.pipeline import observe, record
from pytest_flowrepro.pipeline.prepare import environments, steps_of_today
from pytest_flowrepro.settings.settings import FlowSettings
from pytest_flowrepro.settings.variables import PassedThrough
from pytest_flowrepro.support.ending import Ending
from pytest_flowrepro.support.errors import (
    BaselineError,
    CaptureError,
    FlowReproError,
    RerunError,
    SettingsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import Capture, FlowProcess, Recording, Run
    from pytest_flowrepro.pipeline.job import Job
    from pytest_flowrepro.pipeline.stages import Stages
    from pytest_flowrepro.support.strict_json import Json


FAILED = Ending(returncode=1)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_of(tmp_path / "project")


@pytest.fixture
def baseline(job: Job) -> Recording:
    return record(earlier(job), None, FakeStages().stages).recording


def determinism(recording: Recording) -> dict[str, str | None]:
    end = recording.tasks[-1]
    return {artifact.name: artifact.determinism for artifact in end.artifacts}


# --- a recording ------------------------------------------------------------------------------


def test_a_recording_resolves_builds_describes_and_reruns_under_two_hash_seeds(job: Job) -> None:
    fake = FakeStages()
    found = record(job, None, fake.stages)
    assert fake.calls == [
        "find any",
        "resolve metaflow alpha",
        "build base",
        "describe TrainFlow",
        "rerun TrainFlow under hash seed 0",
        "capture TrainFlow",
        "rerun TrainFlow under hash seed 1",
        "capture TrainFlow",
    ]
    assert (found.failure, found.timed_out) == (None, False)
    assert found.recording.steps == fake.steps
    assert [one.title for one in found.recording.tasks] == ["start", "end"]
    assert [one.path for one in found.recording.code] == ["train.py"]
    (base,) = found.recording.environments
    assert base.lock == locked(*fake.pins)
    assert determinism(found.recording) == {"score": "deterministic"}
    assert {name for name, _ in found.seconds} >= {"lock", "environment", "rerun", "capture"}


@pytest.mark.parametrize(
    ("value", "reruns", "wanted"),
    [
        (lambda _seed, _number: 1, 2, "deterministic"),
        (lambda seed, _number: seed, 9, "hash-seed"),
        (lambda _seed, number: number, 3, "nondeterministic"),
    ],
)
def test_a_flow_is_rerun_until_the_cause_of_a_difference_is_known(
    job: Job, value: Callable[[int, int], Json], reruns: int, wanted: str
) -> None:
    fake = FakeStages(value=value)
    found = record(job, None, fake.stages)
    assert (fake.reruns, determinism(found.recording)) == (reruns, {"score": wanted})


def test_a_recording_saves_wheels_and_a_check_reads_them(job: Job, baseline: Recording) -> None:
    fake = FakeStages()
    with_wheels = replace(job, settings=replace(job.settings, wheelhouse="wheels"))
    fresh = replace(with_wheels, fresh=True)
    record(with_wheels, None, fake.stages)
    record(with_wheels, baseline, fake.stages)
    record(fresh, baseline, fake.stages)
    observe(with_wheels, baseline, fake.stages)
    observe(fresh, baseline, fake.stages)
    houses = [request.wheelhouse for request in fake.requests]
    assert [house and house.save for house in houses] == [True, True, True, False, None]


def test_a_required_parameter_without_a_value_is_an_error_before_any_rerun(job: Job) -> None:
    alpha = Parameter(name="alpha", type="Parameter", required=True, default=None)
    fake = FakeStages(parameters=(alpha,))
    with pytest.raises(SettingsError, match="without its required parameter alpha") as caught:
        record(job, None, fake.stages)
    assert "parameters = { alpha = ... }" in caught.value.hint
    assert fake.calls[-1] == "describe TrainFlow"
    given = replace(job, settings=replace(job.settings, parameters={"alpha": 0.1}))
    assert record(given, None, fake.stages).failure is None


# --- a check ----------------------------------------------------------------------------------


def test_a_check_builds_the_recorded_lock_and_reruns_once(job: Job, baseline: Recording) -> None:
    fake = FakeStages(pins=("alpha==2.0", "metaflow==3.0"))
    said: list[Doing] = []
    found = observe(replace(job, progress=said.append), baseline, fake.stages)
    assert [(doing.title, doing.stage) for doing in said] == [
        ("TrainFlow", "rebuilding the environment"),
        ("TrainFlow", "packaging"),
        ("TrainFlow", "running (check run)"),
        ("TrainFlow", "reading artifacts"),
        ("TrainFlow", "looking for edited files"),
    ]
    (running,) = (doing for doing in said if doing.observed is not None)
    assert (running.observed, running.tasks) == (fake.observed, len(baseline.tasks))
    assert fake.calls == [
        "find cpython 3.11.7",
        "build base",
        "rerun TrainFlow under hash seed 0",
        "capture TrainFlow",
    ], "neither a resolver nor Metaflow is asked"
    assert found.recording.environments == baseline.environments
    assert found.recording.steps == baseline.steps
    assert [stage for stage, _ in found.seconds] == ["environment", "package", "rerun", "capture"]


def test_the_environments_of_a_rerun_are_those_of_the_test_of_environments(
    job: Job, baseline: Recording
) -> None:
    fake = FakeStages()
    observed = observe(job, baseline, fake.stages).recording
    before = len(fake.calls)
    assert environments(job, baseline, fake.stages).manifests == observed.environments
    assert len(fake.calls) == before
    # Those of another baseline, or another case of the flow, are not.
    environments(job, replace(baseline), fake.stages)
    environments(replace(job, folder=job.folder / "case"), baseline, fake.stages)
    assert fake.calls[before:] == ["find cpython 3.11.7", "build base"] * 2


def test_environments_without_a_rerun_are_not_in_use_afterwards(
    job: Job, baseline: Recording
) -> None:
    job = replace(job, environments=job.environments / "own")
    environments(job, baseline, FakeStages().stages)
    job.flow.file.write_text("# changed\n", encoding="utf-8")
    steps_of_today(job, FakeStages().stages, baseline, ())
    (place,) = used_by(job.environments, key=str(job.folder))
    begin_use(place, key="another", title="OtherFlow")
    assert others_meanwhile(place, key="another") == ()


def test_metaflow_describes_the_flow_again_if_its_code_has_changed(
    job: Job, baseline: Recording
) -> None:
    job.flow.file.write_text("# changed\n", encoding="utf-8")
    fake = FakeStages()
    found = observe(job, baseline, fake.stages)
    assert "describe TrainFlow" in fake.calls
    assert found.recording.code != baseline.code


def test_a_merged_baseline_vouches_for_no_graph(job: Job, baseline: Recording) -> None:
    fake = FakeStages()
    observe(job, replace(baseline, merged=True), fake.stages)
    assert "describe TrainFlow" in fake.calls


def test_steps_that_are_not_those_of_the_code_are_an_error(job: Job, baseline: Recording) -> None:
    fake = FakeStages(steps=(step("start", "end", type="start"), step("end", type="join")))
    what = "^The baseline of TrainFlow records step end otherwise than its code files define\n"
    with pytest.raises(BaselineError, match=what):
        observe(job, baseline, fake.stages)


def test_requirements_that_changed_are_in_no_lock_and_are_not_resolved_by_a_check(
    job: Job, baseline: Recording
) -> None:
    (job.root / "requirements.txt").write_text("metaflow>=2.12\nsix\nalpha\n", encoding="utf-8")
    fake = FakeStages()
    (base,) = environments(job, baseline, fake.stages).manifests
    assert base.requirements == ("alpha", "metaflow>=2.12", "six")
    assert base.packages == baseline.environments[0].packages
    assert not any(call.startswith("resolve") for call in fake.calls)


def test_a_fresh_check_resolves_what_is_declared_today(job: Job, baseline: Recording) -> None:
    fake = FakeStages(pins=("alpha==2.0", "metaflow==2.19.39"))
    found = observe(replace(job, fresh=True), baseline, fake.stages)
    assert fake.calls[:3] == ["find cpython 3.11.7", "resolve metaflow alpha", "build base"]
    (base,) = found.recording.environments
    assert {one.name: one.version for one in base.packages}["alpha"] == "2.0"


def test_a_baseline_without_an_environment_of_the_flow_is_an_error(
    job: Job, baseline: Recording
) -> None:
    fake = FakeStages()
    with pytest.raises(BaselineError, match="no environment `base`"):
        observe(job, replace(baseline, environments=()), fake.stages)
    assert fake.calls == []


# --- environments of steps --------------------------------------------------------------------

OWN = (
    step(
        "start",
        "end",
        type="start",
        decorators=(Decorator(name="pypi", attributes={"packages": {"pears": "1.0"}}),),
    ),
    step("end", type="end"),
)


CONDA_LOCK = parse_conda(
    f"# platform: linux-64\n@EXPLICIT\nhttps://h/noarch/pears-1.0-0.conda#{'0' * 64}\n"
)


def test_a_step_with_packages_has_an_environment_of_its_own(job: Job) -> None:
    fake = FakeStages(steps=OWN)
    found = record(job, None, fake.stages)
    asked = "resolve metaflow==2.19.39 pears==1.0 requests>=2.21.0"
    at = fake.calls.index("describe TrainFlow")
    assert fake.calls[at + 1 : at + 4] == ["find cpython 3.11.7", asked, "build step-start"]
    base, of_start = found.recording.environments
    assert (base.steps, of_start.steps) == ((), ("start",))
    pythons = fake.processes[0].env["FLOWREPRO_PYTHONS"]
    assert list(json.loads(pythons)) == ["start"]


@pytest.mark.parametrize("check", [observe, environments], ids=["rerun", "no rerun"])
def test_a_step_that_the_baseline_has_no_lock_for_is_an_error(
    job: Job, baseline: Recording, check: Callable[[Job, Recording, Stages], object]
) -> None:
    job.flow.file.write_text("# with packages for its first step\n", encoding="utf-8")
    with pytest.raises(BaselineError, match=r"^step start \(@pypi\) asks for packages") as caught:
        check(job, baseline, FakeStages(steps=OWN).stages)
    assert caught.value.what.endswith("and the baseline of TrainFlow has no lock for them")


def test_a_step_whose_packages_come_from_elsewhere_than_recorded_is_an_error(job: Job) -> None:
    baseline = record(job, None, FakeStages(steps=OWN).stages).recording
    base, of_start = baseline.environments
    by_conda = replace(baseline, environments=(base, replace(of_start, lock=CONDA_LOCK)))
    with pytest.raises(BaselineError) as caught:
        environments(job, by_conda, FakeStages(steps=OWN).stages)
    assert caught.value.what == (
        "step start (@pypi) was recorded with packages from conda, but takes them from PyPI today"
    )


def test_the_conda_packages_of_a_file_may_come_from_pypi_by_name(job: Job) -> None:
    (job.root / "requirements.txt").unlink()
    (job.root / "environment.yml").write_text(
        "dependencies: [six=1.17, requests, {pip: [metaflow]}]\n", encoding="utf-8"
    )
    found = record(
        replace(job, settings=FlowSettings(conda_from_pypi=True)), None, FakeStages().stages
    )
    (base,) = found.recording.environments
    assert base.requirements == ("metaflow", "requests", "six==1.17.*")
    assert found.notes[0] == (
        "environment.yml takes requests, six from conda; they were installed from PyPI instead, "
        "by name"
    )


def test_a_step_is_rebuilt_from_its_own_recorded_lock(job: Job) -> None:
    baseline = record(job, None, FakeStages(steps=OWN).stages).recording
    fake = FakeStages(steps=OWN, pins=("alpha==2.0", "metaflow==3.0"))
    found = observe(job, baseline, fake.stages)
    assert [call for call in fake.calls if call.startswith(("resolve", "build"))] == [
        "build base",
        "build step-start",
    ]
    assert found.recording.environments == baseline.environments


# --- flows that run before it -----------------------------------------------------------------


def with_upstream(job: Job) -> Job:
    first = replace(job, flow=flow_source(job.root / "train.py", "IngestFlow"))
    return replace(job, after=(Upstream(job=first, baseline=None),))


def test_the_flows_before_it_run_first_into_its_datastore(job: Job) -> None:
    fake = FakeStages()
    found = record(with_upstream(job), None, fake.stages)
    assert [call for call in fake.calls if call.startswith("rerun")] == [
        f"rerun {flow} under hash seed {seed}"
        for seed in (0, 1)
        for flow in ("IngestFlow", "TrainFlow")
    ]
    before, flow, *_ = fake.processes
    datastore = "METAFLOW_DATASTORE_SYSROOT_LOCAL"
    assert before.env[datastore] == flow.env[datastore]
    assert before.flow.file != flow.flow.file
    assert "IngestFlow ran before it" in found.notes


def test_a_flow_before_it_that_fails_is_an_error_that_names_both(job: Job) -> None:
    fake = FakeStages(ending=FAILED, output="KeyError: 'sales'")
    with pytest.raises(RerunError) as it:
        record(with_upstream(job), None, fake.stages)
    assert it.value.what == "TrainFlow depends on IngestFlow, which failed: exit code 1"
    assert "KeyError: 'sales'" in it.value.detail
    assert it.value.hint.startswith("fix IngestFlow: ")
    assert fake.calls[-1] == "rerun IngestFlow under hash seed 0"


# --- flows that fail --------------------------------------------------------------------------


def test_a_flow_that_fails_is_observed_as_far_as_it_came(job: Job, baseline: Recording) -> None:
    fake = FakeStages(ending=FAILED, output="ValueError: no rows")
    for found in (record(job, None, fake.stages), observe(job, baseline, fake.stages)):
        assert (found.failure, found.timed_out) == ("exit code 1", False)
        assert found.output == "ValueError: no rows"
        assert [one.title for one in found.recording.tasks] == ["start", "end"]
    assert fake.reruns == 2, "a recording ends with the rerun that fails"


def test_a_flow_that_fails_under_another_hash_seed_only_says_so(job: Job) -> None:
    fake = FakeStages()

    def rerun(process: FlowProcess, *rest: Any) -> Run:
        fake.ending = Ending(returncode=int(process.env["PYTHONHASHSEED"]))
        return fake.rerun(process, *rest)

    found = record(job, None, replace(fake.stages, rerun=rerun))
    assert (found.failure, fake.reruns) == ("exit code 1 under hash seed 1", 2)


def test_a_flow_that_takes_too_long_was_stopped(job: Job, baseline: Recording) -> None:
    found = observe(
        job, baseline, FakeStages(ending=Ending(returncode=-9, stopped_after=60)).stages
    )
    assert (found.failure, found.timed_out) == ("stopped after 60 s", True)


def test_a_flow_that_never_starts_is_an_error_with_its_output(
    job: Job, baseline: Recording
) -> None:
    fake = FakeStages(ending=FAILED, run_id=None, output="Invalid value for '--alpha'")
    with pytest.raises(RerunError, match="TrainFlow did not start: exit code 1") as caught:
        observe(job, baseline, fake.stages)
    assert "Invalid value for '--alpha'" in caught.value.detail
    assert "capture TrainFlow" not in fake.calls


@pytest.mark.parametrize(
    "lost",
    [
        "observed/started.jsonl",
        "observed/end-2-0.json",
        "datastore/.metaflow/TrainFlow/17/end/2/0.DONE.lock",
        "datastore/.metaflow/TrainFlow/17/_parameters/0/0.data.json",
    ],
)
def test_an_exit_code_of_0_without_all_records_is_not_a_success(
    job: Job, baseline: Recording, lost: str
) -> None:
    with pytest.raises(CaptureError, match="its records are incomplete"):
        observe(job, baseline, FakeStages(lost=lost).stages)


def test_values_that_cannot_be_read_are_an_error_unless_the_flow_failed_before(
    job: Job, baseline: Recording
) -> None:
    def capture(*_: object) -> Capture:
        raise CaptureError("The artifacts cannot be read", hint="run again")

    fake = FakeStages()
    with pytest.raises(CaptureError, match="artifacts cannot be read"):
        observe(job, baseline, replace(fake.stages, capture=capture))
    failed = FakeStages(ending=FAILED)
    found = observe(job, baseline, replace(failed.stages, capture=capture))
    assert (found.failure, found.recording.tasks) == ("exit code 1", ())


# --- secrets ----------------------------------------------------------------------------------


def test_values_that_are_passed_through_are_in_no_output_and_no_error(
    job: Job, baseline: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cr3t-token")
    job = replace(job, settings=FlowSettings(env={"API_TOKEN": PassedThrough()}))
    found = observe(job, baseline, FakeStages(ending=FAILED, output="bad s3cr3t-token").stages)
    assert "s3cr3t-token" not in repr(found)
    fake = FakeStages(run_id=None, output="bad s3cr3t-token")
    with pytest.raises(FlowReproError) as caught:
        observe(job, baseline, fake.stages)
    assert fake.processes[0].env["API_TOKEN"] == "s3cr3t-token"
    assert "s3cr3t-token" not in f"{caught.value.what}{caught.value.hint}{caught.value.detail}"


def test_an_interpreter_of_the_project_is_asked_for_by_a_recording(job: Job) -> None:
    (job.root / ".python-version").write_text("3.12\n", encoding="utf-8")
    fake = FakeStages()
    record(job, None, fake.stages)
    assert fake.calls[0] == f"find {Interpreter('cpython', '3.12')}.python-version"
