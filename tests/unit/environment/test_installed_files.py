from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.environment.installed_files import (
    edited_files,
    is_complete,
    note_complete,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CORE = "lib/thing/core.py"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    environment = tmp_path / "environment"
    (environment / CORE).parent.mkdir(parents=True)
    (environment / CORE).write_text("value = 1\n")
    (environment / "lib64").symlink_to("lib")
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to("/usr/bin/python3")
    assert not is_complete(environment)
    note_complete(environment)
    return environment


def keep_times(edit: Callable[[Path], object]) -> Callable[[Path], None]:
    def edited(environment: Path) -> None:
        status = (environment / CORE).stat()
        edit(environment)
        os.utime(environment / CORE, ns=(status.st_atime_ns, status.st_mtime_ns))

    return edited


def write_same_size(environment: Path) -> None:
    with (environment / CORE).open("r+") as file:
        file.write("value = 9\n")


def write_and_restore(environment: Path) -> None:
    """Whoever ran meanwhile may have run the edit."""
    write_same_size(environment)
    (environment / CORE).write_text("value = 1\n")


@pytest.mark.parametrize(
    ("edit", "edited"),
    [
        (write_same_size, (CORE,)),
        (keep_times(write_same_size), (CORE,)),
        (lambda place: (place / CORE).touch(), (CORE,)),
        (write_and_restore, (CORE,)),
        (lambda place: (place / CORE).unlink(), (CORE,)),
        (lambda place: (place / "lib" / "new.py").touch(), ("lib/new.py",)),
        (lambda place: os.mkfifo(place / "lib" / "pipe"), ("lib/pipe",)),
        (lambda place: (place / "flowrepro-complete").write_text("{"), (CORE, "bin/python")),
        # What Python itself does.
        (lambda place: (place / "lib" / "__pycache__").mkdir(), ()),
        (lambda place: (place / "pycache").mkdir(), ()),
        (lambda place: place, ()),
    ],
)
def test_what_was_edited_since_an_environment_was_complete(
    environment: Path, edit: Callable[[Path], object], edited: tuple[str, ...]
) -> None:
    edit(environment)
    for folder in ("__pycache__", "pycache"):
        for place in environment.rglob(folder):
            (place / "core.cpython-311.pyc").touch()

    found = edited_files(environment)

    assert set(edited) <= set(found)
    assert len(found) == len(edited) or "bin/python" in edited
    assert edited_files(environment) == found


def test_a_link_to_another_interpreter_is_an_edit(environment: Path) -> None:
    (environment / "bin" / "python").unlink()
    (environment / "bin" / "python").symlink_to("/usr/bin/python2")

    assert edited_files(environment) == ("bin/python",)


def test_an_environment_that_is_gone_has_no_edited_files(tmp_path: Path) -> None:
    assert edited_files(tmp_path / "gone") == ()
