"""What a recording of a flow with a baseline resolves, and what it keeps."""

from __future__ import annotations

import platform
import sys
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from fake_stages import FakeStages, earlier, job_of
from flow_processes import flow_source
from locks import by_pip_tools, locked
from recordings import recording, step
from requirement_lines import requirement_lines

from pytest_flowrepro.lockfile.conda import parse_conda, this_platform
from pytest_flowrepro.model import (
    CondaPackages,
    CondaSpec,
    Decorator,
    Interpreter,
    Requirements,
)
from pytest_flowrepro.pipeline.job import Upstream
from pytest_flowrepro.pipeline.kept_lock import NO_CHOICE, LockChoice, choose_lock, lock_notes
from pytest_flowrepro.pipeline.pipeline import record
from pytest_flowrepro.settings.settings import FlowSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_flowrepro.model import Environment, Lock, Recording, Step
    from pytest_flowrepro.pipeline.job import Job

DAY = date(2026, 1, 1)
NEWER = ("alpha==2.0", "metaflow==2.19.39")
"""The index has published another alpha since the recording."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    job = job_of(tmp_path / "project")
    (job.root / "requirements.txt").write_text("-c pins.txt\nmetaflow\nalpha\n", "utf-8")
    (job.root / "pins.txt").write_text("beta<2\n", "utf-8")
    return job


@pytest.fixture
def baseline(job: Job) -> Recording:
    return record(earlier(job), None, FakeStages().stages).recording


def resolved(fake: FakeStages) -> list[str]:
    return [call.removeprefix("resolve ") for call in fake.calls if call.startswith("resolve")]


def with_base(baseline: Recording, **fields: object) -> Recording:
    base, *others = baseline.environments
    return replace(baseline, environments=(replace(base, **fields), *others))  # type: ignore[arg-type]


# --- the flow's own environment ---------------------------------------------------------------


def test_a_recording_keeps_the_recorded_lock(job: Job, baseline: Recording) -> None:
    job.flow.file.write_text(f"{job.flow.file.read_text('utf-8')}# changed\n", "utf-8")
    fake = FakeStages(pins=NEWER)
    found = record(job, baseline, fake.stages)
    assert fake.calls[:3] == ["find cpython 3.11.7", "build base", "describe TrainFlow"]
    assert found.recording.environments == baseline.environments
    assert found.recording.code != baseline.code
    assert not [note for note in found.notes if "environment" in note]
    assert "lock" not in dict(found.seconds)


@pytest.mark.parametrize("more", [{"fresh": True}, {"as_of": DAY}])
def test_a_recording_resolves_if_asked_to(
    job: Job, baseline: Recording, more: dict[str, object]
) -> None:
    fake = FakeStages(pins=NEWER)
    found = record(replace(job, **more), baseline, fake.stages)  # type: ignore[arg-type]
    assert resolved(fake) == ["metaflow alpha"]
    assert found.recording.environments[0].lock == locked(*NEWER)
    assert not [note for note in found.notes if "environment base" in note]


def test_the_installer_of_a_recording_does_not_move_packages(job: Job, baseline: Recording) -> None:
    fake = FakeStages(pins=NEWER)
    record(replace(job, installer="pip-tools"), baseline, fake.stages)
    assert (resolved(fake), fake.requests[0].installer) == ([], "pip-tools")


def declare(name: str, text: str) -> Callable[[Job, Recording], Recording]:
    def change(job: Job, baseline: Recording) -> Recording:
        (job.root / name).write_text(text, encoding="utf-8")
        return baseline

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            declare("requirements.txt", "-c pins.txt\nmetaflow\nalpha<3\n"),
            "its requirements changed",
        ),
        (declare("requirements.txt", "metaflow\nalpha\n"), "pins.txt changed"),
        (declare("pins.txt", "beta<3\n"), "pins.txt changed"),
        (declare("uv.toml", 'resolution = "lowest"\n'), "uv.toml changed"),
        (
            lambda _, baseline: with_base(baseline, python=Interpreter("cpython", "3.10.4")),
            "it was recorded with cpython 3.10.4 and has cpython 3.11.7 now",
        ),
        (
            lambda _, baseline: with_base(baseline, python=Interpreter("pypy", "3.11.7")),
            "it was recorded with pypy 3.11.7 and has cpython 3.11.7 now",
        ),
        (
            lambda _, baseline: with_base(
                baseline, lock=by_pip_tools("# By pip-tools, for plan9 mips only.")
            ),
            "its lock is for plan9 mips only",
        ),
    ],
)
def test_a_lock_that_is_not_one_for_the_declaration_is_resolved_anew(
    job: Job,
    baseline: Recording,
    change: Callable[[Job, Recording], Recording],
    reason: str,
) -> None:
    fake = FakeStages(pins=NEWER)
    found = record(job, change(job, baseline), fake.stages)
    assert len(resolved(fake)) == 1
    assert found.recording.environments[0].lock == locked(*NEWER)
    assert f"environment base: resolved anew, as {reason}" in found.notes


@pytest.mark.parametrize(
    "baseline_now",
    [
        lambda _: None,
        lambda baseline: replace(baseline, environments=()),
    ],
)
def test_without_a_recorded_lock_there_is_nothing_to_keep_or_to_say(
    job: Job, baseline: Recording, baseline_now: Callable[[Recording], Recording | None]
) -> None:
    fake = FakeStages(pins=NEWER)
    found = record(job, baseline_now(baseline), fake.stages)
    assert resolved(fake) == ["metaflow alpha"]
    assert not [note for note in found.notes if "environment base" in note]


@pytest.mark.parametrize(
    ("python", "anew"), [("3.11.9", []), ("3.12.1", ["metaflow alpha"])], ids=["patch", "minor"]
)
def test_a_recorded_interpreter_that_is_not_here_gives_way_to_another(
    job: Job, baseline: Recording, python: str, anew: list[str]
) -> None:
    absent = Interpreter("cpython", "3.11.7")
    fake = FakeStages(python=Interpreter("cpython", python), absent=absent)
    found = record(job, baseline, fake.stages)
    assert (resolved(fake), str(found.recording.environments[0].python)) == (
        anew,
        f"cpython {python}",
    )


def test_a_lock_by_pip_tools_for_this_machine_is_kept(job: Job, baseline: Recording) -> None:
    lock = by_pip_tools(f"# By pip-tools, for {sys.platform} {platform.machine()} only.")
    fake = FakeStages(pins=NEWER)
    found = record(job, with_base(baseline, lock=lock), fake.stages)
    assert (resolved(fake), found.recording.environments[0].lock) == ([], lock)


# --- the environments of steps ----------------------------------------------------------------


def own(name: str, following: str, **packages: str) -> Step:
    """A step with packages of its own."""
    declared = Decorator(name="pypi", attributes={"packages": {**packages}})
    return step(
        name, following, type="start" if name == "start" else "linear", decorators=(declared,)
    )


END = step("end", type="end")
PEARS = (own("start", "sort", pears="1.0"), own("sort", "end", plums="1.0"), END)


def recorded_with_steps(job: Job) -> Recording:
    return record(earlier(job), None, FakeStages(steps=PEARS).stages).recording


def test_every_environment_is_kept(job: Job) -> None:
    baseline = recorded_with_steps(job)
    fake = FakeStages(steps=PEARS, pins=NEWER)
    found = record(job, baseline, fake.stages)
    assert resolved(fake) == []
    assert found.recording.environments == baseline.environments
    assert not [note for note in found.notes if "environment" in note]


def test_only_the_environment_whose_requirements_changed_is_resolved_anew(job: Job) -> None:
    baseline = recorded_with_steps(job)
    fake = FakeStages(
        steps=(own("start", "sort", pears="2.0"), own("sort", "end", plums="1.0"), END),
        pins=NEWER,
    )
    found = record(job, baseline, fake.stages)
    assert resolved(fake) == ["metaflow==2.19.39 pears==2.0 requests>=2.21.0"]
    assert [note for note in found.notes if "environment" in note] == [
        "environment step-start: resolved anew, as its requirements changed",
    ]


def test_a_step_that_is_renamed_keeps_its_lock_and_a_new_one_gets_one(job: Job) -> None:
    baseline = recorded_with_steps(job)
    fake = FakeStages(
        steps=(own("start", "weigh", figs="1.0"), own("weigh", "end", plums="1.0"), END),
        pins=NEWER,
    )
    found = record(job, baseline, fake.stages)
    assert resolved(fake) == ["figs==1.0 metaflow==2.19.39 requests>=2.21.0"]
    locks = {env.name: env.lock for env in found.recording.environments}
    assert locks["step-weigh"] == baseline.environments[2].lock
    assert locks["step-start"] == locked(*NEWER)


# --- flows that run before it, cases ----------------------------------------------------------


def test_a_flow_that_runs_before_a_recording_has_its_recorded_lock(
    job: Job, baseline: Recording
) -> None:
    upstream = replace(job, flow=flow_source(job.root / "train.py", "IngestFlow"), fresh=True)
    fake = FakeStages(pins=NEWER)
    after = (Upstream(job=upstream, baseline=baseline),)
    record(replace(job, fresh=True, after=after), baseline, fake.stages)
    assert resolved(fake) == ["metaflow alpha"], "of the recorded flow alone"
    assert [call for call in fake.calls if call.startswith("build")] == ["build base"] * 2


# --- conda, and locks of the project ----------------------------------------------------------

CHANNEL = "https://conda.example/forge"


def of_conda(subdir: str) -> Lock:
    return parse_conda(
        f"# platform: {subdir}\n@EXPLICIT\n{CHANNEL}/noarch/pear-2.1-0.conda#{'a' * 64}\n"
    )


def conda_environment(lock: Lock) -> Environment:
    base = recording().environments[0]
    return replace(base, lock=lock, requirements=("pear=2", "python"), constraints=())


@pytest.mark.parametrize(
    ("channels", "configured", "subdir", "spec", "reason"),
    [
        ((CHANNEL,), (), None, "pear=2", None),
        (("https://ann:hunter2@conda.example/forge",), (), None, "pear=2", None),
        ((CHANNEL,), (), None, "pear=3", "as its requirements changed"),
        (("https://conda.example/other",), (), None, "pear=2", "as its conda channels changed"),
        ((), (CHANNEL,), None, "pear=2", "as its conda channels changed"),
        ((CHANNEL,), (), "plan9-mips", "pear=2", "as its lock is for plan9-mips only"),
    ],
)
def test_a_lock_of_conda_is_kept_for_the_same_specs_channels_and_platform(
    job: Job,
    channels: tuple[str, ...],
    configured: tuple[str, ...],
    subdir: str | None,
    spec: str,
    reason: str | None,
) -> None:
    lock = of_conda(subdir or this_platform())
    baseline = replace(recording(), environments=(conda_environment(lock),))
    asked = Requirements(
        requirements=(),
        source="environment.yml",
        conda=CondaPackages(specs=(CondaSpec.parse(spec),), channels=channels),
    )
    job = replace(job, recording=True, settings=FlowSettings(conda_channels=configured))
    choice = choose_lock(job, "base", asked, None, baseline)
    assert choice == (LockChoice(reason=reason) if reason else LockChoice(lock=lock))


def test_packages_from_pypi_have_no_use_for_a_lock_of_conda(job: Job) -> None:
    environment = conda_environment(of_conda(this_platform()))
    asked = Requirements(requirements=requirement_lines("pear"), source="requirements.txt")
    choice = choose_lock(
        replace(job, recording=True),
        "base",
        asked,
        environment.python,
        replace(recording(), environments=(replace(environment, requirements=("pear",)),)),
    )
    assert choice == LockChoice(reason="as its requirements changed")


def test_a_new_resolution_says_that_it_leaves_out_a_lock_of_the_project(job: Job) -> None:
    asked = Requirements(
        requirements=requirement_lines("alpha"), source="uv.lock", locked=locked("alpha==1.0")
    )
    python = Interpreter("cpython", "3.11.7")
    recording_job = replace(job, recording=True)
    for anew in (replace(recording_job, fresh=True), replace(recording_job, as_of=DAY)):
        choice = choose_lock(anew, "base", asked, python, None)
        assert list(lock_notes([("base", choice)])) == [
            "environment base: resolved anew, without uv.lock"
        ]
    assert choose_lock(recording_job, "base", asked, python, None) == NO_CHOICE
    fresh_check = replace(job, fresh=True)
    assert choose_lock(fresh_check, "base", asked, python, None) == NO_CHOICE
