"""What a task is said to have loaded: `flowrepro_imports.py` of the extension."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.support.in_venv import IN_VENV

if TYPE_CHECKING:
    from pathlib import Path

PLUGINS = IN_VENV / "metaflow_path/metaflow_extensions/flowrepro/plugins"

INSTALLED = ("six.py", "pandas/__init__.py", "pandas/io/__init__.py", "google/auth/__init__.py")
OWN = ("train.py", "lib/__init__.py", "lib/features/scale.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A code package, and beside it an environment."""
    for file in (f"env/site-packages/{name}" for name in INSTALLED):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    for file in (f"copy/{name}" for name in OWN):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    return tmp_path / "copy"


def loaded(script: str, copy: Path) -> tuple[list[str], list[str]]:
    """By a process that has run `script`, and nothing else of anybody's."""
    whole = (
        "import json, sys\n"
        f"sys.path[:0] = [{str(copy)!r}, {str(copy.parent / 'env/site-packages')!r}]\n"
        f"sys.path.append({str(PLUGINS)!r})\n"
        "import flowrepro_imports\n"
        "before, _ = flowrepro_imports.loaded(())\n"
        f"{script}\n"
        f"modules, sources = flowrepro_imports.loaded(({str(copy)!r},))\n"
        "print(json.dumps([[name for name in modules if name not in before], sources]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-S", "-c", whole],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    modules, sources = json.loads(done.stdout)
    return modules, sources


# What a step does -> the modules of its environment and the files of its code that are loaded.
STEPS = [
    ("import json", [], []),
    ("import six", ["six"], []),
    ("import pandas.io", ["pandas"], []),
    ("import google.auth", ["google.auth"], []),
    (
        "import train, lib.features.scale",
        [],
        ["lib/__init__.py", "lib/features/scale.py", "train.py"],
    ),
    ("import six; del sys.modules['six']", [], []),
    ("sys.modules['odd'] = None; sys.modules['odder'] = 3", [], []),
    ("import types; sys.modules['odd'] = m = types.ModuleType('odd'); m.__file__ = 3", [], []),
]


@pytest.mark.parametrize(("script", "modules", "sources"), STEPS)
def test_what_was_loaded_is_named(
    script: str, modules: list[str], sources: list[str], copy: Path
) -> None:
    assert loaded(script, copy) == (modules, sources)


def test_a_lazy_module_stays_lazy(copy: Path) -> None:
    (copy.parent / "env/site-packages/six.py").write_text("raise RuntimeError\n")
    lazy = (
        "import importlib.util as util\n"
        "spec = util.find_spec('six')\n"
        "spec.loader = util.LazyLoader(spec.loader)\n"
        "sys.modules['six'] = module = util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)"
    )
    assert loaded(lazy, copy)[0] == ["six"]
