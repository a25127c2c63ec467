"""What `[tool.uv]` says of the resolution, with the real uv and an index of our own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uv
from local_index import LocalIndex, only_index, wheel
from requirement_lines import requirement_lines

from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.lock import find_requirements, resolver
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.support.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_flowrepro.model import Requirements

UPLOADED = {"1.0": "2024-01-01T00:00:00Z", "2.0": "2025-01-01T00:00:00Z"}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalIndex]:
    """Two versions of each package; `alpha` requires `beta`."""
    (tmp_path / "project" / "flows").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    with only_index(monkeypatch, tmp_path) as index:
        for version, uploaded in UPLOADED.items():
            for name, requires in (("alpha", ["beta"]), ("beta", []), ("metaflow", [])):
                file = wheel(name, version, requires=requires)
                index.add(file)
                index.uploaded[file[0]] = uploaded
        yield index


def declared(**files: str) -> Requirements:
    """The requirements of `flows/train.py` in a project with these files."""
    for name, text in files.items():
        path = Path(name.replace("__", "/").replace("_dot_", "."))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    flow = Path("flows/train.py").resolve()
    flow.touch()
    return find_requirements(flow, root=Path.cwd(), setting=None)


def pins(requirements: Requirements, *, as_of: date | None = None) -> dict[str, str]:
    workspace = Path.cwd().parent / "workspace"
    shutil.rmtree(workspace, ignore_errors=True)
    workspace.mkdir()
    lock = resolver("uv").resolve(
        requirements, python=Path(sys.executable), workspace=workspace, timeout=60, as_of=as_of
    )
    return {package.name: package.version for package in parse_pypi(lock.text).packages}


NEW = {"alpha": "2.0", "beta": "2.0", "metaflow": "2.0"}
PROJECT = '[project]\nname = "p"\nversion = "0"\ndependencies = ["alpha", "metaflow"]\n'
SCRIPT = "# /// script\n# dependencies = ['alpha', 'metaflow']\n{}# ///\n"

SETTINGS = [
    ('constraint-dependencies = ["beta<2"]', {**NEW, "beta": "1.0"}),
    ('override-dependencies = ["alpha==1.0"]', {**NEW, "alpha": "1.0"}),
    ('exclude-dependencies = ["beta"]', {"alpha": "2.0", "metaflow": "2.0"}),
    ('exclude-newer = "2024-06-01T00:00:00Z"', dict.fromkeys(NEW, "1.0")),
    ("exclude-newer-package = { beta = '2024-06-01T00:00:00Z' }", {**NEW, "beta": "1.0"}),
    ('resolution = "lowest-direct"', {"alpha": "1.0", "beta": "2.0", "metaflow": "1.0"}),
    ('prerelease = "allow"', {**NEW, "beta": "3.0a1"}),
    ("environments = [\"python_version >= '3'\"]", NEW),
    ('build-constraint-dependencies = ["setuptools<70"]', NEW),
]


@pytest.mark.parametrize(("setting", "expected"), SETTINGS)
@pytest.mark.parametrize("place", ["pyproject.toml", "uv.toml", "script", "requirements.txt"])
def test_what_is_declared_is_followed_and_is_a_part_of_the_requirements(
    index: LocalIndex, place: str, setting: str, expected: dict[str, str]
) -> None:
    index.add(wheel("beta", "3.0a1"))
    index.uploaded["beta-3.0a1-py3-none-any.whl"] = "2025-02-01T00:00:00Z"

    def requirements(setting: str) -> Requirements:
        match place:
            case "pyproject.toml":
                return declared(pyproject_dot_toml=f"{PROJECT}[tool.uv]\n{setting}\n")
            case "uv.toml":
                return declared(pyproject_dot_toml=PROJECT, uv_dot_toml=f"{setting}\n")
            case "script":
                block = "".join(f"# {line}\n" for line in ("[tool.uv]", setting) if setting)
                return declared(flows__train_dot_py=SCRIPT.format(block))
            case _:
                return declared(
                    requirements_dot_txt="alpha\nmetaflow\n",
                    pyproject_dot_toml=f"[tool.uv]\n{setting}\n",
                )

    found = requirements(setting)
    (constraints,) = found.constraint_sources

    assert pins(found) == expected
    assert constraints.file in {
        "pyproject.toml [tool.uv]",
        "uv.toml",
        "flows/train.py (PEP 723) [tool.uv]",
    }
    assert requirements("").constraint_sources == ()


def test_a_constraint_of_the_project_is_known_by_its_lines(index: LocalIndex) -> None:
    text = PROJECT + "[tool.uv]\nconstraint-dependencies = ['beta<2']\nresolution = 'highest'\n"
    (constraints,) = declared(pyproject_dot_toml=text).constraint_sources

    assert constraints.lines == requirement_lines("beta<2")
    (other,) = declared(pyproject_dot_toml=text.replace("highest", "lowest")).constraint_sources
    assert other != constraints
    assert index.asked == []


def test_the_settings_of_the_user_are_not_a_declaration(
    index: LocalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "uv").mkdir(parents=True)
    text = "\n".join(setting for setting, _ in SETTINGS if not setting.startswith("environments"))
    (tmp_path / "config" / "uv" / "uv.toml").write_text(text)
    monkeypatch.setenv("UV_EXCLUDE_NEWER", "2024-06-01")

    found = declared(pyproject_dot_toml=PROJECT)

    assert found.constraint_sources == ()
    assert pins(found) == NEW
    assert index.asked


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ('torch-backend = "auto"', "torch-backend: it depends on the machine"),
        ('constraint-dependencies = ["x @ git+https://a/b"]', "constraint-dependencies[0]: a vers"),
        ('override-dependencies = "x"', "override-dependencies: not a list of strings"),
        ('environments = ["linux"]', "environments: 'linux' is not a marker (PEP 508)"),
    ],
)
@pytest.mark.usefixtures("index")
def test_what_cannot_be_followed_is_refused_by_name(setting: str, what: str) -> None:
    with pytest.raises(LockError, match=r"pyproject\.toml \[tool\.uv\] has invalid") as caught:
        declared(pyproject_dot_toml=f"{PROJECT}[tool.uv]\n{setting}\n")

    assert caught.value.detail.startswith(what)


@pytest.mark.usefixtures("index")
def test_what_has_no_effect_here_is_noted_by_name() -> None:
    text = f"{PROJECT}[tool.uv]\nno-binary-package = ['beta']\nrequired-environments = ['x']\n"

    assert [note.split(": ")[:2] for note in declared(pyproject_dot_toml=text).notes] == [
        ["pyproject.toml [tool.uv]", "no-binary-package is not followed"],
        ["pyproject.toml [tool.uv]", "required-environments is not followed"],
    ]


@pytest.mark.usefixtures("index")
def test_a_machine_that_the_declared_environments_leave_out_is_reported() -> None:
    text = f"{PROJECT}[tool.uv]\nenvironments = \"sys_platform == 'amiga'\"\n"

    with pytest.raises(LockError, match=r"environments do not include Python .* on this machine"):
        pins(declared(pyproject_dot_toml=text))


@pytest.mark.usefixtures("index")
def test_pip_tools_refuses_what_uv_alone_follows(tmp_path: Path) -> None:
    text = f"{PROJECT}[tool.uv]\noverride-dependencies = ['alpha==1.0']\nresolution = 'lowest'\n"

    with pytest.raises(LockError, match="settings that only uv supports") as caught:
        resolver("pip-tools").resolve(
            declared(pyproject_dot_toml=text),
            python=Path(sys.executable),
            workspace=tmp_path,
            timeout=60,
        )

    assert caught.value.detail.splitlines() == [
        "override-dependencies in pyproject.toml [tool.uv]",
        "resolution in pyproject.toml [tool.uv]",
    ]


def test_the_earlier_one_of_a_day_and_what_is_declared_counts(index: LocalIndex) -> None:
    text = PROJECT + "[tool.uv]\nexclude-newer = '{}'\n"
    early = declared(pyproject_dot_toml=text.format("2024-06-01"))
    assert pins(early, as_of=date(2025, 6, 1)) == dict.fromkeys(NEW, "1.0")

    late = declared(pyproject_dot_toml=text.format("2026-06-01"))
    assert pins(late, as_of=date(2024, 6, 1)) == dict.fromkeys(NEW, "1.0")
    assert pins(late, as_of=date(2025, 6, 1)) == NEW
    assert index.asked


def folder_index(folder: Path, *files: tuple[str, bytes]) -> None:
    for name, data in files:
        project = folder / name.split("-")[0]
        project.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(data)
        links = "".join(f'<a href="{one.name}">{one.name}</a>' for one in project.glob("*.whl"))
        (project / "index.html").write_text(links)


def test_a_package_comes_from_the_index_that_it_is_bound_to(
    index: LocalIndex, tmp_path: Path
) -> None:
    folder_index(tmp_path / "simple", wheel("beta", "2.0+cpu"), wheel("alpha", "9.0"))
    text = (
        PROJECT.replace('"metaflow"]', '"metaflow", "beta==2.0"]')
        + "[tool.uv.sources]\nbeta = { index = 'cpu' }\n"
        "[[tool.uv.index]]\nname = 'cpu'\nurl = '../simple'\nexplicit = true\n"
    )
    found = declared(pyproject_dot_toml=text)

    assert pins(found) == {**NEW, "beta": "2.0+cpu"}
    assert [one.file for one in found.constraint_sources] == ["pyproject.toml [tool.uv]"]
    assert [one.url for one in found.indexes] == [str(tmp_path / "simple")]
    assert index.asked


def test_the_lock_of_a_script_is_taken_as_it_is(index: LocalIndex) -> None:
    script = SCRIPT.format("# [tool.uv]\n# constraint-dependencies = ['beta<2']\n")
    Path("flows/train.py").write_text(script)
    tool = uv_tool()
    argv = [uv.find_uv_bin(), "lock", "--quiet", "--script", "flows/train.py"]
    subprocess.run(argv, env=dict(tool.env), check=True)
    index.add(wheel("alpha", "3.0"))

    found = declared(flows__train_dot_py=script)
    assert found.source == "flows/train.py.lock"
    assert found.locked is not None
    locked = {one.name: one.version for one in found.locked.packages}
    assert locked == {**NEW, "beta": "1.0"}

    with pytest.raises(LockError, match=r"is out of date with flows/train\.py") as caught:
        declared(flows__train_dot_py=script.replace("beta<2", "beta<3"))
    assert "tool.uv.constraint-dependencies: beta<3 is not in the lock" in caught.value.detail
    assert "uv lock --script flows/train.py" in caught.value.hint
