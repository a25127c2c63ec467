"""Imports of a flow that it does not declare, and declarations that it does not import."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from locks import locked
from recordings import log

from pytest_flowrepro.model import (
    BuiltEnvironment,
    CodePackage,
    Environment,
    FlowEnvironments,
    Interpreter,
    Package,
    TaskLog,
)
from pytest_flowrepro.pipeline import import_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pytest_flowrepro.pipeline.import_usage import Imported

FLOW = """
import toolz
from helper import load

class TrainFlow(FlowSpec):
    @step
    def start(self):
        pass

    @step
    def train(self):
        import yaml
        import requests
"""
HELPER = """
def load():
    import numpy

def save():
    import boto3
"""
MODULES = {
    "metaflow": "metaflow/__init__.py",
    "requests": "requests/__init__.py",
    "toolz": "toolz/__init__.py",
    "pyyaml": "yaml/__init__.py",
    "numpy": "numpy/__init__.py",
    "boto3": "boto3/__init__.py",
    "six": "six.py",
    "types-six": "six-stubs/__init__.pyi",
    "pandas": "pandas/__init__.py",
    "pyarrow": "pyarrow/__init__.py",
}
REQUIRES = {"pandas": 'pyarrow; extra == "parquet"'}
VIA = {"requests": ("metaflow",), "boto3": ("metaflow",), "numpy": ("scipy", "pandas")}


def built(
    folder: Path,
    name: str,
    *names: str,
    steps: tuple[str, ...] = (),
    via: Mapping[str, tuple[str, ...]] = VIA,
) -> BuiltEnvironment:
    """An environment that holds distributions of these names."""
    for one in names:
        info = folder / name / f"lib/python3.11/site-packages/{one}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "RECORD").write_text(f"{MODULES[one]},sha256=abc,3\n")
        required = f"Requires-Dist: {REQUIRES[one]}\n" if one in REQUIRES else ""
        (info / "METADATA").write_text(f"Name: {one}\nVersion: 1.0\n{required}")
    packages = [Package(name=n, version="1", record="", via=via.get(n, ())) for n in sorted(names)]
    manifest = Environment(
        name=name,
        python=Interpreter("cpython", "3.11.7"),
        packages=tuple(packages),
        lock=locked(),
        steps=steps,
    )
    return BuiltEnvironment(path=folder / name, python=folder / "python", manifest=manifest)


def task(step: str, *modules: str, sources: tuple[str, ...] = ("train.py",)) -> TaskLog:
    return replace(log(step), modules=("metaflow", "requests", *modules), sources=sources)


@pytest.fixture
def package(tmp_path: Path) -> CodePackage:
    archive = tmp_path / "code.tar"
    with tarfile.open(archive, "w") as tar:
        for name, text in (("train.py", FLOW), ("helper.py", HELPER), ("other.py", "import six")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("flows/linked.py")
        link.type, link.linkname = tarfile.SYMTYPE, "../train.py"
        tar.addfile(link)
    return CodePackage(root=tmp_path, flow="train.py", files=(), archive=archive)


def imported(
    package: CodePackage,
    base: BuiltEnvironment,
    logs: Sequence[TaskLog],
    *of_steps: BuiltEnvironment,
) -> Imported:
    environments = FlowEnvironments(base=base, of_steps=of_steps)
    return import_usage.imported(package, environments, logs)


def names(found: Imported) -> dict[str, tuple[str, ...]]:
    return {one.name: one.imported for one in found.environments}


BOTH = ("train.py", "helper.py")


def test_an_undeclared_import_is_reported_with_its_steps(
    package: CodePackage, tmp_path: Path
) -> None:
    via = {**VIA, "pyyaml": ("metaflow",)}
    everything = ("metaflow", "requests", "toolz", "pyyaml", "numpy", "boto3")
    base = built(tmp_path, "base", *everything, via=via)
    logs = [
        task("start", "toolz", "numpy", sources=BOTH),
        task("train", "toolz", "yaml", "numpy", sources=BOTH),
    ]
    found = imported(package, base, logs)
    assert found.undeclared == (
        "the flow imports numpy without declaring it (it came with pandas, scipy)",
        "step train imports requests without declaring it (it came with metaflow)",
        "step train imports yaml (pyyaml) without declaring it (it came with metaflow)",
    )
    assert names(found) == {"base": ("numpy", "pyyaml", "requests", "toolz")}
    assert found.unused == ()


def test_a_statement_counts_where_it_was_run_and_its_file_was_loaded(
    package: CodePackage, tmp_path: Path
) -> None:
    base = built(tmp_path, "base", "metaflow", "requests", "toolz", "numpy", "boto3", "six")
    found = imported(package, base, [task("start", "toolz", "numpy", "six")])
    assert found.undeclared == (), "numpy and six were loaded, but not by this flow's code"
    assert names(found) == {"base": ("toolz",)}


def test_a_flow_that_is_a_link_is_read_where_it_leads_to(
    package: CodePackage, tmp_path: Path
) -> None:
    base = built(tmp_path, "base", "metaflow", "toolz")
    sources = ("flows/linked.py", "written_by_the_flow.py")
    assert names(imported(package, base, [task("start", "toolz", sources=sources)])) == {
        "base": ("toolz",)
    }


def test_what_no_step_loads_is_unused(package: CodePackage, tmp_path: Path) -> None:
    base = built(tmp_path, "base", "metaflow", "toolz", "pyyaml", "six", "types-six")
    found = imported(package, base, [task("start", "toolz")])
    (sentence,) = found.unused
    assert sentence.startswith("declared, but never imported by this flow: six (may be")
    loaded = imported(package, base, [task("start", "toolz", "six")])
    assert loaded.unused == (), "whoever loaded it, it is used"


def test_what_another_may_use_is_not_called_unused(package: CodePackage, tmp_path: Path) -> None:
    names = ("metaflow", "requests", "pandas", "pyarrow")
    of_step = built(tmp_path, "step-start", *names, steps=("start",), via={})
    start = replace(task("start", sources=()), modules=("metaflow", "pandas"))
    assert imported(package, of_step, [start]).unused == (), "requests is Metaflow's own pin"
    (sentence,) = imported(package, of_step, [replace(start, modules=("metaflow",))]).unused
    assert "this flow: pandas (" in sentence
    base = built(tmp_path, "base", "metaflow", "requests", via={})
    (sentence,) = imported(package, base, [replace(start, modules=("metaflow",))]).unused
    assert "this flow: requests (" in sentence, "declared by the flow itself"


def test_each_step_is_judged_by_its_own_environment(package: CodePackage, tmp_path: Path) -> None:
    base = built(tmp_path, "base", "metaflow", "requests", "toolz", "six")
    of_train = built(tmp_path, "step-train", "metaflow", "pyyaml", "toolz", steps=("train",))
    logs = [task("start", "toolz"), task("train", "toolz", "yaml")]
    found = imported(package, base, logs, of_train)
    assert names(found) == {"base": ("toolz",), "step-train": ("pyyaml", "toolz")}
    assert found.undeclared == ()
    assert "this flow: six (" in found.unused[0], "toolz, which both declare, is used in one"
    only_train = imported(package, base, [task("train", "toolz", "yaml")], of_train)
    assert only_train.unused == (), "no step of this run was in base"


def test_nothing_is_reported_for_a_flow_without_declarations(
    package: CodePackage, tmp_path: Path
) -> None:
    base = built(tmp_path, "base", "metaflow", "requests", "numpy")
    found = imported(package, base, [task("train", "numpy", sources=BOTH)])
    assert (found.undeclared, found.unused) == ((), ())
    assert names(found) == {"base": ("numpy", "requests")}


def test_a_run_that_left_nothing_leaves_the_environments_as_they_are(
    package: CodePackage, tmp_path: Path
) -> None:
    base = built(tmp_path, "base", "metaflow", "toolz")
    found = imported(package, base, [])
    assert (names(found), found.undeclared, found.unused) == ({"base": ()}, (), ())
    assert replace(base.manifest, imported=("toolz",)) == base.manifest, "it decides no comparison"
