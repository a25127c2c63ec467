"""With the real uv, which exports a lock without asking any index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_flowrepro.lock.sources.reading import Selection
from pytest_flowrepro.lock.sources.uv_lock import read_uv_lock
from pytest_flowrepro.lock.sources.uv_sources import lock_of
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_flowrepro.model import Requirements

NOTHING = Selection()
PROJECT = """
[project]
name = "Harbor"
version = "0"
requires-python = ">=3.11"
dependencies = ["alpha<2"]
[project.optional-dependencies]
plots = ["beta[fast] ; python_version < '4'"]
[dependency-groups]
flows = ["gamma", { include-group = "dev" }]
dev = ["alpha"]
"""


def package(name: str, rest: str = "") -> str:
    url = f"https://host/{name}-1-py3-none-any.whl"
    return (
        f'[[package]]\nname = "{name}"\nversion = "1"\n'
        'source = { registry = "https://host/simple" }\n'
        f'wheels = [{{ url = "{url}", hash = "sha256:{"0" * 64}" }}]\n{rest}\n'
    )


LOCK = """
version = 1
requires-python = ">=3.11"
[[package]]
name = "harbor"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "alpha" }]
[package.optional-dependencies]
plots = [{ name = "beta", extra = ["fast"] }]
[package.dev-dependencies]
dev = [{ name = "alpha" }]
flows = [{ name = "alpha" }, { name = "gamma" }]
[package.metadata]
requires-dist = [
  { name = "alpha", specifier = "<2" },
  { name = "beta", extras = ["fast"], marker = "extra == 'plots'" },
]
provides-extras = ["plots"]
[package.metadata.requires-dev]
dev = [{ name = "alpha" }]
flows = [{ name = "alpha" }, { name = "gamma" }]
""" + "".join(
    (
        package("alpha", "dependencies = [{ name = 'delta', marker = \"os_name == 'nt'\" }]"),
        package("beta", "[package.optional-dependencies]\nfast = [{ name = 'gamma' }]"),
        package("gamma"),
        package("delta"),
    )
)


def read(
    folder: Path, project: str = PROJECT, lock: str = LOCK, selection: Selection = NOTHING
) -> Requirements | None:
    (folder / "pyproject.toml").write_text(project)
    (folder / "uv.lock").write_text(lock)
    return read_uv_lock(folder / "uv.lock", root=folder, selection=selection)


def names(found: Requirements | None) -> list[str]:
    assert found is not None
    assert found.locked is not None
    return [line.partition("==")[0] for line in found.locked.text.splitlines() if "==" in line[:9]]


def test_a_lock_is_exported_and_what_it_was_made_of_is_declared(tmp_path: Path) -> None:
    found = read(tmp_path)

    assert found is not None
    assert found.source == "uv.lock"
    assert found.requires_python == ">=3.11"
    assert found.lines == ("alpha<2",)
    assert found.locked is not None
    assert found.locked.text == (
        f"alpha==1 \\\n    --hash=sha256:{'0' * 64}\n"
        f'delta==1 ; os_name == "nt" \\\n    --hash=sha256:{"0" * 64}\n'
    )


@pytest.mark.parametrize(
    ("selection", "more"),
    [
        (Selection(extras=("plots",)), ["beta", "gamma"]),
        (Selection(groups=("flows",)), ["gamma"]),
        (Selection(groups=("dev",)), []),
    ],
)
def test_extras_and_groups_are_exported_where_they_are_selected(
    tmp_path: Path, selection: Selection, more: list[str]
) -> None:
    assert sorted(names(read(tmp_path, selection=selection))) == sorted(["alpha", "delta", *more])


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        (
            "alpha<2",
            "alpha<3",
            ["project: alpha<3 is not in the lock", "project: alpha<2 is only in the lock"],
        ),
        ('["alpha<2"]', '["alpha<2", "six"]', ["project: six is not in the lock"]),
        (
            "[fast]",
            "",
            ["project: beta is not in the lock", "project: beta[fast] is only in the lock"],
        ),
        ('dev = ["alpha"]', 'dev = ["alpha", "six"]', ["group dev: six is not in the lock"]),
        ('"gamma", ', "", ["group flows: gamma is only in the lock"]),
    ],
)
def test_a_lock_of_other_requirements_is_refused(
    tmp_path: Path, old: str, new: str, problems: list[str]
) -> None:
    assert old in PROJECT

    with pytest.raises(LockError) as caught:
        read(tmp_path, PROJECT.replace(old, new))

    assert caught.value.what == "uv.lock is out of date with pyproject.toml"
    assert "run `uv lock`" in caught.value.hint
    assert [problem for problem in problems if problem not in caught.value.detail] == []


def test_requirements_that_are_written_otherwise_are_the_same(tmp_path: Path) -> None:
    spelled = PROJECT.replace("alpha<2", "Alpha < 2.0").replace("python_version", "os_name")

    assert read(tmp_path, spelled) is not None


@pytest.mark.parametrize(
    ("source", "metadata", "problem"),
    [
        ('{ editable = "lib" }', 'editable = "lib"', "lib is not a folder with pyproject.toml"),
        (
            '{ directory = "../lib" }',
            'directory = "../lib"',
            "the path is outside of the repository",
        ),
        (
            '{ git = "https://bob:pw@host/x?rev=1#0123456789012345678901234567890123456789" }',
            'git = "https://bob:pw@host/x?rev=1"',
            "a version control URL has no hash to pin",
        ),
        (
            '{ url = "https://bob:pw@host/gamma-1-py3-none-any.whl" }',
            'url = "https://bob:pw@host/gamma-1-py3-none-any.whl"',
            "a URL is not a package of an index",
        ),
    ],
)
def test_what_no_index_has_is_refused(
    tmp_path: Path, source: str, metadata: str, problem: str
) -> None:
    elsewhere = f'[[package]]\nname = "gamma"\nversion = "1"\nsource = {source}\n'
    if "url" in source:
        elsewhere += package("gamma").splitlines()[4] + "\n"
    lock = LOCK.replace(package("gamma"), elsewhere)
    assert elsewhere in lock
    requires_dev = '[package.metadata.requires-dev]\ndev = [{ name = "alpha" }]\nflows = ['
    lock = lock.replace(
        requires_dev + '{ name = "alpha" }, { name = "gamma" }]',
        requires_dev + f'{{ name = "alpha" }}, {{ name = "gamma", {metadata} }}]',
    )

    with pytest.raises(LockError, match=r"uv\.lock cannot be used as a lock") as caught:
        read(tmp_path, lock=lock, selection=Selection(groups=("flows",)))

    assert caught.value.detail.startswith(f"gamma: {problem}")
    assert "pw" not in str(caught.value)


def test_a_package_without_wheels_is_refused(tmp_path: Path) -> None:
    wheels = package("alpha").splitlines()[4]
    source = f'sdist = {{ url = "https://host/alpha-1.tar.gz", hash = "sha256:{"0" * 64}" }}'
    assert wheels in LOCK

    with pytest.raises(LockError) as caught:
        read(tmp_path, lock=LOCK.replace(wheels, source))

    assert caught.value.detail.startswith("alpha: it has only an sdist")


@pytest.mark.parametrize(
    ("lock", "what", "detail"),
    [
        ("<<<<<<< HEAD\n", "uv.lock is not valid TOML", "line 1"),
        ("", "uv could not export uv.lock (exit code 2)", "missing field `version`"),
        ("version = 9", "uv could not export uv.lock (exit code 2)", "unsupported schema version"),
    ],
)
def test_a_lock_that_cannot_be_read_is_reported(
    tmp_path: Path, lock: str, what: str, detail: str
) -> None:
    with pytest.raises(LockError) as caught:
        read(tmp_path, lock=lock)

    assert caught.value.what == what
    assert detail in caught.value.detail


def test_a_group_that_is_not_selected_may_come_from_anywhere(tmp_path: Path) -> None:
    project = PROJECT + 'docs = ["theme>=1"]\n[tool.uv.sources]\ntheme = { path = "theme" }\n'
    groups = "[package.metadata.requires-dev]\n"
    lock = LOCK.replace(groups, groups + 'docs = [{ name = "theme", directory = "theme" }]\n')

    assert names(read(tmp_path, project, lock)) == ["alpha", "delta"]
    with pytest.raises(LockError, match=r"tool\.uv\.sources\.theme: theme is not a folder"):
        read(tmp_path, project, lock, Selection(groups=("docs",)))


def test_groups_may_belong_to_no_project(tmp_path: Path) -> None:
    project = "[dependency-groups]\nflows = ['alpha<2']\n[tool.uv.workspace]\n"
    lock = """
        version = 1
        requires-python = ">=3.11"
        [manifest.dependency-groups]
        flows = [{ name = "alpha", specifier = "<2" }]
        """ + package("alpha")
    flows = Selection(groups=("flows",))

    assert names(read(tmp_path, project, lock, flows)) == ["alpha"]
    with pytest.raises(LockError, match="group flows: alpha<1 is not in the lock"):
        read(tmp_path, project.replace("<2", "<1"), lock, flows)


def test_dynamic_dependencies_are_not_taken_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").touch()

    with pytest.raises(LockError, match=r"project\.dependencies: dynamic"):
        read(tmp_path, '[project]\nname = "harbor"\ndynamic = ["dependencies"]')


def test_a_project_that_declares_nothing_has_no_lock(tmp_path: Path) -> None:
    assert read(tmp_path, "[tool.flowrepro]") is None


def test_a_lock_without_hashes_is_refused(tmp_path: Path) -> None:
    wheel = package("gamma").splitlines()[4]
    lock = LOCK.replace(wheel, wheel.replace(f', hash = "sha256:{"0" * 64}"', ""))

    with pytest.raises(LockError, match=r"uv\.lock has no hash for gamma"):
        read(tmp_path, lock=lock)


def test_packages_of_the_repository_are_those_of_the_lock(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    library = '[project]\nname = "gamma"\nversion = "1"\ndependencies = ["delta>0"]\n'
    (tmp_path / "lib" / "pyproject.toml").write_text(library)
    entry = '[[package]]\nname = "gamma"\nversion = "1"\nsource = { directory = "lib" }\n'
    made_of = '[package.metadata]\nrequires-dist = [{ name = "delta", specifier = ">0" }]\n'
    lock = LOCK.replace(package("gamma"), entry + made_of)
    groups = '[package.metadata.requires-dev]\ndev = [{ name = "alpha" }]\nflows = ['
    lock = lock.replace(
        groups + '{ name = "alpha" }, { name = "gamma" }]',
        groups + '{ name = "alpha" }, { name = "gamma", directory = "lib" }]',
    )
    project = PROJECT + '[tool.uv.sources]\ngamma = { path = "lib" }\n'
    flows = Selection(groups=("flows",))

    found = read(tmp_path, project, lock, flows)

    assert found is not None
    assert [one.folder for one in found.folders] == [tmp_path / "lib"]
    assert "gamma" not in str(found.lines)
    assert "gamma" not in names(found)
    (tmp_path / "lib" / "pyproject.toml").write_text(library.replace(">0", ">1"))
    with pytest.raises(LockError, match=r"uv\.lock is out of date with lib/pyproject\.toml"):
        read(tmp_path, project, lock, flows)


def test_a_member_of_a_workspace_is_in_the_lock_at_its_top(tmp_path: Path) -> None:
    member = tmp_path / "piers" / "north"
    member.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = ['piers/*']")
    (member / "pyproject.toml").write_text(PROJECT.replace("Harbor", "North"))
    lock = LOCK.replace('"harbor"', '"north"').replace('virtual = "."', 'virtual = "piers/north"')
    (tmp_path / "uv.lock").write_text(
        lock.replace("[[package]]", "[manifest]\nmembers = ['north']\n[[package]]", 1)
    )

    assert lock_of(member, root=tmp_path) == tmp_path / "uv.lock"
    flows = Selection(groups=("flows",))
    found = read_uv_lock(tmp_path / "uv.lock", root=tmp_path, selection=flows, project=member)

    assert found is not None
    assert found.source == "uv.lock"
    assert found.lines == ("alpha<2", "gamma", "alpha")
    assert names(found) == ["alpha", "delta", "gamma"]
