"""Recorded on a Mac, checked here: simulated by what such a recording would have written."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recordings import reseal
from requirement_lines import requirement_lines

from pytest_flowrepro.diff.platforms import locked_version
from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.lock import resolver
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Interpreter, Requirements, System, digest_of, lock_file
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from conftest import Project

MAC = {"platform": "darwin", "machine": "arm64", "libc": "macos 14.5"}
APPNOPE = {"version": "0.1.4", "via": [], "record": "sha256:aa", "wheel": "py3-none-any"}
ONLY_ON_A_MAC = f"appnope==0.1.4 ; sys_platform == 'darwin' --hash=sha256:{'a' * 64}\n"
LAYERS = {"platform", "machine", "libc"}


def let_a_mac_have_recorded(project: Project) -> None:
    """One package more, one less, and one in a wheel of the Mac's own."""
    folder = project.baseline("HelloFlow")
    file = project.lock("HelloFlow")
    lock = with_markers(file.read_text(encoding="utf-8"))
    digest = digest_of(lock)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["system"] |= MAC
    base = manifest["environments"]["base"]
    base["lock"] = {"file": lock_file(digest), "sha256": digest}
    base["packages"]["appnope"] = APPNOPE
    del base["packages"]["six"]
    own = {"wheel": "py3-none-macosx_14_0_arm64", "record": "sha256:aa"}
    base["packages"]["metaflow"] |= own
    file.with_name(lock_file(digest)).write_text(lock, encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    reseal(folder)


def with_markers(lock: str) -> str:
    six = next(line for line in lock.splitlines() if line.startswith("six=="))
    here = f"{six.removesuffix(chr(92))}; sys_platform == '{sys.platform}' \\"
    return ONLY_ON_A_MAC + lock.replace(six, here)


def environment(project: Project, *args: str) -> tuple[str, dict[str, tuple[str, bool]]]:
    """The verdict, and what differs: name -> kind and whether it is gated."""
    (flow,) = project.report("-k", "environment", *args)["flows"]
    return flow["verdict"], {c["name"]: (c["kind"], c["gated"]) for c in flow["changes"]}


def test_what_the_lock_gives_to_one_platform_only_is_shown_and_passes(hello: Project) -> None:
    let_a_mac_have_recorded(hello)
    verdict, changes = environment(hello)
    assert verdict == "environment reproduced"
    names = {"appnope", "six", "metaflow", *LAYERS}
    assert changes == dict.fromkeys(names, ("system", False))
    result = hello.check("-k", "environment")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(
        [
            "environment reproduced*3 system layers changed; 3 platform differences*",
            "*appnope*removed: 0.1.4*platform difference of base*shown only*",
            "*metaflow*each platform's own wheel: py3-none-macosx_14_0_arm64 -> *",
        ]
    )
    hello.write("pyproject.toml", '[tool.pytest]\n[tool.flowrepro]\nfail-on = ["system"]\n')
    gated = dict.fromkeys(names, ("system", True)) | {"fail-on": ("policy", True)}
    assert environment(hello) == ("drifted", gated)


PLATFORMS = {
    "x86_64-manylinux_2_28": System(platform="linux", machine="x86_64", libc="glibc 2.28"),
    "aarch64-apple-darwin": System(platform="darwin", machine="arm64", libc="macos 14.5"),
    "x86_64-pc-windows-msvc": System(platform="win32", machine="AMD64", libc=""),
}


@pytest.mark.network
@pytest.mark.slow
def test_uv_gives_each_platform_what_its_universal_lock_says_for_it(tmp_path: Path) -> None:
    """Of a lock whose packages differ on all three: so a manifest tells what its machine got."""
    lines = ("keyring", "tqdm", "appnope ; sys_platform == 'darwin'")
    lock = resolver("uv").resolve(
        Requirements(requirements=requirement_lines(*lines), source="requirements.txt"),
        python=Path(sys.executable),
        workspace=tmp_path,
        timeout=120,
    )
    found = {name: _compiled(tmp_path, name) for name in PLATFORMS}
    assert "secretstorage" in found["x86_64-manylinux_2_28"]
    assert "appnope" in found["aarch64-apple-darwin"]
    assert "colorama" in found["x86_64-pc-windows-msvc"]
    python = Interpreter("cpython", platform.python_version())
    names = {package.name for package in parse_pypi(lock.text).packages}
    for name, system in PLATFORMS.items():
        given = {one: locked_version(lock, one, system, python) for one in names}
        assert {one for one, version in given.items() if version} == found[name], name


def _compiled(workspace: Path, name: str) -> set[str]:
    """What uv resolves for one platform alone."""
    tool = uv_tool()
    argv = [*tool.argv, "pip", "compile", "--quiet", "--generate-hashes", "--python-platform", name]
    argv += ["--python", sys.executable, *tool.options, "requirements.in"]
    done = run_process(argv, env=tool.env, cwd=workspace, timeout=120)
    assert done.ok, done.stderr
    return {package.name for package in parse_pypi(done.stdout).packages}
