"""Recorded on a Mac, checked here: simulated by what such a recording would have written."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from recordings import reseal
from requirement_lines import requirement_lines

from pytest_flowrepro.diff.platforms import locked_version
from pytest_flowrepro.installers.index_settings import uv_tool
from pytest_flowrepro.lock import resolver
from pytest_flowrepro.lockfile.pypi import parse_pypi
from pytest_flowrepro.model import Interpreter, Requirements, System
from pytest_flowrepro.support.process import run_process

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Project

MAC = {"platform": "darwin", "machine": "arm64", "libc": "macos 14.5"}
APPNOPE = {"version": "0.1.4", "via": [], "record": "sha256:aa", "wheel": "py3-none-any"}
ONLY_ON_A_MAC = f"appnope==0.1.4 ; sys_platform == 'darwin' --hash=sha256:{'a' * 64}\n"
LAYERS = {"platform", "machine", "libc"}


def rewrite(
    project: Project,
    edit: Callable[[dict[str, Any]], None],
    *,
    system: dict[str, str] | None = None,
    lock: Callable[[str], str] = lambda text: text,
) -> None:
    """Let the baseline be that of another machine; `edit` gets its packages."""
    folder = project.baseline("HelloFlow")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    base = manifest["environments"]["base"]
    text = lock((folder / "lock-base.txt").read_text(encoding="utf-8"))
    base["lock"]["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    manifest["system"] |= system or {}
    edit(base["packages"])
    (folder / "lock-base.txt").write_text(text, encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    reseal(folder)


def on_a_mac(packages: dict[str, Any]) -> None:
    """One package more, one less, and one in a wheel of the Mac's own."""
    packages["appnope"] = APPNOPE
    del packages["six"]
    packages["metaflow"] |= {"wheel": "py3-none-macosx_14_0_arm64", "record": "sha256:aa"}


def with_markers(lock: str) -> str:
    six = next(line for line in lock.splitlines() if line.startswith("six=="))
    here = f"{six.removesuffix(chr(92))}; sys_platform == '{sys.platform}' \\"
    return ONLY_ON_A_MAC + lock.replace(six, here)


def environment(project: Project, *args: str) -> tuple[str, dict[str, tuple[str, bool]]]:
    """The verdict, and what differs: name -> kind and whether it is gated."""
    (flow,) = project.report("-k", "environment", *args)["flows"]
    return flow["verdict"], {c["name"]: (c["kind"], c["gated"]) for c in flow["changes"]}


def test_what_the_lock_gives_to_one_platform_only_is_shown_and_passes(hello: Project) -> None:
    rewrite(hello, on_a_mac, system=MAC, lock=with_markers)
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
            "*metaflow*platform difference of base*shown only*",
            "*each platform's own wheel: py3-none-macosx_14_0_arm64 -> *",
        ]
    )
    hello.write("pyproject.toml", '[tool.pytest]\n[tool.flowrepro]\nfail-on = ["system"]\n')
    gated = dict.fromkeys(names, ("system", True)) | {"fail-on": ("policy", True)}
    assert environment(hello) == ("drifted", gated)


def test_the_same_differences_on_one_platform_are_drift(hello: Project) -> None:
    rewrite(hello, on_a_mac, lock=with_markers)
    drift = dict.fromkeys(["appnope", "six", "metaflow"], ("package", True))
    assert environment(hello) == ("drifted", drift)


def test_another_version_is_drift_on_any_platform(hello: Project) -> None:
    def older(packages: dict[str, Any]) -> None:
        packages["six"]["version"] = "1.0"
        packages["urllib3"]["record"] = "sha256:aa"

    rewrite(hello, older, system=MAC)
    verdict, changes = environment(hello)
    assert verdict == "drifted"
    gated = {name for name, change in changes.items() if change == ("package", True)}
    assert gated == {"six", "urllib3"}


def test_a_baseline_without_wheel_tags_still_reproduces(hello: Project) -> None:
    def without_wheels(packages: dict[str, Any]) -> None:
        for package in packages.values():
            del package["wheel"]

    rewrite(hello, without_wheels)
    assert environment(hello) == ("environment reproduced", {})


def test_a_lock_by_pip_tools_says_that_it_is_for_one_platform(hello: Project) -> None:
    header = "# By pip-tools, for darwin arm64 only.\n"
    rewrite(hello, lambda _: None, system=MAC, lock=lambda text: header + text)
    result = hello.check("-k", "environment")
    result.assert_outcomes(passed=1, deselected=4)
    result.stdout.fnmatch_lines(
        [f"*lock  changed: darwin arm64 -> {sys.platform} {platform.machine()}*"]
    )
    result.stdout.fnmatch_lines(
        ["*locked by pip-tools on darwin arm64: it has the packages of that platform only*"]
    )


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
