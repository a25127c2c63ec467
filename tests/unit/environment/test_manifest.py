from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from requirement_lines import requirement_lines

from pytest_flowrepro.environment.distributions import parse_record
from pytest_flowrepro.environment.manifest import (
    interpreter_of,
    libc_name,
    marker_environment,
    read_manifest,
    record_digest,
    site_packages,
    system_of,
    wheel_tags,
)
from pytest_flowrepro.model import Interpreter
from pytest_flowrepro.support.errors import EnvironmentBuildError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """What virtualenv leaves behind, as far as it is read."""
    (tmp_path / "lib" / "python3.10" / "site-packages").mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").write_text(
        "home = /usr/bin\nimplementation = CPython\nversion = 3.10.4\n"
    )
    return tmp_path


def install(environment: Path, name: str, *, version: str = "1.0", **files: str) -> Path:
    folder = environment / "lib" / "python3.10" / "site-packages" / f"{name}-{version}.dist-info"
    folder.mkdir()
    requires = "".join(
        f"Requires-Dist: {line}\n" for line in files.pop("requires", "").split("|") if line
    )
    (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n{requires}")
    (folder / "RECORD").write_text(f"{name}.py,sha256=abc,3\n")
    for file, text in files.items():
        (folder / file.replace("_json", ".json")).write_text(text)
    return folder


def via(environment: Path, *requirements: str) -> dict[str, tuple[str, ...]]:
    return {
        package.name: package.via
        for package in read_manifest(environment, requirements=requirement_lines(*requirements))
    }


def test_packages_are_sorted_by_their_canonical_names(environment: Path) -> None:
    install(environment, "Zope.Interface", version="6.0")
    install(environment, "attrs", version="25.1.0")

    packages = read_manifest(environment, requirements=requirement_lines("attrs", "zope-interface"))

    assert [(package.name, package.version) for package in packages] == [
        ("attrs", "25.1.0"),
        ("zope-interface", "6.0"),
    ]


def test_a_package_has_the_link_of_its_metadata(environment: Path) -> None:
    install(environment, "pandas", requires="six\nProject-URL: Changes, https://pandas.example/new")
    install(environment, "six")

    packages = read_manifest(environment, requirements=requirement_lines("pandas"))
    assert [package.link for package in packages] == ["https://pandas.example/new", None]


def test_what_the_flow_asks_for_is_direct_and_the_rest_came_along(environment: Path) -> None:
    install(environment, "pandas", requires="numpy>=2|Python_DateUtil")
    install(environment, "python_dateutil", requires="six")
    install(environment, "numpy")
    install(environment, "six")
    install(environment, "other", requires="six")

    assert via(environment, "pandas>=2", "NumPy", "other") == {
        "numpy": (),
        "other": (),
        "pandas": (),
        "python-dateutil": ("pandas",),
        "six": ("other", "python-dateutil"),
    }


def test_an_extra_counts_if_it_is_required(environment: Path) -> None:
    install(environment, "a", requires="b[fast]")
    install(environment, "b", requires='c ; extra == "fast"|d ; extra == "slow"')
    install(environment, "c")
    install(environment, "d")

    assert via(environment, "a") == {"a": (), "b": ("a",), "c": ("b",), "d": ()}
    assert via(environment, "a", "b[slow]")["d"] == ("b",)


def test_what_the_flow_asks_for_on_another_platform_is_not_direct_here(environment: Path) -> None:
    install(environment, "a", requires="b")
    install(environment, "b")

    assert via(environment, "a", "b ; sys_platform == 'plan9'") == {"a": (), "b": ("a",)}


def test_markers_are_those_of_the_environments_python_and_not_of_ours(environment: Path) -> None:
    install(environment, "a", requires='b ; python_version < "3.11"|c ; python_version >= "3.11"')
    install(environment, "b")
    install(environment, "c")

    assert via(environment, "a") == {"a": (), "b": ("a",), "c": ()}
    assert marker_environment(environment)["python_full_version"] == "3.10.4"
    assert interpreter_of(environment) == Interpreter("cpython", "3.10.4")


@pytest.mark.parametrize(
    ("version", "build", "interpreter"),
    [
        ("3.11.7", "hab00c5b_0_cpython", Interpreter("cpython", "3.11.7")),
        ("3.9.18", "0_73_pypy", Interpreter("pypy", "3.9.18")),
    ],
)
def test_the_interpreter_of_a_prefix_is_its_python_package(
    tmp_path: Path, version: str, build: str, interpreter: Interpreter
) -> None:
    (tmp_path / "conda-meta").mkdir()
    for name in ("python", "python-dateutil"):
        about = json.dumps({"name": name, "version": version, "build": build})
        (tmp_path / "conda-meta" / f"{name}-{version}-{build}.json").write_text(about)

    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.write_text("#!/bin/sh\necho '{}'\n")
    python.chmod(0o755)

    assert interpreter_of(tmp_path) == interpreter
    assert marker_environment(tmp_path)["python_full_version"] == version


def test_condas_link_next_to_the_library_is_not_a_second_one(environment: Path) -> None:
    library = site_packages(environment).parent
    (library.parent / "python3.1").symlink_to(library.name)

    assert site_packages(environment).parent == library


def test_what_is_not_an_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        EnvironmentBuildError, match=r"Expected one site-packages folder in .*, found 0"
    ):
        site_packages(tmp_path / "none")


