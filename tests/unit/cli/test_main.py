from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from recordings import artifact, recording, task

from pytest_flowrepro.baseline import baseline_folder, write_baseline
from pytest_flowrepro.cli.main import main
from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.support.docs import docs

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording

FLOW = """\
from metaflow import FlowSpec, step

class {name}(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    {name}()
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one flow and its baseline, committed; the working directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.com")
    top = tmp_path / "repo"
    (top / "flows").mkdir(parents=True)
    (top / "pyproject.toml").touch()
    (top / "flows/train.py").write_text(FLOW.format(name="TrainFlow"))
    record(top, recording())
    git(top, "init", "--quiet", "--initial-branch=main")
    commit(top)
    monkeypatch.chdir(top)
    return top


def git(top: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=top, check=True)


def commit(top: Path) -> None:
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=m")


def record(top: Path, what: Recording, file: str = "flows/train.py") -> Path:
    folder = baseline_folder(top / file, what.flow, what.case)
    write_baseline(folder, what, root=top)
    return folder


MOVED = recording(task("start", artifact("rows", 101, type="int")))
"""As the recording in the repository, but with other tasks."""


# --- diff -----------------------------------------------------------------------------


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert capsys.readouterr().out == f"flowrepro {version('pytest-flowrepro')}\n"


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
    assert capsys.readouterr().out.startswith("### Flow reproducibility: 1 drifted\n")


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


# --- show -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flow",
    [
        "flows/train.py",
        "flows/train.py::TrainFlow",
        "TrainFlow",
        "TrainFlow@small",
        "flows/train.py::TrainFlow@small",
    ],
)
def test_a_recorded_flow_is_shown(
    repository: Path, capsys: pytest.CaptureFixture[str], flow: str
) -> None:
    record(repository, recording(case="small"))

    assert main(["show", flow]) == 0
    out = capsys.readouterr().out
    assert ("flows/train.py::TrainFlow\n" in out) == ("@" not in flow)
    assert "flows/train.py::TrainFlow@small\n" in out
    assert "    numpy 2.4.5  (via pandas)\n" in out


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("OtherFlow", "No baseline of OtherFlow in this folder or below it"),
        ("flows/train.py::Other", "No baseline of flows/train.py::Other in flows/__flowrepro__"),
        ("flows/none.py", "No such file: flows/none.py"),
    ],
)
def test_a_flow_that_was_not_recorded_is_an_error(
    repository: Path, capsys: pytest.CaptureFixture[str], flow: str, message: str
) -> None:
    (repository / "flows/other.py").touch()

    assert main(["show", flow]) == 2
    assert capsys.readouterr().err.startswith(f"flowrepro: {message}")


def test_a_damaged_baseline_is_an_error(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = record(repository, recording())
    (folder / "manifest.json").write_text("<<<<<<< HEAD\n")

    assert main(["show", "TrainFlow"]) == 2
    assert capsys.readouterr().err == (
        "flowrepro: flows/__flowrepro__/train/TrainFlow/manifest.json: line 1: a merge conflict "
        "that was not resolved\n"
        "What to do: restore the committed file with `git checkout -- "
        "flows/__flowrepro__/train/TrainFlow/manifest.json`, or record the flow again with "
        f"--flow-repro-update; see {docs('reference/baseline#reading')}\n"
    )


# --- package list ---------------------------------------------------------------------


@pytest.mark.parametrize("flow", ["flows/train.py", "flows/train.py::TrainFlow", "TrainFlow"])
def test_the_files_that_would_be_packaged_now_are_listed(
    repository: Path, capsys: pytest.CaptureFixture[str], flow: str
) -> None:
    (repository / "flows/lib").mkdir()
    (repository / "flows/lib/new.py").touch()
    (repository / "flows/notes.txt").touch()

    assert main(["package", "list", flow]) == 0
    out, err = capsys.readouterr()
    assert out == "lib/new.py\ntrain.py\n"
    assert "IncludeFile" in err


def test_files_that_only_metaflow_can_name_are_taken_from_the_baseline(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = (CodeFile(path="../data.csv", sha256=""), CodeFile(path="gone.csv", sha256=""))
    record(repository, replace(recording(), code=(*files, CodeFile(path="train.py", sha256=""))))
    (repository / "data.csv").touch()

    assert main(["package", "list", "TrainFlow"]) == 0
    out, err = capsys.readouterr()
    assert out == "../data.csv\ntrain.py\n"
    assert "as recorded" in err


def test_the_configuration_adds_files(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "flows/data.csv").touch()
    (repository / "flows/new.py").write_text(FLOW.format(name="NewFlow"))
    (repository / "pyproject.toml").write_text(
        '[tool.flowrepro.flow.NewFlow]\ninclude = ["*.csv"]\n'
    )

    assert main(["package", "list", "flows/new.py"]) == 0
    out, err = capsys.readouterr()
    assert out == "data.csv\nnew.py\ntrain.py\n"
    assert "the flow has no baseline yet" in err


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("flows/two.py", "flows/two.py means 2 flows\nWhat to do: pass one of flows/two.py::A, "),
        ("flows/two.py::C", "flows/two.py::C means no flow\nWhat to do: pass one of flows/two"),
        ("flows/empty.py", "flows/empty.py means no flow\nWhat to do: pass the path of a file"),
        ("flows/none.py", "No such file: flows/none.py"),
        ("NoFlow", "No baseline of NoFlow in this folder or below it"),
    ],
)
def test_a_flow_that_is_not_one_flow_is_an_error(
    repository: Path, capsys: pytest.CaptureFixture[str], flow: str, message: str
) -> None:
    two = FLOW.format(name="A") + FLOW.format(name="B")
    (repository / "flows/two.py").write_text(two)
    (repository / "flows/empty.py").touch()

    assert main(["package", "list", flow]) == 2
    assert capsys.readouterr().err.startswith(f"flowrepro: {message}")


# --- the program ----------------------------------------------------------------------


@pytest.mark.parametrize("args", [[], ["none"], ["diff"], ["package"], ["diff", "a", "--format=x"]])
def test_a_wrong_command_line_is_exit_code_2(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(args)

    assert caught.value.code == 2
    assert "usage: flowrepro" in capsys.readouterr().err


@pytest.mark.usefixtures("repository")
def test_a_reader_that_goes_away_is_not_an_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "pytest_flowrepro", "show", "TrainFlow"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)

    assert done.stderr == b""
    assert done.returncode == 0


def test_a_terminal_that_cannot_show_a_character_gets_its_escape(repository: Path) -> None:
    record(repository, recording(task("start", artifact("größe", "ü"))))
    done = subprocess.run(
        [sys.executable, "-m", "pytest_flowrepro", "show", "TrainFlow"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )

    assert rb'start.gr\xf6\xdfe: float = "\xfc"' in done.stdout
