"""With a pipeline that gives recordings at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from checked_flows import job, observation, options
from recordings import artifact, log, recording, task

from pytest_flowrepro.baseline import (
    baseline_folder,
    read_baseline,
    recording_name,
    write_baseline,
)
from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.pipeline import policy_of
from pytest_flowrepro.plugin.flow_check import FlowCheck
from pytest_flowrepro.plugin.worker_store import SessionFolder
from pytest_flowrepro.review.decisions import Decision
from pytest_flowrepro.review.flow_review import open_review
from pytest_flowrepro.review.last_check import read_check
from pytest_flowrepro.settings.reader import read_settings
from pytest_flowrepro.support.errors import BaselineError, RerunError, SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording
    from pytest_flowrepro.pipeline import Job, Observation
    from pytest_flowrepro.plugin.options import Update


@dataclass
class FakePipeline:
    """Gives one observation, under the name of the flow, and remembers the jobs of its runs."""

    observation: Observation = field(default_factory=observation)
    recorded: list[Job] = field(default_factory=list)
    observed: list[Job] = field(default_factory=list)
    baselines: list[Recording | None] = field(default_factory=list)
    """The baselines whose locks the recordings may keep."""

    def record(self, job: Job, baseline: Recording | None) -> Observation:
        self.recorded.append(job)
        self.baselines.append(baseline)
        observed = replace(self.observation.recording, flow=job.flow.name)
        return replace(self.observation, recording=observed)

    def observe(self, job: Job, _: Recording) -> Observation:
        self.observed.append(job)
        return self.observation


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


def flow_check(
    root: Path,
    pipeline: FakePipeline,
    *upstreams: FlowCheck,
    update: Update = "no",
    fresh: bool = False,
) -> FlowCheck:
    return FlowCheck(
        job=job(root),
        options=replace(options(root, fresh=fresh), update=update),
        folder=SessionFolder(root / "session"),
        upstreams=lambda: upstreams,
        record=pipeline.record,
        observe=pipeline.observe,
        selected=["code", "environment", "step[start]", "step[train]"],
    )


def before(root: Path, pipeline: FakePipeline, *, update: Update = "no") -> FlowCheck:
    """Return the check of RowsFlow, which runs before TrainFlow."""
    check = flow_check(root, pipeline, update=update)
    flow = replace(check.job.flow, file=root / "flows" / "rows.py", name="RowsFlow")
    check.job = replace(check.job, flow=flow, folder=root / "session" / "rows")
    return check


def folder_of(check: FlowCheck) -> Path:
    return baseline_folder(check.job.flow.file, check.job.flow.name, None)


def record_baseline(check: FlowCheck, given: Recording | None = None) -> Recording:
    baseline = given or recording(flow=check.job.flow.name)
    folder_of(check).parent.mkdir(parents=True, exist_ok=True)
    write_baseline(folder_of(check), baseline, root=check.job.root)
    return baseline


# --- recording ------------------------------------------------------------------------


def test_a_recording_is_made_once_and_becomes_the_baseline(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    (tmp_path / "flows").mkdir()
    check = flow_check(tmp_path, pipeline, update="all")
    assert check.is_recorded
    assert check.observation == check.observation
    assert check.observation == replace(pipeline.observation, recorded="created")
    assert (len(pipeline.recorded), pipeline.observed, pipeline.baselines) == (1, [], [None])
    assert read_baseline(folder_of(check), root=tmp_path) == pipeline.observation.recording


def test_a_recording_of_the_same_says_that_the_baseline_is_unchanged(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    check = flow_check(tmp_path, pipeline, update="all")
    baseline = record_baseline(check, pipeline.observation.recording)
    assert (check.observation.recorded, check.observation.changes) == ("unchanged", ())
    assert pipeline.baselines == [baseline]


def test_a_file_of_the_user_is_no_baseline_that_was_updated(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    check = flow_check(tmp_path, pipeline, update="all")
    folder_of(check).mkdir(parents=True)
    (folder_of(check) / "README.md").write_text("mine")
    assert check.observation.recorded == "created"


def test_a_recording_names_the_changes_of_the_baseline(tmp_path: Path) -> None:
    then = recording(task("start", artifact("rows", 100), artifact("seed", 1)))
    random = replace(artifact("seed", None), determinism="nondeterministic")
    now = recording(task("start", artifact("rows", 101), random))
    check = flow_check(tmp_path, FakePipeline(observation(observed=now)), update="all")
    record_baseline(check, then)
    observed = check.observation
    assert observed.recorded == "updated"
    assert ("rows", "100", "101") in {(c.name, c.old, c.new) for c in observed.changes}
    assert observed.notes[0] == "no longer compared, because nondeterministic now: start.seed"


def test_a_recording_in_place_of_a_damaged_baseline_says_so(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    check = flow_check(tmp_path, pipeline, update="all")
    record_baseline(check)
    (folder_of(check) / "artifacts.json").unlink()
    observed = check.observation
    assert (observed.recorded, observed.changes, pipeline.baselines) == ("updated", (), [None])
    assert observed.notes[-1].startswith(
        "the replaced baseline could not be read, so no lock was kept: flows/__flow"
    )


def test_a_flow_that_fails_leaves_its_baseline_alone(tmp_path: Path) -> None:
    failed = observation(observed=recording(task("start")), failure="exit code 1")
    check = flow_check(tmp_path, FakePipeline(failed), update="all")
    baseline = record_baseline(check)
    assert check.observation.failure == "exit code 1"
    assert read_baseline(folder_of(check), root=tmp_path) == baseline
    assert check.patterns_used.idle is None


def test_update_new_records_flows_without_a_baseline(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    new = flow_check(tmp_path, pipeline, update="new")
    old = before(tmp_path, pipeline, update="new")
    record_baseline(old)
    assert (new.is_recorded, old.is_recorded) == (True, False)
    assert new.observation.failure is None
    # Another process of the session, after the recording, has the same answer.
    assert flow_check(tmp_path, pipeline, update="new").is_recorded


# --- check ----------------------------------------------------------------------------


def test_a_check_reruns_once_and_compares_with_the_baseline(tmp_path: Path) -> None:
    observed = recording(task("start"), task("train", artifact("score", 0.93)))
    pipeline = FakePipeline(observation(observed=observed))
    check = flow_check(tmp_path, pipeline)
    baseline = recording(task("start"), task("train", artifact("score", 0.91)))
    record_baseline(check, baseline)
    assert check.baseline == baseline
    (change,) = check.changes
    assert (change.name, change.old, change.new, change.gated) == ("score", "0.91", "0.93", True)
    assert check.changes is check.changes
    assert check.patterns_used.idle == ()
    assert (pipeline.recorded, len(pipeline.observed)) == ([], 1)


def drifted(root: Path, settings: str) -> FlowCheck:
    """Return the check of a flow whose score and code drifted since it had no settings."""
    check = flow_check(root, FakePipeline())
    record_baseline(check, recording(task("train", artifact("score", 0.91))))
    (root / "pyproject.toml").write_text(settings, encoding="utf-8")
    check.options = replace(check.options, settings=read_settings(root))
    check.job = replace(check.job, settings=check.options.settings.for_flow("TrainFlow"))
    now = recording(task("train", artifact("score", 0.93)))
    edited = (CodeFile(path="train.py", sha256="33"),)
    now = replace(now, code=edited, policy=policy_of(check.job))
    check.observe = FakePipeline(observation(observed=now)).observe
    return check


@pytest.mark.parametrize(
    ("settings", "gated"),
    [
        ("", {"artifact"}),
        ('[tool.flowrepro]\nfail-on = ["code"]\n', {"code", "policy"}),
        ('[tool.flowrepro.flow.TrainFlow]\nignore = ["train.sc*"]\n', {"policy"}),
        # A pattern of the project is for all its flows, and need not match in each.
        ('[tool.flowrepro]\nignore = ["train.scor"]\n', {"artifact", "policy"}),
    ],
    ids=["no settings", "code is gated", "artifact is ignored", "pattern of the project"],
)
def test_the_settings_say_which_changes_are_drift_and_are_compared_themselves(
    tmp_path: Path, settings: str, gated: set[str]
) -> None:
    changes = drifted(tmp_path, settings).changes
    assert {change.kind for change in changes if change.gated} == gated
    assert "code" in {change.kind for change in changes}


def test_a_pattern_of_the_flow_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    check = drifted(tmp_path, '[tool.flowrepro.flow.TrainFlow]\nignore = ["train.scor"]\n')
    with pytest.raises(SettingsError, match=r"`train\.scor` matches no artifact; did you mean"):
        _ = check.observation


def test_a_flow_without_a_baseline_is_not_rerun(tmp_path: Path, pipeline: FakePipeline) -> None:
    assert flow_check(tmp_path, pipeline).baseline is None
    assert pipeline.observed == []


@pytest.mark.parametrize(
    ("fresh", "merged", "gates"),
    [
        (False, False, {"environment", "artifacts", "policy"}),
        (True, False, {"artifacts", "policy"}),
        (True, True, {"environment", "artifacts", "policy", "code"}),
    ],
)
def test_the_gates_are_those_of_the_settings_and_of_a_merge(
    tmp_path: Path, pipeline: FakePipeline, *, fresh: bool, merged: bool, gates: set[str]
) -> None:
    check = flow_check(tmp_path, pipeline, fresh=fresh)
    check.baseline = replace(recording(), merged=merged)
    assert check.gates == gates


def test_a_flow_that_edits_its_baseline_is_an_error(tmp_path: Path) -> None:
    edited = tmp_path / "flows/__flowrepro__/train/TrainFlow/manifest.json"
    wrote = observation(log("train", written=(str(edited),)))
    check = flow_check(tmp_path, FakePipeline(wrote))
    record_baseline(check)
    with pytest.raises(BaselineError, match="changed while TrainFlow ran: step train wrote it"):
        _ = check.observation


def test_changes_of_the_policy_are_reported_by_a_selected_test(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    check = flow_check(tmp_path, pipeline)
    assert check.policy_part == "code"
    check.selected = ["environment", "step[train]"]
    assert check.policy_part == "step[train]"


# --- flows that run before ------------------------------------------------------------


def test_a_flow_runs_after_its_upstream_in_a_folder_of_its_own(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    rows = before(tmp_path, pipeline)
    check = flow_check(tmp_path, pipeline, rows)
    baseline = record_baseline(rows)
    record_baseline(check)
    assert check.observation.failure is None
    ((upstream,),) = (job.after for job in pipeline.observed)
    assert (upstream.job.title, upstream.baseline) == ("RowsFlow", baseline)
    assert upstream.job.folder == check.job.folder / "before" / "RowsFlow"


def test_a_selected_upstream_is_recorded_first(tmp_path: Path, pipeline: FakePipeline) -> None:
    (tmp_path / "flows").mkdir()
    rows = before(tmp_path, pipeline, update="all")
    assert flow_check(tmp_path, pipeline, rows, update="all").observation.failure is None
    assert [job.title for job in pipeline.recorded] == ["RowsFlow", "TrainFlow"]


def test_an_upstream_that_is_not_selected_is_not_recorded(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    (tmp_path / "flows").mkdir()
    rows = before(tmp_path, pipeline, update="all")
    rows.selected = []
    assert flow_check(tmp_path, pipeline, rows, update="all").observation.failure is None
    assert [job.title for job in pipeline.recorded] == ["TrainFlow"]


def test_an_upstream_that_cannot_be_recorded_is_named(tmp_path: Path) -> None:
    failed = FakePipeline(observation(failure="exit code 1"))
    rows = before(tmp_path, failed, update="all")
    with pytest.raises(RerunError, match="TrainFlow runs after RowsFlow, which could not be"):
        _ = flow_check(tmp_path, failed, rows, update="all").observation


def test_an_upstream_without_a_baseline_is_named_with_the_way_to_record_it(
    tmp_path: Path, pipeline: FakePipeline
) -> None:
    check = flow_check(tmp_path, pipeline, before(tmp_path, pipeline))
    record_baseline(check)
    with pytest.raises(BaselineError, match="RowsFlow, which has no baseline yet") as caught:
        _ = check.observation
    assert "--flow-repro-update-new flows/rows.py`" in caught.value.hint


# --- errors ---------------------------------------------------------------------------


def test_an_error_is_reported_in_full_once(tmp_path: Path, pipeline: FakePipeline) -> None:
    check = flow_check(tmp_path, pipeline)
    texts = ("the index is down", "the index is down", "another")
    assert [check.report_once(text) for text in texts] == [True, False, True]


def test_one_fault_of_ours_is_one_internal_error(
    tmp_path: Path, pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    check = flow_check(tmp_path, pipeline)
    first = check.internal_error(ValueError("surprise"))
    assert check.internal_error(ValueError("surprise")) is first
    assert check.internal_error(ValueError("another")) is not first
    assert "while checking TrainFlow" in str(first)


# --- the last check -------------------------------------------------------------------

DRIFTED = recording(task("start", artifact("rows", 101, type="int")))


def test_a_drift_is_kept_for_a_review_until_the_flow_reproduces(tmp_path: Path) -> None:
    drifting = flow_check(tmp_path, FakePipeline(observation(observed=DRIFTED)))
    baseline = record_baseline(drifting)
    assert any(change.gated for change in drifting.changes)
    kept = read_check(folder_of(drifting), root=tmp_path)
    assert kept is not None
    assert (kept.observed, kept.against, kept.fresh) == (DRIFTED, recording_name(baseline), False)
    again = flow_check(tmp_path, FakePipeline(observation(observed=baseline)))
    again.folder = SessionFolder(tmp_path / "later")
    again.job = replace(again.job, folder=tmp_path / "later" / "flow")
    assert again.changes == ()
    assert read_check(folder_of(again), root=tmp_path) is None


def test_packages_that_were_resolved_again_are_kept_also_without_a_drift(tmp_path: Path) -> None:
    (base,) = recording().environments
    moved = replace(recording(), environments=(replace(base, packages=base.packages[:1]),))
    check = flow_check(tmp_path, FakePipeline(observation(observed=moved)), fresh=True)
    record_baseline(check)
    assert [change.gated for change in check.changes] == [False]
    kept = read_check(folder_of(check), root=tmp_path)
    assert kept is not None
    assert kept.fresh


def test_a_flow_that_fails_is_not_kept(tmp_path: Path) -> None:
    failed = observation(observed=DRIFTED, failure="exit code 1")
    check = flow_check(tmp_path, FakePipeline(failed))
    record_baseline(check)
    assert any(change.gated for change in check.changes)
    assert read_check(folder_of(check), root=tmp_path) is None


def test_a_project_that_cannot_be_written_drifts_as_any_other(tmp_path: Path) -> None:
    check = flow_check(tmp_path, FakePipeline(observation(observed=DRIFTED)))
    record_baseline(check)
    (tmp_path / ".flowrepro").write_text("a file")
    assert any(change.gated for change in check.changes)


def test_a_recording_forgets_the_last_check(tmp_path: Path) -> None:
    drifting = FakePipeline(observation(observed=DRIFTED))
    check = flow_check(tmp_path, drifting)
    record_baseline(check)
    assert check.changes
    recorded = flow_check(tmp_path, drifting, update="all")
    assert recorded.observation.recorded == "updated"
    assert read_check(folder_of(check), root=tmp_path) is None


def test_a_change_that_was_rejected_is_named_as_long_as_it_is_the_same(tmp_path: Path) -> None:
    check = flow_check(tmp_path, FakePipeline(observation(observed=DRIFTED)))
    record_baseline(check)
    assert check.changes
    review = open_review(folder_of(check), root=tmp_path)
    assert review is not None
    decision = Decision(who="Jane Doe", when=datetime(2026, 3, 1, tzinfo=UTC), reason="a bad file")
    review.reject([(p, decision) for p in review.proposals if p.title == "start.rows"])
    again = flow_check(tmp_path, FakePipeline(observation(observed=DRIFTED)))
    assert again.rejection_notes == ("start.rows: rejected on 2026-03-01 by Jane Doe: a bad file",)
    other = recording(task("start", artifact("rows", 102, type="int")))
    later = flow_check(tmp_path, FakePipeline(observation(observed=other)))
    later.folder = SessionFolder(tmp_path / "later")
    later.job = replace(later.job, folder=tmp_path / "later" / "flow")
    assert later.rejection_notes == ()
