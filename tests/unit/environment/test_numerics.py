from __future__ import annotations

import json
import runpy
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from recordings import recording

from pytest_flowrepro.environment import numerics, read_numerics
from pytest_flowrepro.model import BuiltEnvironment, Numerics
from pytest_flowrepro.support.errors import EnvironmentBuildError
from pytest_flowrepro.support.in_venv import IN_VENV

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = IN_VENV / "numerics.py"


def built(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> BuiltEnvironment:
    """An environment with numpy, whose interpreter writes `answer` whatever it is to run."""
    monkeypatch.setattr(numerics, "compiled_bytecode", lambda _: folder / "pycache")
    python = folder / "python"
    python.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n", encoding="utf-8")
    python.chmod(0o700)
    return BuiltEnvironment(path=folder, python=python, manifest=recording().environments[0])


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (
            '{"features": ["X86_V3"], "blas": {"numpy": "mkl 2024.1"}}',
            Numerics(features=("X86_V3",), blas=(("numpy", "mkl 2024.1"),)),
        ),
        ('{"features": [], "blas": {}}', Numerics()),
        ("ImportError: numpy", Numerics()),
        ("[]", Numerics()),
        ("", Numerics()),
    ],
)
def test_an_environment_says_what_it_computes_with(
    answer: str, found: Numerics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_numerics(built(tmp_path, monkeypatch, answer)) == found


def test_an_environment_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = built(tmp_path, monkeypatch, '{"features": ["X86_V3"], "blas": {}}')
    answer = read_numerics(asked)
    asked.python.unlink()
    assert read_numerics(asked) == answer == Numerics(features=("X86_V3",))


def test_an_environment_that_does_not_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = built(tmp_path, monkeypatch, "")
    asked.python.write_text("#!/bin/sh\nsleep 60\n", encoding="utf-8")
    monkeypatch.setattr(numerics, "_TIMEOUT", 0.2)
    with pytest.raises(EnvironmentBuildError, match="numpy of the environment base could not be"):
        read_numerics(asked)


def test_an_environment_without_numpy_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = built(tmp_path, monkeypatch, '{"features": ["X86_V3"], "blas": {}}')
    manifest = replace(asked.manifest, packages=asked.manifest.packages[:1])
    assert read_numerics(replace(asked, manifest=manifest)) == Numerics()


def test_the_numpy_of_an_interpreter_names_its_features_and_blas(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("numpy", reason="the interpreter that runs the tests has no numpy")
    runpy.run_path(str(SCRIPT), run_name="__main__")
    answer = json.loads(capsys.readouterr().out)
    core = (
        sys.modules.get("numpy._core._multiarray_umath")
        or sys.modules["numpy.core._multiarray_umath"]
    )
    assert set(answer["features"]) <= set(core.__cpu_dispatch__)
    assert "numpy" in answer["blas"]