def test_packages_that_require_each_other_are_each_others_reason(environment: Path) -> None:
    install(environment, "a", requires="b")
    install(environment, "b", requires="a")

    assert via(environment) == {"a": ("b",), "b": ("a",)}


def test_a_package_from_a_url_says_so_whatever_it_was_installed_from(environment: Path) -> None:
    install(environment, "a", direct_url_json='{"url": "file:///wheels/a.whl"}')
    install(environment, "b")
    url = "https://host/a-1-py3-none-any.whl"

    packages = read_manifest(
        environment, requirements=requirement_lines("a", "b"), urls={"a": url, "b": None}
    )

    assert [package.direct_url for package in packages] == [url, None]


@pytest.mark.parametrize(
    "row",
    [
        "a-1.dist-info/RECORD,,",
        "a-1.dist-info/INSTALLER,sha256=x,2",
        "a-1.dist-info/REQUESTED,sha256=x,0",
        "a-1.dist-info/direct_url.json,sha256=x,9",
        "a-1.dist-info/uv_cache.json,sha256=x,9",
        "../../../bin/a,sha256=x,200",
        "/home/me/a,sha256=x,200",
        "__pycache__/a.cpython-311.pyc,,",
    ],
)
def test_what_an_installer_adds_is_not_part_of_a_record_digest(row: str) -> None:
    wheel = "a.py,sha256=abc,3\n"

    assert _digest(wheel + row) == _digest(wheel)


@pytest.mark.parametrize(
    "record",
    [
        "a.py,sha256=abd,3\n",
        "b.py,sha256=abc,3\n",
        "a.py,sha256=abc,3\nb.py,sha256=abc,3\n",
        "a.py,sha256=abc,3\n../../../share/a.txt,sha256=abc,3\n",
        "",
    ],
)
def test_what_a_wheel_brings_is_part_of_it(record: str) -> None:
    assert _digest(record) != _digest("a.py,sha256=abc,3\n")


def _digest(record: str) -> str:
    return record_digest(parse_record(record))


def test_the_order_of_a_record_does_not_matter() -> None:
    rows = ["a.py,sha256=abc,3\n", '"b,c.py",sha256=abd,3\n']

    assert _digest("".join(rows)) == _digest("".join(reversed(rows)))


@pytest.mark.parametrize(
    ("tags", "wheel"),
    [
        (["py3-none-any"], "py3-none-any"),
        (["py3-none-any", "py2-none-any"], "py2.py3-none-any"),
        (
            ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_27_x86_64"],
            "cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64",
        ),
        ([], None),
        (["any"], None),
    ],
)
def test_a_wheel_is_known_by_its_tags(environment: Path, tags: list[str], wheel: str) -> None:
    text = "Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags)
    install(environment, "a", WHEEL=text)

    (package,) = read_manifest(environment, requirements=requirement_lines("a"))

    assert package.wheel == wheel == wheel_tags(text)


def test_a_distribution_without_a_wheel_has_no_tags(environment: Path) -> None:
    install(environment, "a")

    assert [
        one.wheel for one in read_manifest(environment, requirements=requirement_lines("a"))
    ] == [None]


def test_metadata_that_cannot_be_used_is_reported(environment: Path) -> None:
    (install(environment, "a") / "RECORD").unlink()

    with pytest.raises(EnvironmentBuildError, match="RECORD of the installed a cannot be used"):
        read_manifest(environment, requirements=requirement_lines("a"))


@pytest.mark.parametrize("line", ["b >= ?", "b (>=1.*)", "b; no_marker"])
def test_of_a_requirement_from_before_pep_508_the_name_is_read(
    environment: Path, line: str
) -> None:
    install(environment, "a", requires=line)
    install(environment, "b")

    packages = read_manifest(environment, requirements=requirement_lines("a"))

    assert [(one.name, one.via) for one in packages] == [("a", ()), ("b", ("a",))]


def test_the_system_has_words_for_this_machine() -> None:
    system = system_of()

    assert system.platform in {"linux", "darwin"}
    assert system.machine
    assert system == system_of()


@pytest.mark.parametrize(
    ("found", "mac", "tags", "libc"),
    [
        (("glibc", "2.36"), "", ["linux_x86_64", "manylinux_2_36_x86_64"], "glibc 2.36"),
        (("", ""), "14.5", ["macosx_14_0_arm64"], "macos 14.5"),
        (
            ("", ""),
            "",
            ["linux_x86_64", "musllinux_1_2_x86_64", "musllinux_1_1_x86_64"],
            "musl 1.2",
        ),
        (("", ""), "", ["linux_mips"], ""),
    ],
)
def test_the_c_library_is_named_on_every_system(
    found: tuple[str, str], mac: str, tags: list[str], libc: str
) -> None:
    assert libc_name(found, mac=mac, tags=tags) == libc
