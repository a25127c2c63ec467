from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recorded_repository import record
from recordings import recording

from pytest_flowrepro.cli.main import main
from pytest_flowrepro.lockfile.conda import format_explicit
from pytest_flowrepro.lockfile.parse import parse_lock
from pytest_flowrepro.model import Interpreter

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Recording


def on(*versions: str, flow: str = "TrainFlow", implementation: str = "cpython") -> Recording:
    """Return a recording of a flow whose environments have these Pythons."""
    (base,) = recording().environments
    names = ("base", *(f"step-{number}" for number in range(1, len(versions))))
    environments = (
        replace(base, name=name, python=Interpreter(implementation, version), steps=steps)
        for name, version, steps in zip(
            names, versions, ((), *(("train",) for _ in versions[1:])), strict=True
        )
    )
    return replace(recording(), flow=flow, environments=tuple(environments))


def printed(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["python", *args]) == 0
    return capsys.readouterr().out


def error(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["python", *args]) == 2
    out, err = capsys.readouterr()
    assert not out
    return err


def test_the_python_that_all_flows_have_is_printed_once(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, on("3.11.7", flow="OtherFlow"), file="flows/deep/other.py")
    assert printed(capsys) == "3.11.7\n"
    assert printed(capsys, "--all") == "3.11.7\n"


def test_several_pythons_are_an_error_that_names_a_flow_of_each(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, on("3.9.18", "3.11.7", flow="OtherFlow"), file="flows/other.py")
    assert error(capsys) == (
        "flowrepro: Several Pythons are recorded: 3.9.18 by flows/other.py::OtherFlow, 3.11.7 by "
        "flows/other.py::OtherFlow\nWhat to do: name one flow, or pass --all\n"
    )
    assert printed(capsys, "TrainFlow") == "3.11.7\n"
    assert error(capsys, "flows/other.py").startswith("flowrepro: Several Pythons are recorded: ")


def test_all_are_printed_with_the_newest_cpython_last(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, on("3.9.18", "3.14.0a1+", flow="OtherFlow"), file="flows/other.py")
    record(repository, on("3.12.1", flow="PyPyFlow", implementation="pypy"), file="flows/pypy.py")
    assert printed(capsys, "--all") == "pypy3.12\n3.9.18\n3.11.7\n3.14.0a1+\n"


def test_each_has_one_line_whatever_a_manifest_says(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(repository, on("3.11.7\nend\x1b[0m"))
    assert printed(capsys) == "3.11.7\\nend\\u001b[0m\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "No baseline in this folder or below it\nWhat to do: run the command in "),
        (("--all",), "No baseline in this folder or below it\n"),
        (("NoFlow",), "No baseline of NoFlow in this folder or below it\n"),
        (("none.py",), "No such file: none.py\n"),
    ],
)
def test_without_a_baseline_it_is_an_error(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    message: str,
) -> None:
    (repository / "empty").mkdir()
    monkeypatch.chdir(repository / "empty")
    assert error(capsys, *args).startswith(f"flowrepro: {message}")


def test_a_damaged_baseline_is_an_error(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "flows/__flowrepro__/train/TrainFlow/manifest.json").write_text("{")
    assert "flows/__flowrepro__/train/TrainFlow/manifest.json" in error(capsys, "--all")


def test_conda_brings_its_own_python(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (base,) = recording().environments
    python = "https://conda.anaconda.org/conda-forge/linux-64/python-3.10.2-h1_0.conda"
    lock = parse_lock(format_explicit("linux-64", [(python, "0" * 64)]))
    conda = replace(base, python=Interpreter("cpython", "3.10.2"), lock=lock, packages=())
    what = replace(recording(), flow="CondaFlow", environments=(conda,))
    record(repository, what, file="flows/conda.py")
    assert printed(capsys, "--all") == "3.11.7\n"
    assert error(capsys, "CondaFlow").startswith("flowrepro: Every recorded environment contains")
