from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from locks import locked

from pytest_flowrepro.environment.installed_files import note_complete
from pytest_flowrepro.environment.modified_files import edited_environments
from pytest_flowrepro.model import BuiltEnvironment, Environment, Interpreter

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = "lib/python3.11/site-packages"


@pytest.fixture
def built(tmp_path: Path) -> BuiltEnvironment:
    for path in (f"{PACKAGES}/thing/core.py", f"{PACKAGES}/six.py", "bin/thing"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("original")
    note_complete(tmp_path)
    manifest = Environment(
        name="base", python=Interpreter("cpython", "3.11.7"), packages=(), lock=locked()
    )
    return BuiltEnvironment(path=tmp_path, python=tmp_path / "bin" / "python", manifest=manifest)


def test_nothing_is_reported_of_environments_that_are_as_they_were(built: BuiltEnvironment) -> None:
    assert edited_environments("TrainFlow", [built]) == ()


def test_each_file_is_named_once_as_people_know_it(built: BuiltEnvironment) -> None:
    (built.path / PACKAGES / "thing" / "core.py").write_text("edited")
    (built.path / "bin" / "thing").write_text("edited")

    (told,) = edited_environments("TrainFlow", [built, built])

    assert told == (
        "while TrainFlow ran, installed files were changed: bin/thing, thing/core.py; "
        "the next flow gets a fresh environment"
    )


def test_a_whole_tree_is_not_listed(built: BuiltEnvironment) -> None:
    for number in range(5):
        (built.path / PACKAGES / f"new_{number}.py").touch()

    (told,) = edited_environments("TrainFlow", [built])

    assert "changed: new_0.py, new_1.py, new_2.py and 2 more; the next" in told
