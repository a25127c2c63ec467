"""`flowrepro diff` on real git repositories."""

from __future__ import annotations

import contextlib
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded_repository import MOVED, commit, git, record
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import baseline_folder
from pytest_flowrepro.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording


@pytest.mark.usefixtures("repository")
def test_no_difference_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "HEAD"]) == 0
    assert capsys.readouterr() == ("", "no differences between HEAD and the working tree\n")
    assert main(["diff", "main", "HEAD"]) == 0


@pytest.mark.parametrize("working_directory", [".", "flows"])
def test_a_revision_is_compared_with_the_whole_working_tree(
    repository: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    working_directory: str,
) -> None:
    record(repository, MOVED)
    monkeypatch.chdir(repository / working_directory)

    assert main(["diff", "HEAD"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("drifted     flows/train.py::TrainFlow  ")
    assert "    start.rows  changed: 100 -> 101" in out
    assert "    step train[0]  removed" in out
    assert err == ""


def test_two_revisions_are_compared_whatever_the_working_tree_holds(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, MOVED)
    commit(repository)
    record(repository, recording())

    assert main(["diff", "HEAD~1", "HEAD"]) == 1
    assert "start.rows  changed: 100 -> 101" in capsys.readouterr().out
    assert main(["diff", "HEAD", "HEAD~1"]) == 1
    assert "start.rows  changed: 101 -> 100" in capsys.readouterr().out


def test_two_folders_are_compared_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    record(tmp_path / "a", recording())
    record(tmp_path / "b", MOVED)

    assert main(["diff", "a", "b"]) == 1
    assert "start.rows  changed: 100 -> 101" in capsys.readouterr().out
    assert main(["diff", "a", "a"]) == 0


def test_baselines_that_are_new_or_gone_are_said(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, recording(case="small"))
    git(repository, "rm", "-r", "--quiet", "flows/__flowrepro__/train/TrainFlow")

    assert main(["diff", "HEAD"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "no baseline  flows/train.py::TrainFlow",
        "    note: recorded in HEAD only",
        "recorded    flows/train.py::TrainFlow@small",
        "    note: recorded in the working tree only",
    ]


def test_what_no_check_compares_is_a_difference_all_the_same(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, replace(recording(), runs=1))

    assert main(["diff", "HEAD"]) == 1
    assert "note: only fields that a check does not compare differ" in capsys.readouterr().out


def test_the_difference_comes_in_other_formats_too(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, MOVED)

    assert main(["diff", "HEAD", "--format", "json"]) == 1
    (flow,) = json.loads(capsys.readouterr().out)["flows"]
    assert (flow["file"], flow["flow"], flow["case"]) == ("flows/train.py", "TrainFlow", None)
    assert {change["name"] for change in flow["changes"]} == {"rows", "train", "end"}
    assert main(["diff", "HEAD", "--format=markdown"]) == 1
    assert capsys.readouterr().out.startswith("### Flow baselines: 1 drifted\n")


def test_a_damaged_baseline_is_an_error_that_names_its_side(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (baseline_folder(repository / "flows/train.py", "TrainFlow", None) / "artifacts.json").unlink()

    assert main(["diff", "HEAD"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("error       flows/train.py::TrainFlow\n    In the working tree: flows/")
    assert "artifacts.json: is missing" in out
    assert err == "flowrepro: not every baseline could be read\n"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("args", [["diff", "nowhere"], ["diff", "HEAD", "nowhere"]])
def test_what_is_neither_a_revision_nor_a_folder_is_an_error(
    capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    assert main(args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("flowrepro: nowhere is neither a revision of a git repository here")
    assert "What to do: " in err


# --- sides ----------------------------------------------------------------------------


def start_rows(rows: int) -> Recording:
    return recording(task("start", artifact("rows", rows, type="int")))


@pytest.fixture
def branched(repository: Path) -> Path:
    """`feature` is checked out and changed TrainFlow; `main` added EvalFlow after it left."""
    git(repository, "checkout", "--quiet", "-b", "feature")
    record(repository, start_rows(101))
    commit(repository)
    git(repository, "checkout", "--quiet", "main")
    record(repository, replace(recording(), flow="EvalFlow"))
    commit(repository)
    git(repository, "checkout", "--quiet", "feature")
    return repository


@pytest.mark.usefixtures("branched")
@pytest.mark.parametrize(
    "args", [["main"], ["main", "HEAD"], ["main", "feature"], ["main..."], ["main...feature"]]
)
def test_what_a_branch_changed_does_not_show_that_main_moved(
    capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    assert main(["diff", *args]) == 1
    out, err = capsys.readouterr()
    assert "start.rows  changed: 100 -> 101" in out
    assert "EvalFlow" not in out
    assert re.fullmatch(r"compared with [0-9a-f]{10}, the merge base of main and \w+\n", err)


@pytest.mark.usefixtures("branched")
@pytest.mark.parametrize(
    "args", [["main..feature"], ["main.."], ["--no-merge-base", "main"], ["HEAD~0", "main~0"]]
)
def test_two_revisions_are_compared_as_they_are(
    capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    assert main(["diff", *args]) == 1
    out, err = capsys.readouterr()
    assert "EvalFlow" in out
    assert err == ""


def test_a_commit_or_a_tag_has_a_merge_base_on_request(branched: Path) -> None:
    git(branched, "checkout", "--quiet", "--detach", "main")
    git(branched, "tag", "v1")
    git(branched, "checkout", "--quiet", "feature")
    assert "EvalFlow" in diff_of("v1")
    assert "EvalFlow" not in diff_of("v1", "--merge-base")


def diff_of(*args: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(["diff", *args])
    return out.getvalue()


def test_histories_without_a_common_commit_are_an_error_that_says_how_to_fetch_more(
    branched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(branched, "checkout", "--quiet", "--orphan", "other")
    commit(branched)
    assert main(["diff", "main"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("flowrepro: main and HEAD have no common commit in this clone\n")
    assert "git fetch --unshallow" in err
    assert main(["diff", "main", "--no-merge-base"]) == 1


def test_a_folder_may_have_dots_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / "a..b", recording())
    (tmp_path / "here").mkdir()
    record(tmp_path / "here", start_rows(101))
    monkeypatch.chdir(tmp_path / "here")
    assert main(["diff", "../a..b"]) == 1
    assert "start.rows  changed: 100 -> 101" in capsys.readouterr().out


# --- output ---------------------------------------------------------------------------


def test_quiet_prints_nothing(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--quiet", "HEAD"]) == 0
    record(repository, MOVED)
    assert main(["diff", "--quiet", "HEAD"]) == 1
    assert capsys.readouterr() == ("", "")


def test_exit_zero_is_for_differences_and_not_for_errors(repository: Path) -> None:
    folder = record(repository, MOVED)
    assert main(["diff", "--exit-zero", "HEAD"]) == 0
    assert main(["diff", "--exit-code", "HEAD"]) == 1
    (folder / "artifacts.json").unlink()
    assert main(["diff", "--exit-zero", "HEAD"]) == 2


def test_the_html_is_a_page(repository: Path) -> None:
    record(repository, MOVED)
    page = diff_of("HEAD", "--format=html")
    assert page.startswith("<!doctype html>")
    assert "start.rows" in page


def test_details_show_what_was_compared_and_when(repository: Path) -> None:
    record(repository, MOVED)
    short, full = diff_of("HEAD"), diff_of("HEAD", "--details")

    assert "the working tree compared with HEAD" not in short
    lines = full.splitlines()
    assert "the working tree compared with HEAD" in lines
    assert lines[-1].startswith("pytest-flowrepro ")
