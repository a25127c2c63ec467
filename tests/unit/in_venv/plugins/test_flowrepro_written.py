"""What a task is said to have written: `flowrepro_written.py` of the extension."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_flowrepro.support.in_venv import IN_VENV

PLUGINS = IN_VENV / "metaflow_path/metaflow_extensions/flowrepro/plugins"


def written(script: str, folder: Path) -> list[str]:
    """By a process of its own, which an audit hook cannot be removed from; relative to `folder`."""
    watched = (
        "import json, os, shutil, sys, tempfile\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(PLUGINS)!r})\n"
        "import flowrepro_written\n"
        "written = flowrepro_written.Written({os.getcwd()})\n"
        "written.watch()\n"
        f"{script}\n"
        "print(json.dumps(written.paths()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", watched],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    paths = [Path(path) for path in json.loads(done.stdout)]
    assert paths == sorted(paths)
    return [path.relative_to(folder).as_posix() for path in paths]


# What the step does -> the files that it has written.
STEPS = [
    ("open('plot.png', 'wb').close()", ["plot.png"]),
    ("Path('out.csv').write_text('a')", ["out.csv"]),
    ("open('log', 'a').close(); open('log', 'a').close()", ["log"]),
    ("open('both', 'w+').close(); open('both', 'r+').close()", ["both"]),
    ("os.close(os.open('raw', os.O_WRONLY | os.O_CREAT))", ["raw"]),
    ("open(b'bytes', 'w').close()", ["bytes"]),
    ("open('part', 'w').close(); os.replace('part', 'whole')", ["part", "whole"]),
    ("open('part', 'w').close(); shutil.move('part', 'whole')", ["part", "whole"]),
    ("shutil.copy('read-me', 'copy')", ["copy"]),
    ("os.mkdir('d'); os.chdir('d'); open('../here', 'w').close()", ["here"]),
    ("os.mkdir('__pycache__'); open('__pycache__/m.pyc', 'w').close()", []),
    ("os.remove('read-me')", ["read-me"]),
    ("os.truncate('read-me', 0)", ["read-me"]),
    ("os.link('read-me', 'linked')", ["linked"]),
    ("os.mkdir('d'); open('d/x', 'w').close(); shutil.rmtree('d')", ["d/x"]),
    ("open('read-me').close()", []),
    ("tempfile.TemporaryFile(dir='/tmp').close()", []),
    ("open(os.open(os.devnull, os.O_RDWR), 'w').close()", []),
    ("open(os.fsdecode(b'n\\xff'), 'w').close()", ["n\\udcff"]),
    ("sys.audit('open'); sys.audit('open', object(), None, 1)", []),
]


@pytest.mark.parametrize(("step", "expected"), STEPS)
def test_files_that_python_opens_for_writing(
    step: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "read-me").touch()
    assert written(step, tmp_path.resolve()) == expected


def test_a_step_that_writes_a_whole_tree_is_cut(tmp_path: Path) -> None:
    step = "flowrepro_written.LIMIT = 3\nfor n in range(9): open('f%d' % n, 'w').close()"
    assert written(step, tmp_path.resolve()) == ["f0", "f1", "f2"]


def test_a_step_that_removes_its_working_directory_goes_on(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    step = "os.rmdir(os.getcwd())\ntry: open('x', 'w')\nexcept FileNotFoundError: pass"
    assert written(step, (tmp_path / "gone").resolve()) == []
