from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, GIT_ENVIRONMENT, commit, git, record
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import lock_files
from pytest_flowrepro.pipeline.obsolete import obsolete_baselines, reason_to_keep, remove_obsolete
from pytest_flowrepro.settings.reader import read_settings

if TYPE_CHECKING:
    from pathlib import Path

CASE = "[tool.flowrepro.flow.TrainFlow.case.small]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the baselines of TrainFlow and its case `small`."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/train.py").write_text(FLOW.format(name="TrainFlow"))
    (tmp_path / "pyproject.toml").write_text(CASE)
    record(tmp_path, recording())
    record(tmp_path, replace(recording(), case="small"))
    return tmp_path


def reasons(root: Path) -> dict[str, str]:
    """Map the path of each obsolete baseline below `__flowrepro__` to its reason."""
    return {
        "/".join(baseline.folder.parts[-2:]): baseline.reason
        for baseline in obsolete_baselines(root, read_settings(root))
    }


def test_a_flow_and_its_cases_are_not_obsolete(project: Path) -> None:
    assert reasons(project) == {}


def test_a_baseline_is_obsolete_without_its_file(project: Path) -> None:
    (project / "flows/train.py").unlink()
    reason = "flows/train.py does not exist"
    assert reasons(project) == {"train/TrainFlow": reason, "train/TrainFlow@small": reason}


def test_a_baseline_is_obsolete_without_its_flow(project: Path) -> None:
    (project / "flows/train.py").write_text(FLOW.format(name="FitFlow"))
    reason = "flows/train.py starts no flow TrainFlow"
    assert reasons(project) == {"train/TrainFlow": reason, "train/TrainFlow@small": reason}


def test_a_baseline_is_obsolete_without_its_case(project: Path) -> None:
    (project / "pyproject.toml").write_text("")
    assert reasons(project) == {"train/TrainFlow@small": "no case small of TrainFlow is configured"}


def test_a_flow_that_cannot_be_read_is_not_called_obsolete(project: Path) -> None:
    (project / "flows/train.py").write_text("import metaflow\nclass F(metaflow.FlowSpec:\n")
    assert reasons(project) == {}


def test_a_flow_that_seems_to_be_started_is_obsolete_but_not_certainly(project: Path) -> None:
    text = FLOW.format(name="TrainFlow").partition("if __name__")[0]
    (project / "flows/train.py").write_text(text)
    obsolete = obsolete_baselines(project, read_settings(project))
    assert [baseline.is_certain for baseline in obsolete] == [False, False]
    (project / "flows/train.py").write_text("")
    obsolete = obsolete_baselines(project, read_settings(project))
    assert [baseline.is_certain for baseline in obsolete] == [True, True]


def test_a_flow_that_another_file_configures_is_not_called_obsolete(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.flowrepro]\n")
    (project / "flows/pyproject.toml").write_text(CASE)
    assert reasons(project) == {}


def test_a_folder_without_a_manifest_is_no_baseline(project: Path) -> None:
    (project / "flows/__flowrepro__/notes/Mine").mkdir(parents=True)
    assert reasons(project) == {}


def test_a_renamed_flow_is_named_by_its_results(project: Path) -> None:
    (project / "flows/train.py").write_text(FLOW.format(name="FitFlow"))
    (project / "flows/other.py").write_text(FLOW.format(name="OtherFlow"))
    record(project, replace(recording(), flow="FitFlow"))
    other = recording(task("start", artifact("rows", 7)))
    record(project, replace(other, flow="OtherFlow"), file="flows/other.py")

    obsolete = obsolete_baselines(project, read_settings(project))
    assert [baseline.reason for baseline in obsolete] == [
        "flows/train.py starts no flow TrainFlow; flows/train.py::FitFlow has its results"
    ] * 2


def test_a_case_that_is_gone_is_not_called_renamed(project: Path) -> None:
    (project / "pyproject.toml").write_text("")
    (baseline,) = obsolete_baselines(project, read_settings(project))
    assert baseline.reason == "no case small of TrainFlow is configured"


def test_a_baseline_whose_lock_is_not_committed_is_kept(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    git(project, "init", "--quiet")
    commit(project)
    (project / "flows/train.py").unlink()
    first, second = obsolete_baselines(project, read_settings(project))
    (lock,) = lock_files(first.folder)

    lock.write_text("edited")
    assert reason_to_keep(first) == "not committed as it is, so git could not restore it"
    git(project, "checkout", "--", str(lock))
    assert [*remove_obsolete([first])] == [first]
    assert lock.exists()
    assert [*remove_obsolete([second])] == [second]
    assert not lock.parent.exists()


def test_what_has_a_reason_to_be_kept_is_not_removed(project: Path) -> None:
    (project / "flows/train.py").unlink()
    obsolete = obsolete_baselines(project, read_settings(project))
    assert [reason_to_keep(baseline) for baseline in obsolete] == [
        "not committed as it is, so git could not restore it"
    ] * 2
    assert [*remove_obsolete(obsolete)] == []
    assert all(baseline.folder.is_dir() for baseline in obsolete)
