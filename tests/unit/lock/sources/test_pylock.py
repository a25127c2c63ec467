from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_flowrepro.lock.sources.pylock import from_pylock, read_pylock
from pytest_flowrepro.lock.sources.reading import Selection
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from pytest_flowrepro.model import Requirements

ZEROS, ONES = "0" * 64, "1" * 64
HEAD = 'lock-version = "1.0"\ncreated-by = "hand"\n'


def wheel(name: str, digest: str = ZEROS, tag: str = "py3-none-any") -> str:
    url = f"https://bob:pw@host/{name}-1-{tag}.whl"
    return f'{{ url = "{url}", hashes = {{ sha256 = "{digest}" }} }}'


def package(name: str, rest: str = "") -> str:
    wheels = f"[{wheel(name)}]"
    return f'[[packages]]\nname = "{name}"\nversion = "1"\nwheels = {wheels}\n{rest}\n'


def read(text: str, **selection: tuple[str, ...]) -> Requirements:
    document: dict[str, Any] = tomllib.loads(text)
    return from_pylock(
        document,
        file=Path("pylock.toml"),
        root=Path(),
        selection=Selection(**selection),
    )


def test_a_lock_becomes_ours_with_the_hashes_of_wheels(tmp_path: Path) -> None:
    wheels = ", ".join((wheel("alpha", ONES, "py3-none-win32"), wheel("alpha")))
    text = (
        HEAD + 'requires-python = ">=3.11"\n'
        f'[[packages]]\nname = "alpha"\nversion = "1"\nwheels = [{wheels}]\n'
        f'sdist = {{ url = "https://host/alpha-1.tar.gz", hashes = {{ sha256 = "{"2" * 64}" }} }}\n'
        + package("beta", "marker = \"sys_platform == 'win32'\"")
    )
    (tmp_path / "pylock.toml").write_text(text)

    found = read_pylock(tmp_path / "pylock.toml", root=tmp_path, selection=Selection())

    assert found.lines == ("alpha", 'beta ; sys_platform == "win32"')
    assert (found.source, found.requires_python) == ("pylock.toml", ">=3.11")
    assert found.locked is not None
    assert found.locked.text == (
        f"alpha==1 \\\n    --hash=sha256:{ZEROS} \\\n    --hash=sha256:{ONES}\n"
        f'beta==1 ; sys_platform == "win32" \\\n    --hash=sha256:{ZEROS}\n'
    )
    assert [one.name for one in found.locked.packages] == ["alpha", "beta"]


CHOICES = (
    HEAD
    + 'extras = ["plots"]\ndependency-groups = ["docs", "flows"]\ndefault-groups = ["docs"]\n'
    + package("alpha", "marker = \"'plots' in extras\"")
    + package("beta", "marker = \"'flows' in dependency_groups\"")
    + package("gamma", "marker = \"'docs' in dependency_groups and sys_platform == 'linux'\"")
    + package("delta", "marker = \"'plots' not in extras\"")
)


@pytest.mark.parametrize(
    ("selection", "linux", "windows"),
    [
        ({}, {"gamma", "delta"}, {"delta"}),
        ({"extras": ("Plots",)}, {"alpha", "gamma"}, {"alpha"}),
        ({"groups": ("flows",)}, {"beta", "delta"}, {"beta", "delta"}),
        ({"groups": ("flows", "docs")}, {"beta", "gamma", "delta"}, {"beta", "delta"}),
    ],
)
def test_extras_and_groups_are_chosen_and_platforms_stay_open(
    selection: dict[str, tuple[str, ...]], linux: set[str], windows: set[str]
) -> None:
    found = read(CHOICES, **selection)

    assert found.locked is not None
    for platform, names in (("linux", linux), ("win32", windows)):
        installed = {
            one.name
            for one in found.locked.packages
            if one.marker is None or one.marker.evaluate({"sys_platform": platform})
        }
        assert installed == names


def test_a_choice_that_is_the_whole_marker_leaves_no_trace() -> None:
    assert read(CHOICES, extras=("plots",)).lines == (
        "alpha",
        'gamma ; python_version >= "0" and sys_platform == "linux"',
    )


VCS = 'vcs = { type = "git", url = "https://bob:pw@host/x", commit-id = "0" }'
ARCHIVE = f'archive = {{ url = "https://bob:pw@host/x.zip", hashes = {{ sha256 = "{ZEROS}" }} }}'
MD5 = 'wheels = [{ url = "https://host/x-1-py3-none-any.whl", hashes = { md5 = "0" } }]'
SOURCE = f'sdist = {{ url = "https://host/x-1.tar.gz", hashes = {{ sha256 = "{ZEROS}" }} }}'


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (VCS, "x: a version control URL has no hash to pin; publish a wheel of it"),
        ('directory = { path = "x" }', "x: x is not a folder with pyproject.toml"),
        (
            'directory = { path = "../x", editable = true }',
            "x: the path is outside of the reposito",
        ),
        (ARCHIVE, "x: a URL is not a package of an index"),
        (ARCHIVE.replace("url =", "path ="), "x: a built file of a path cannot be locked"),
        (SOURCE, "x: it has only an sdist"),
        (f"wheels = [{wheel('x')}]", "x: it has no version"),
        (f'version = "1"\n{MD5}', "x: x-1-py3-none-any.whl has no sha256"),
        (f'version = "1"\nwheels = [{wheel("x", "00")}]', "x: x-1-py3-none-any.whl has no sha256"),
    ],
)
def test_what_no_index_and_hash_pin_is_refused(entry: str, problem: str) -> None:
    with pytest.raises(LockError, match=r"pylock\.toml cannot be used as a lock") as caught:
        read(f'{HEAD}[[packages]]\nname = "x"\n{entry}\n' + package("alpha"))

    assert caught.value.detail.startswith(problem)
    assert "alpha" not in caught.value.detail
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Missing required value in 'lock-version'"),
        (HEAD.replace("1.0", "2.0") + "packages = []", "pylock version 2.0 is not supported"),
        (HEAD + "packages = 3", "Unexpected type int"),
        (
            HEAD + '[[packages]]\nname = "x"',
            "Exactly one of vcs, directory, archive must be set",
        ),
    ],
)
def test_what_is_not_a_pylock_is_refused(text: str, problem: str) -> None:
    with pytest.raises(LockError, match=r"pylock\.toml is not a valid lockfile") as e:
        read(text)

    assert problem in e.value.detail


@pytest.mark.parametrize(
    ("head", "selection", "problem"),
    [
        ("", {"extras": ("plots",)}, "extras: unknown name `plots`"),
        (
            'dependency-groups = ["docs"]\n',
            {"groups": ("flows",)},
            "dependency-groups: unknown name `flows` (known: docs)",
        ),
        (
            "environments = [\"sys_platform == 'amiga'\"]\n",
            {},
            'environments: none of sys_platform == "amiga" matches this machine',
        ),
    ],
)
def test_a_lock_for_something_else_is_refused(
    head: str, selection: dict[str, tuple[str, ...]], problem: str
) -> None:
    with pytest.raises(LockError) as caught:
        read(HEAD + head + package("alpha"), **selection)

    assert caught.value.detail == problem
