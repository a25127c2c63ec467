from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from recorded_repository import FLOW, record
from recordings import artifact, recording, task

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.model import CodeFile
from pytest_flowrepro.support.docs import docs

if TYPE_CHECKING:
    from pathlib import Path


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert capsys.readouterr().out == f"flowrepro {version('pytest-flowrepro')}\n"


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
