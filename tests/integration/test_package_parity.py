"""Our list of a flow's files against Metaflow's own, for a tree with everything in it."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.model import FlowSource
from pytest_flowrepro.package.code_package import default_suffixes, package_flow
from pytest_flowrepro.support.process import isolated_environment, run_process

if TYPE_CHECKING:
    from pathlib import Path

FLOW = """\
from metaflow import FlowSpec, step


class TreeFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TreeFlow()
"""

FILES = (
    "root-module.py",
    "lib/outside.py",
    "lib/outside.csv",
    "flows/helper.py",
    "flows/Upper.PY",
    "flows/model.R",
    "flows/model.rds",
    "flows/data.csv",
    "flows/data.CSV",
    "flows/README",
    "flows/nosuffixpy",
    "flows/.py",
    "flows/.csv",
    "flows/.hidden.py",
    "flows/.hidden/inside.py",
    "flows/.hidden/deep/inside.py",
    "flows/pkg/__init__.py",
    "flows/pkg/sub/__init__.py",
    "flows/pkg/sub/deep.py",
    "flows/pkg/sub/deep.pyc",
    "flows/pkg/__pycache__/deep.py",
    "flows/pkg/build/lib/copied.py",
    "flows/pkg/.ipynb_checkpoints/pkg.py",
    "flows/name with space.py",
    "flows/café.py",
    "flows/real/module.py",
    "flows/tests/test_helper.py",
)
LINKS = {
    "flows/alias": "real",
    "flows/alias-of-alias": "alias",
    "flows/outside": "../lib",
    "flows/file-link.py": "../lib/outside.py",
    "flows/seen": ".hidden",
    "flows/pkg/loop": "..",
    "flows/pkg/up-and-up": "../..",
    "flows/self": ".",
    "flows/.hidden/link": "../real",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n", encoding="utf-8")
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    (root / "flows/tree.py").write_text(FLOW, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ".py,.csv"},
        {"METAFLOW_PACKAGE_SUFFIXES": ".csv,.json"},
        {"METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ""},
    ],
)
def test_the_same_files_as_metaflow(
    tree: Path, tmp_path: Path, metaflow_python: Path, settings: dict[str, str]
) -> None:
    env = isolated_environment(
        {
            **settings,
            "HOME": str(tmp_path),
            "METAFLOW_USER": "tester",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
    )

    def metaflow(*args: str) -> str:
        done = run_process(
            [metaflow_python, "tree.py", "--quiet", "--no-pylint", "package", *args],
            env=env,
            cwd=tree / "flows",
            timeout=60,
        )
        assert done.ok, done.stderr
        return done.stderr

    ours = package_flow(
        FlowSource(file=tree / "flows/tree.py", name="TreeFlow", lineno=4, steps=()),
        root=tree,
        named_files=(),
        include=(),
        suffixes=default_suffixes(env),
        destination=tmp_path / "ours.tar",
    )
    described = {file.path: file.sha256 for file in ours.files}
    assert len(described) > 20

    folder = f"{tree}/flows/"
    listed = [line.strip() for line in metaflow("list").splitlines()]
    assert sorted(line.removeprefix(folder) for line in listed if line.startswith(folder)) == [
        *sorted(described)
    ]

    metaflow("save", str(tmp_path / "theirs.tgz"))
    with tarfile.open(tmp_path / "theirs.tgz") as archive:
        # Metaflow's own code and facts about the package stand beside the user's files.
        shipped = {
            member.name: hashlib.sha256(content.read()).hexdigest()
            for member in archive
            if not member.name.startswith(".mf_") and (content := archive.extractfile(member))
        }
    assert shipped == described
